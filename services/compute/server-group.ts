/**
 * Server groups: servers of a project that belong together on a host, or apart. A server joins as it is
 * made; where it may go is asked by placement and held by the claim (allocation.ts, A5).
 */
import type { Prisma, ServerGroup } from '../../prisma/generated/client.ts'
import { allow, inProject, type Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { quotasOf } from '../identity/quota.ts'
import { quotaClaim, quotaCommit, quotaRelease } from '../identity/quota-claim.ts'
import { checkVersion } from '../versioned.ts'
import type { GroupPolicy } from './placement-view.ts'

/** The groups that somebody of this reach sees. */
export const serverGroupsWithin = ({
  projectId,
  domainId,
  userId,
}: Reach): Prisma.ServerGroupWhereInput => ({
  ...(domainId && { project: { domainId } }),
  ...(projectId && { projectId }),
  ...(userId && { userId }),
})

const MEMBERS = 'compute.serverGroupMembers'

/** Writes the event and the audit entry of a change. */
/** Without a before it is new, without an after gone. */
function groupTelling(before: ServerGroup | null, after: ServerGroup | null): Telling {
  const { id, name, projectId } = (after ?? before) as ServerGroup
  return telling(projectId, {
    resourceType: 'server_group',
    resourceId: id,
    resourceName: name,
    projectId,
    before: before && viewOf(before),
    after: after && viewOf(after),
  })
}

const viewOf = ({ name, policy }: ServerGroup) => ({ name, policy })

export interface ServerGroupCreate extends CommandInput {
  name: string
  policy: GroupPolicy
}

type Done = Promise<{ id: string }>

export const serverGroupCreate: (ctx: Context, input: ServerGroupCreate) => Done = command(
  'compute.server-group.create',
  async (c, { name, policy }) => {
    const { projectId, userId } = inProject(c)
    const group = await c.tx.serverGroup.create({
      data: { id: newId(), projectId, userId, name, policy, createdAt: c.at, updatedAt: c.at },
    })
    const amounts = { 'compute.serverGroups': 1 }
    await quotaClaim(c, { projectId, ownerId: group.id, amounts })
    await quotaCommit(c.tx, group.id)
    await tell(c, groupTelling(null, group))
    return { id: group.id }
  },
)

/** Its servers stay where they are, and are in no group any more. */
export const serverGroupDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Done = command('compute.server-group.delete', async (c, { id, ifVersion }) => {
  const where = { AND: [{ id }, serverGroupsWithin(c.reach)] }
  const group = await c.tx.serverGroup.findFirst({ where })
  if (!group) throw notFound('server group', id)
  allow(c, c.rule, { project_id: group.projectId, user_id: group.userId })
  checkVersion(group, ifVersion)
  await c.tx.serverGroup.delete({ where: { id } })
  await quotaRelease(c.tx, id)
  await tell(c, groupTelling(group, null))
  return { id }
})

/**
 * Checks that the group is the project's and has room for so many more, and keeps others from joining
 * until the transaction ends. Throws NOT_FOUND and QUOTA_EXCEEDED.
 */
export async function joinGroup(
  c: Command,
  projectId: string,
  id: string,
  count: number,
): Promise<void> {
  const [group] = await c.tx.$queryRaw<{ name: string }[]>`
    select name from compute.server_group
    where id = ${id}::uuid and project_id = ${projectId}::uuid for no key update`
  if (!group) throw notFound('server group', id)
  const used = await c.tx.server.count({ where: { groupId: id } })
  const quotas = await quotasOf(c.tx, c.region, [projectId])
  const limit = quotas.find(({ resource }) => resource === MEMBERS)?.limit ?? 0
  if (limit < 0 || used + count <= limit) return
  throw new CloudError(
    'QUOTA_EXCEEDED',
    `A server group may have ${limit} members, ${group.name} has ${used}, ${count} more were asked for`,
    { resource: MEMBERS, limit, used, requested: count },
  )
}

/** Ends the groups of projects that go; their servers are gone already. */
export async function serverGroupsEmpty(tx: Tx, projectIds: string[]): Promise<Telling[]> {
  const groups = await tx.serverGroup.findMany({ where: { projectId: { in: projectIds } } })
  for (const { id } of groups) await quotaRelease(tx, id)
  await tx.serverGroup.deleteMany({ where: { id: { in: groups.map(({ id }) => id) } } })
  return groups.map((group) => groupTelling(group, null))
}
