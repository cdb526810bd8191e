/**
 * Regions: parts of the cloud with endpoints of their own, in trees. Their ids are names that people
 * choose, as in Keystone.
 */
import { v5 } from 'uuid'
import type { Region } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { changed } from '../core/audit.ts'
import { tell, telling } from '../core/tell.ts'
import { badInput, CloudError } from '../errors.ts'
import { checkVersion, given, givenOrNone, orTaken, updateRow } from '../versioned.ts'

const MAX_DEPTH = 16
const MAX_LISTED = 50
/** Makes ids of names: events and the audit log know resources by UUID. */
const NAMESPACE = 'b2a7c9f4-3f0e-4f6e-9d0c-5a3e7c1d8e21'

/** What the audit log calls a region. */
export const regionAuditId = (id: string): string => v5(id, NAMESPACE)

const noRegion = (id: string): CloudError => new CloudError('NOT_FOUND', `There is no region ${id}`)

/** Throws NOT_FOUND. */
export async function findRegion(tx: Tx, id: string): Promise<Region> {
  const region = await tx.region.findUnique({ where: { id } })
  if (!region) throw noRegion(id)
  return region
}

const viewOf = ({ description, parentRegionId }: Region) => ({ description, parentRegionId })

async function told(c: Command, before: Region | null, after: Region | null): Promise<void> {
  const { id } = (after ?? before) as Region
  const resource = {
    resourceType: 'region',
    resourceId: regionAuditId(id),
    resourceName: id,
  } as const
  const change = changed(before && viewOf(before), after && viewOf(after))
  await tell(c, telling(null, { ...resource, ...change }))
}

/** Two moves at once could close a circle that neither sees: one after the other. */
const lockTree = (tx: Tx): Promise<number> =>
  tx.$executeRaw`select pg_advisory_xact_lock(hashtext('nephograph.regions'))`

/** Refuses a parent that is not there, lies too deep, or below the region itself. */
async function checkParent(tx: Tx, parentRegionId: string, id: string | null): Promise<void> {
  await lockTree(tx)
  const path: string[] = []
  for (let at: string | null = parentRegionId; at !== null; ) {
    const region: Region = await findRegion(tx, at)
    path.push(region.id)
    if (region.id === id) throw badParent('lies below the region: regions form trees')
    if (path.length >= MAX_DEPTH) throw badParent(`is at level ${MAX_DEPTH}, the last there is`)
    at = region.parentRegionId
  }
}

const badParent = (message: string): CloudError =>
  badInput('parentRegionId', message, `The parent ${message}`)

export interface RegionCreate extends CommandInput {
  id: string
  description?: string | null
  parentRegionId?: string | null
}

export const regionCreate: (ctx: Context, input: RegionCreate) => Promise<{ id: string }> = command(
  'identity.region.update',
  async (c, { id, description, parentRegionId }) => {
    if (parentRegionId) await checkParent(c.tx, parentRegionId, id)
    const region = await orTaken(
      c.tx.region.create({
        data: { id, ...given({ description, parentRegionId }), createdAt: c.at, updatedAt: c.at },
      }),
      'region',
      id,
    )
    await told(c, null, region)
    return { id }
  },
)

export interface RegionUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  description?: string | null
  parentRegionId?: string | null
}

export const regionUpdate: (ctx: Context, input: RegionUpdate) => Promise<{ id: string }> = command(
  'identity.region.update',
  async (c, { id, ifVersion, description, parentRegionId }) => {
    if (parentRegionId) await checkParent(c.tx, parentRegionId, id)
    const before = await findRegion(c.tx, id)
    checkVersion(before, ifVersion)
    const data = { ...given({ description }), ...givenOrNone({ parentRegionId }) }
    await updateRow(c.tx.region, before, data, c.at)
    await told(c, before, await findRegion(c.tx, id))
    return { id }
  },
)

/** IN_USE while something is in it. */
export const regionDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.region.update', async (c, { id, ifVersion }) => {
  await lockTree(c.tx)
  await c.tx.$executeRaw`select from identity.region where id = ${id} for update`
  const region = await findRegion(c.tx, id)
  checkVersion(region, ifVersion)
  const resources = await contentsOf(c.tx, id)
  if (resources.length > 0) {
    throw new CloudError('IN_USE', 'There is something in the region: delete it first', {
      resources,
    })
  }
  await c.tx.region.delete({ where: { id } })
  await told(c, region, null)
  return { id }
})

async function contentsOf(tx: Tx, regionId: string) {
  const regions = await tx.region.findMany({
    where: { parentRegionId: regionId },
    take: MAX_LISTED,
  })
  const endpoints = await tx.endpoint.findMany({ where: { regionId }, take: MAX_LISTED })
  const limits = await tx.registeredLimit.findMany({ where: { regionId }, take: MAX_LISTED })
  return [
    ...regions.map(({ id }) => ({ type: 'region', id, name: id })),
    ...endpoints.map(({ id, url }) => ({ type: 'endpoint', id, name: url })),
    ...limits.map(({ id, resource }) => ({ type: 'registered_limit', id, name: resource })),
  ].slice(0, MAX_LISTED)
}
