/**
 * Flavors: the sizes of servers. A size never changes, as in Nova: what servers were built with stays
 * true. One that is not public does not exist for projects that are not on its list (flavor-access.ts).
 */

import type { Flavor, Prisma } from '../../prisma/generated/client.ts'
import { may, type Reach } from '../access/allow.ts'
import { otherCells } from '../cells/cells.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Cloud, Context, Tx } from '../context.ts'
import { changed } from '../core/audit.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { CloudError, type ErrorDetails, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { checkExtraSpecs, type ExtraSpecs } from './flavor-specs.ts'
import { openMigrations } from './migration-status.ts'

/** OpenStack's well-known sizes, with a nano for the tiny guest image. */
const firstFlavors = [
  { name: 'm1.nano', vcpus: 1, memoryMiB: 128, diskGiB: 1 },
  { name: 'm1.micro', vcpus: 1, memoryMiB: 256, diskGiB: 1 },
  { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, diskGiB: 1 },
  { name: 'm1.small', vcpus: 1, memoryMiB: 2048, diskGiB: 20 },
  { name: 'm1.medium', vcpus: 2, memoryMiB: 4096, diskGiB: 40 },
  { name: 'm1.large', vcpus: 4, memoryMiB: 8192, diskGiB: 80 },
]
const MAX_LISTED = 50

/** Adds the first flavors to a cloud that has none; an operator's own choice stays as it is. */
export async function flavorBootstrap({ db, now }: Pick<Cloud, 'db' | 'now'>): Promise<void> {
  if ((await db.flavor.count()) > 0) return
  const at = now()
  await db.flavor.createMany({
    data: firstFlavors.map((flavor) => ({ id: newId(), ...flavor, createdAt: at, updatedAt: at })),
    skipDuplicates: true,
  })
}

/** The flavors that somebody of this reach sees: operators all, a project those that it may use. */
export const flavorsWithin = ({ projectId }: Reach): Prisma.FlavorWhereInput =>
  projectId ? { OR: [{ public: true }, { access: { some: { projectId } } }] } : {}

/** The same of a row that came with its access. */
export const isFlavorWithin = (
  { projectId }: Reach,
  flavor: Flavor & { access: { projectId: string }[] },
): boolean =>
  !projectId || flavor.public || flavor.access.some((access) => access.projectId === projectId)

/** A flavor that servers of the project can get. Operators may use any that is enabled, as in Nova. */
export async function usableFlavor(c: Command, projectId: string, id: string): Promise<Flavor> {
  const all = may(c, 'compute.flavor.list', {})
  const within = all ? {} : flavorsWithin({ domainId: null, projectId, userId: null })
  const flavor = await c.tx.flavor.findFirst({ where: { AND: [{ id }, within] } })
  if (!flavor) throw notFound('flavor', id)
  if (flavor.enabled) return flavor
  throw new CloudError('INVALID_STATE', `The flavor ${flavor.name} is disabled: choose another`, {
    allowedStatuses: ['enabled'],
  })
}

/** Any flavor, private ones too: for operators' commands. Throws NOT_FOUND. */
export async function findFlavor(c: Command, id: string): Promise<Flavor> {
  const flavor = await c.tx.flavor.findUnique({ where: { id } })
  if (!flavor) throw notFound('flavor', id)
  return flavor
}

const viewOf = ({ name, description, enabled, vcpus, memoryMiB, diskGiB, ...row }: Flavor) => ({
  name,
  description,
  vcpus,
  memoryMiB,
  diskGiB,
  extraSpecs: row.extraSpecs,
  public: row.public,
  enabled,
})

/** Writes the events and the audit entry of a change; `after` is null when it is gone. */
async function told(
  c: Command,
  before: Flavor | null,
  after: Flavor | null,
  projectIds: string[],
): Promise<void> {
  const { id, name } = (after ?? before) as Flavor
  const what = before ? (after ? 'updated' : 'deleted') : 'created'
  const isKnown = before?.public || after?.public
  await flavorEvents(c, id, what, isKnown ? 'all' : projectIds)
  c.audit({
    resourceType: 'flavor',
    resourceId: id,
    resourceName: name,
    ...changed(before && viewOf(before), after && viewOf(after)),
  })
}

/**
 * An event of a flavor that everybody knows has no project. One of a private flavor is told in each
 * project of its list, and in the operator's own: nobody else learns that there is such a flavor.
 */
export async function flavorEvents(
  c: Command,
  id: string,
  what: 'created' | 'updated' | 'deleted',
  to: 'all' | string[],
): Promise<void> {
  const where = to === 'all' ? [null] : [...new Set([...(await operatorProjects(c.tx)), ...to])]
  await emit(
    c.tx,
    ...where.map(
      (projectId): EventDraft => ({
        type: `flavor.${what}`,
        resourceType: 'flavor',
        resourceId: id,
        projectId,
        userId: c.actor.userId,
        requestId: c.requestId,
      }),
    ),
  )
}

const operatorProjects = async (tx: Tx): Promise<string[]> =>
  (await tx.project.findMany({ where: { operator: true }, select: { id: true } })).map((p) => p.id)

export const projectsOfFlavor = async (tx: Tx, flavorId: string): Promise<string[]> =>
  (await tx.flavorAccess.findMany({ where: { flavorId } })).map((access) => access.projectId)

export interface FlavorCreate extends CommandInput {
  name: string
  vcpus: number
  memoryMiB: number
  diskGiB: number
  description?: string | null
  extraSpecs?: ExtraSpecs | null
  public?: boolean | null
}

export const flavorCreate: (ctx: Context, input: FlavorCreate) => Promise<{ id: string }> = command(
  'compute.flavor.create',
  async (c, { name: asked, vcpus, memoryMiB, diskGiB, ...input }) => {
    const { description, extraSpecs } = input
    const name = asked.trim()
    if (extraSpecs) checkExtraSpecs(extraSpecs)
    const flavor = await orTaken(
      c.tx.flavor.create({
        data: {
          id: newId(),
          name,
          vcpus,
          memoryMiB,
          diskGiB,
          ...given({ description, extraSpecs, public: input.public }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'flavor',
      name,
    )
    await told(c, null, flavor, [])
    return { id: flavor.id }
  },
)

export interface FlavorUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  description?: string | null
  enabled?: boolean | null
  extraSpecs?: ExtraSpecs | null
  public?: boolean | null
}

/** What it asks of hosts counts for servers that are made, rebuilt or resized from now on. */
export const flavorUpdate: (ctx: Context, input: FlavorUpdate) => Promise<{ id: string }> = command(
  'compute.flavor.update',
  async (c, { id, ifVersion, description, enabled, extraSpecs, ...input }) => {
    const before = await findFlavor(c, id)
    checkVersion(before, ifVersion)
    if (extraSpecs) checkExtraSpecs(extraSpecs)
    const data = given({ description, enabled, extraSpecs, public: input.public })
    await updateRow(c.tx.flavor, before, data, c.at)
    const after = await c.tx.flavor.findUniqueOrThrow({ where: { id } })
    await told(c, before, after, await projectsOfFlavor(c.tx, id))
    return { id }
  },
)

/** Only when no server has it: disabling keeps new ones away. */
export const flavorDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('compute.flavor.delete', async (c, { id, ifVersion }) => {
  const flavor = await findFlavor(c, id)
  checkVersion(flavor, ifVersion)
  // Nobody makes a server of it from here on: their foreign key would have to wait for this lock.
  await c.tx.$executeRaw`select from compute.flavor where id = ${id}::uuid for update`
  await refuseInUse(c.tx, flavor)
  for (const { db } of otherCells(c.cells)) await refuseInUse(db, flavor)
  const projectIds = await projectsOfFlavor(c.tx, id)
  for (const end of ['oldFlavorId', 'newFlavorId'] as const) {
    await c.tx.migration.updateMany({ where: { [end]: id }, data: { [end]: null } })
  }
  await c.tx.flavor.delete({ where: { id } })
  await told(c, flavor, null, projectIds)
  return { id }
})

async function refuseInUse(tx: Tx, { id, name }: Flavor): Promise<void> {
  const moving = {
    migrations: {
      some: { status: { in: [...openMigrations] }, OR: [{ oldFlavorId: id }, { newFlavorId: id }] },
    },
  }
  const where: Prisma.ServerWhereInput = { OR: [{ flavorId: id }, moving] }
  const count = await tx.server.count({ where })
  if (count === 0) return
  const servers = await tx.server.findMany({ where, take: MAX_LISTED, orderBy: { id: 'asc' } })
  const resources: ErrorDetails['resources'] = servers.map((server) => ({
    type: 'server',
    id: server.id,
    name: server.name,
  }))
  throw new CloudError(
    'IN_USE',
    `${count} servers have the flavor ${name}: disable it (enabled: false) and new ones can not`,
    { resources },
  )
}
