/** What the portal shows of a cloud of which a part is down. */
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openBus } from '../../server/bus/registry.ts'
import { portalProblem } from '../support/browser.ts'
import { type FreshCell, freshCell } from '../support/cell.ts'
import { useReplicatingPostgres } from '../support/database.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal } from '../support/portal.ts'

/** Nobody listens there. */
const DEAD = 'postgresql://nobody@127.0.0.1:1/nothing'

describeNeeds(portalProblem, 'a cell that does not answer', () => {
  let p: Portal
  let cell: FreshCell | undefined
  let stopPostgres: (() => Promise<void>) | undefined

  beforeAll(async () => {
    stopPostgres = await useReplicatingPostgres()
    const bus = await openBus(undefined, pino({ level: 'silent' }))
    p = await startPortal({
      hosts: 1,
      cells: async (homeUrl) => {
        cell = await freshCell(homeUrl, 'cell2')
        return [{ name: 'cell2', databaseUrl: DEAD, bus }]
      },
    })
  }, STORY_MS)
  afterAll(async () => {
    await cell?.drop()
    await p?.stop()
    await stopPostgres?.()
  })

  it(
    'is named on every list that lacks what it has',
    async () => {
      for (const list of ['servers', 'hosts', 'migrations', 'images']) {
        await p.open(list)
        await p.says('Part of the cloud does not answer: what it has is not in this list')
        await p.page.getByText(/^cell2: its database does not answer/).waitFor()
        await p.picture(`cell-down-${list}`)
      }
      await p.open('servers')
      await p.says('Nothing in what answers')
      await p.open('flavors')
      await p.heading('Flavors').waitFor()
      expect(await p.page.getByText(/^cell2/).count()).toBe(0)
    },
    STORY_MS,
  )
})
