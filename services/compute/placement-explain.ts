/** Where a would-be server would go: the question of `placementExplain`, as a request of placement. */
import { allow, may } from '../access/allow.ts'
import type { Context } from '../context.ts'
import { CloudError, notFound } from '../errors.ts'
import { flavorsWithin } from './flavor.ts'
import type { Explanation } from './placement.ts'
import { checkHinted, demandsOf, placementRequestOf } from './placement-request.ts'
import type { GroupPolicy, PlacementRequest } from './placement-view.ts'
import { resourcesOf } from './server.ts'

const GIB = 1024 ** 3
const RULE = 'compute.placement.explain'

export interface PlacementQuestion {
  flavorId?: string | null
  imageId?: string | null
  serverId?: string | null
  availabilityZone?: string | null
  groupId?: string | null
  sameHost?: string[] | null
  differentHost?: string[] | null
}

/** Asks of all hosts, and changes nothing. What the caller names must be the project's. */
export async function placementExplain(
  ctx: Context,
  question: PlacementQuestion,
): Promise<Explanation> {
  const { projectId } = allow(ctx, RULE, { project_id: ctx.actor?.projectId ?? null })
  const whose = projectId ?? null
  // Operators may ask for anybody.
  const within = may(ctx, 'compute.server.list-all', {}) ? null : (whose ?? '')
  const server = question.serverId ? await ofServer(ctx, question.serverId, within) : null
  const size = await sizeOf(ctx, question, within)
  if (!server && !size) {
    const fields = [{ path: 'input.flavorId', message: 'is needed, or a serverId' }]
    throw new CloudError('BAD_INPUT', 'Say which flavor the server would have', { fields })
  }
  const { availabilityZone, groupId, sameHost, differentHost } = question
  // Where another project's servers are is nobody's to find out.
  await checkHinted(ctx.db, [...(sameHost ?? []), ...(differentHost ?? [])], within)
  const group = groupId ? await groupOf(ctx, groupId, within) : null
  return ctx.placement.explain({
    resources: {},
    tried: [],
    projectId: whose,
    ...server,
    ...size,
    ...(availabilityZone != null && { availabilityZone }),
    ...(group && { group }),
    ...(sameHost && { sameHost }),
    ...(differentHost && { differentHost }),
  })
}

const projectIs = (within: string | null) => (within === null ? {} : { projectId: within })

/** The request of a server that moves: anywhere but where it is. */
async function ofServer(
  { db }: Context,
  id: string,
  within: string | null,
): Promise<PlacementRequest> {
  const server = await db.server.findFirst({
    where: { id, ...projectIs(within) },
    select: { host: { select: { name: true } } },
  })
  if (!server) throw notFound('server', id)
  const notHosts = server.host ? [{ host: server.host.name, reason: 'it is there already' }] : []
  return placementRequestOf(db, id, { notHosts })
}

/** What flavor and image ask for; null when no flavor is named. */
async function sizeOf(
  { db }: Context,
  { flavorId, imageId }: PlacementQuestion,
  within: string | null,
): Promise<Partial<PlacementRequest> | null> {
  const image = imageId
    ? await db.image.findFirst({
        // An empty condition in an OR holds of nothing: for whoever sees all there must be none.
        where: {
          id: imageId,
          ...(within !== null && { OR: [{ projectId: within }, { visibility: 'PUBLIC' }] }),
        },
        select: { virtualSizeBytes: true, properties: true },
      })
    : null
  if (imageId && !image) throw notFound('image', imageId)
  if (!flavorId) return null
  const reach = { domainId: null, projectId: within, userId: null }
  const flavor = await db.flavor.findFirst({
    where: { AND: [{ id: flavorId }, flavorsWithin(reach)] },
  })
  if (!flavor) throw notFound('flavor', flavorId)
  const diskGiB = flavor.diskGiB || Math.ceil(Number(image?.virtualSizeBytes ?? 0) / GIB)
  return {
    resources: resourcesOf({ ...flavor, diskGiB }),
    ...demandsOf(flavor.extraSpecs, image?.properties),
  }
}

async function groupOf(
  { db }: Context,
  id: string,
  within: string | null,
): Promise<NonNullable<PlacementRequest['group']>> {
  const group = await db.serverGroup.findFirst({ where: { id, ...projectIs(within) } })
  if (!group) throw notFound('server group', id)
  return { id, policy: group.policy as GroupPolicy }
}
