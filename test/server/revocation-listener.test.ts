import { pino } from 'pino'
import { expect, it } from 'vitest'
import { listenToRevocations } from '../../server/revocation-listener.ts'
import type { Db } from '../../services/context.ts'
import type { EventRow } from '../../services/core/event.ts'
import { until } from '../support/until.ts'

it('reads what comes together at once, and again what could not be read', async () => {
  let tell = (_event: EventRow): void => {}
  const relay = { onEvent: (listener: typeof tell) => void (tell = listener) }
  const asked: string[][] = []
  const known: string[] = []
  const revocations = {
    async load(_db: Db, _at: Date, ids: string[] = []) {
      asked.push(ids)
      if (asked.length === 1) throw new Error('the database is away')
      known.push(...ids)
    },
    prune() {},
  }
  const listener = listenToRevocations({} as Db, revocations, relay, pino({ level: 'silent' }))
  let heard = 0
  listener.onKnown(() => heard++)
  try {
    const event = (type: string, resourceId: string) => ({ type, resourceId }) as EventRow
    tell(event('revocation.created', 'a'))
    tell(event('user.updated', 'x'))
    tell(event('revocation.created', 'b'))
    await until('both are known', () => known.length === 2)
    expect(asked).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect(heard).toBe(1)
    tell(event('revocation.created', 'c'))
    await until('the third is known', () => known.includes('c'))
  } finally {
    await listener.stop()
  }
})
