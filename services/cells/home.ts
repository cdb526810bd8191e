/**
 * What a cell's servers hold of quotas, at home. A command in a cell claims there first (CE3): it may then
 * be refused, or die, and what it claimed is more than what is there, never less. Afterwards home follows
 * the cell's own claims, owner by owner.
 */
import type { Db } from '../context.ts'
import {
  type Claims,
  quotaClaimMany,
  quotaCommit,
  quotaRelease,
  quotaRoom,
  quotaTake,
} from '../identity/quota-claim.ts'
import type { Home } from './cells.ts'

/** Of one command. `db` is home's client, or the merged one. */
export function homeOf(db: Db, cellId: string): Home {
  const claimed: string[] = []
  return {
    db,
    async claim(c, claims: Claims) {
      await db.$transaction(async (tx) => {
        await quotaClaimMany({ ...c, tx, home: null }, claims)
        const where = { ownerId: { in: [...claims.ownerIds] } }
        await tx.quotaClaim.updateMany({ where, data: { cellId } })
      })
      claimed.push(...claims.ownerIds)
    },
    room: (c, claim) => db.$transaction((tx) => quotaRoom({ ...c, tx, home: null }, claim)),
    async giveBack() {
      for (let ownerId = claimed[0]; ownerId !== undefined; ownerId = claimed[0]) {
        const id = ownerId
        await db.$transaction((tx) => quotaRelease(tx, id))
        claimed.shift()
      }
    },
  }
}

/** Makes home's claims of these owners what the cell's are; how many differed. */
export async function claimsFollow(
  home: Pick<Home, 'db'>,
  cell: { id: string; db: Db },
  ownerIds: string[],
): Promise<number> {
  const where = { ownerId: { in: ownerIds } }
  const orderBy = [{ ownerId: 'asc' }, { resource: 'asc' }] as const
  const [there, here] = await Promise.all([
    cell.db.quotaClaim.findMany({ where, orderBy: [...orderBy] }),
    home.db.quotaClaim.findMany({ where: { ...where, cellId: cell.id }, orderBy: [...orderBy] }),
  ])
  type Row = (typeof there)[number]
  const of = (rows: Row[], ownerId: string) => rows.filter((row) => row.ownerId === ownerId)
  const told = (rows: Row[]) =>
    rows.map(({ resource, amount, reserved }) => `${resource} ${amount} ${reserved}`).join()
  let differed = 0
  for (const ownerId of ownerIds) {
    const wanted = of(there, ownerId)
    if (told(wanted) === told(of(here, ownerId))) continue
    differed++
    await home.db.$transaction(async (tx) => {
      await quotaRelease(tx, ownerId)
      const [first] = wanted
      if (!first) return
      const amounts = Object.fromEntries(wanted.map(({ resource, amount }) => [resource, amount]))
      await quotaTake(tx, { projectId: first.projectId, ownerIds: [ownerId], amounts })
      await tx.quotaClaim.updateMany({ where: { ownerId }, data: { cellId: cell.id } })
      if (!first.reserved) await quotaCommit(tx, ownerId)
    })
  }
  return differed
}
