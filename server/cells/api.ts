/** The cloud as the api role sees it: all cells of it. In a cloud with one cell it is that one's, unchanged. */
import type { ImageStore } from '../../drivers/image/driver.ts'
import { explainsEverywhere } from '../../services/cells/explain.ts'
import type { Cloud } from '../../services/context.ts'
import { startImageAgent } from '../../workers/image/agent.ts'
import type { Center } from '../center.ts'
import type { Start } from '../cloud.ts'
import { placementSettingsOf } from '../config-scheduler.ts'
import { type OpenCells, openCells } from './cells.ts'
import { followClaims } from './claims.ts'
import { mergeEvents } from './events.ts'

export async function cloudOfCells(
  { config, log, caller, cells: settings = [], onStop }: Start,
  { cloud, metrics, relay }: Center,
  store: ImageStore,
): Promise<{ cloud: Cloud } & Pick<OpenCells, 'callerOf'>> {
  if (settings.length === 0) return { cloud, callerOf: async () => caller }
  const open = await openCells({
    home: { ...cloud, relay, caller },
    ...{ settings, log, placement: placementSettingsOf(config), onQuery: metrics.statement },
  })
  onStop(() => open.close())
  for (const { bus, db, name } of open.others) {
    const images = await startImageAgent(bus, store, db, log.child({ cell: name }))
    onStop(() => images.stop())
  }
  const claims = followClaims(cloud.db, open, log)
  onStop(() => claims.stop())
  const ofAll: Cloud = {
    ...cloud,
    ...{ db: open.db, consoles: open.consoles, cells: open.cells },
    events: mergeEvents(open.relays),
    placement: { ...cloud.placement, explain: explainsEverywhere(open.cells) },
    // By hand: a spread would keep the access rules of this moment.
    get policy() {
      return cloud.policy
    },
  }
  return { cloud: ofAll, callerOf: open.callerOf }
}
