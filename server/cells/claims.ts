/**
 * Home's claims follow the cells' own (CE3): the servers and moves that an event names within a second, and
 * all of them now and then, because events may be missed.
 *
 * CC1 What is at home and not in the cell may be a command that is under way: of a whole look only what two
 *     looks in a row have found is given back. An event that tells of a deletion is certain.
 */
import type { Logger } from 'pino'
import { HOME_CELL } from '../../services/cells/cells.ts'
import { claimsFollow } from '../../services/cells/home.ts'
import type { Db } from '../../services/context.ts'
import { type Periodic, startPeriodic } from '../../workers/periodic.ts'
import type { OpenCells } from './cells.ts'

const LOOK_MS = 1_000
/** Looks between two whole ones. */
const WHOLE_EVERY = 300
/** Owners that are compared at once. */
const BATCH = 500

export function followClaims(
  home: Db,
  { others, relays, cells }: Pick<OpenCells, 'others' | 'relays' | 'cells'>,
  log: Logger,
): Periodic {
  const changed = new Map<string, Set<string>>(others.map(({ id }) => [id, new Set()]))
  for (const { id, name } of others) {
    relays
      .find((one) => one.name === name)
      ?.relay.onEvent(({ resourceType, resourceId }) => {
        if (resourceType === 'server' || resourceType === 'migration') {
          changed.get(id)?.add(resourceId)
        }
      })
  }
  /** Owners that the last whole look found at home only. */
  let suspects = new Set<string>()

  async function look(whole: boolean): Promise<void> {
    const found = new Set<string>()
    for (const { id, db } of cells.up()) {
      if (id === HOME_CELL) continue
      const owners = [...(changed.get(id) ?? [])]
      changed.get(id)?.clear()
      for (let at = 0; at < owners.length; at += BATCH) {
        await claimsFollow({ db: home }, { id, db }, owners.slice(at, at + BATCH))
      }
      if (whole) for (const owner of await lookAtAll(home, { id, db }, suspects)) found.add(owner)
    }
    if (whole) suspects = found
  }

  let looks = 0
  const failed = 'the claims of the cells could not be followed'
  return startPeriodic({ everyMs: LOOK_MS, log, failed, atOnce: true }, () =>
    look(looks++ % WHOLE_EVERY === 0),
  )
}

/** CC1: the owners that are at home only. */
async function lookAtAll(
  home: Db,
  cell: { id: string; db: Db },
  suspects: ReadonlySet<string>,
): Promise<string[]> {
  const missing: string[] = []
  for (let last = ''; ; ) {
    const rows = await home.quotaClaim.findMany({
      where: { cellId: cell.id, ...(last && { ownerId: { gt: last } }) },
      select: { ownerId: true },
      distinct: ['ownerId'],
      orderBy: { ownerId: 'asc' },
      take: BATCH,
    })
    const owners = rows.map(({ ownerId }) => ownerId)
    const there = await cell.db.quotaClaim.findMany({
      where: { ownerId: { in: owners } },
      select: { ownerId: true },
    })
    const present = new Set(there.map(({ ownerId }) => ownerId))
    const gone = owners.filter((owner) => !present.has(owner))
    missing.push(...gone)
    const certain = owners.filter((owner) => present.has(owner) || suspects.has(owner))
    await claimsFollow({ db: home }, cell, certain)
    if (owners.length < BATCH) return missing
    last = owners.at(-1) ?? last
  }
}
