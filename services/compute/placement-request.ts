/** What a server asks of placement, from its row; and where the servers are that it names. */
import type { Db, Tx } from '../context.ts'
import { notFound } from '../errors.ts'
import { traitsOf } from './placement-traits.ts'
import type { GroupPolicy, Peers, PlacementRequest } from './placement-view.ts'
import { resourcesOf } from './server.ts'

type Specs = Record<string, string>

/** What a server of this flavor and image asks for, wherever it is written. */
export const demandsOf = (extraSpecs: unknown, imageProperties: unknown) => {
  const specs = textsOf(extraSpecs)
  const properties = textsOf(imageProperties)
  return { extraSpecs: specs, imageProperties: properties, ...traitsOf(specs, properties) }
}

/** A column of texts, as JSON. */
function textsOf(value: unknown): Specs {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]))
}

interface AskingServer {
  projectId: string
  vcpus: number
  memoryMiB: number
  diskGiB: number
  availabilityZone: string | null
  hints: unknown
  extraSpecs: unknown
  imageProperties: unknown
  groupId: string | null
  policy: GroupPolicy | null
}

/** The request of a server as its row says now; `more` goes before. */
export async function placementRequestOf(
  db: Db | Tx,
  serverId: string,
  more: Partial<PlacementRequest> = {},
): Promise<PlacementRequest> {
  const [server] = await db.$queryRaw<AskingServer[]>`
    select s.project_id as "projectId", s.vcpus, s.memory_mib as "memoryMiB",
           s.disk_gib as "diskGiB", s.availability_zone as "availabilityZone", s.hints,
           s.extra_specs as "extraSpecs", s.image_properties as "imageProperties",
           g.id as "groupId", g.policy
    from compute.server s left join compute.server_group g on g.id = s.group_id
    where s.id = ${serverId}::uuid`
  if (!server) throw new Error(`there is no server ${serverId} to be placed`)
  const { groupId, policy, availabilityZone, projectId } = server
  return {
    resources: resourcesOf(server),
    tried: [],
    serverId,
    projectId,
    availabilityZone,
    ...demandsOf(server.extraSpecs, server.imageProperties),
    group: groupId && policy ? { id: groupId, policy } : null,
    ...hintsOf(server.hints),
    ...more,
  }
}

/** The hints of a server's row. */
function hintsOf(hints: unknown): Pick<PlacementRequest, 'sameHost' | 'differentHost'> {
  const { sameHost, differentHost } = (hints ?? {}) as Record<string, unknown>
  const ids = (value: unknown) =>
    Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : []
  return { sameHost: ids(sameHost), differentHost: ids(differentHost) }
}

/** A request that came as JSON from another process; only what every one has is checked. */
export function placementRequestFrom(input: unknown): PlacementRequest {
  const { resources, tried } = (input ?? {}) as Partial<PlacementRequest>
  if (typeof resources !== 'object' || resources === null || !Array.isArray(tried)) {
    throw new TypeError('place needs resources and the hosts that were tried')
  }
  return input as PlacementRequest
}

export const namesPeers = ({ group, sameHost, differentHost }: PlacementRequest): boolean =>
  Boolean(group || sameHost?.length || differentHost?.length)

interface PeerRow {
  hostId: string
  members: number
  isSame: boolean
  isDifferent: boolean
}

/**
 * Where they are, in one statement. A server is where it holds something: on both ends while it moves.
 * The server that looks for a place is not its own peer.
 */
export async function peersOf(db: Db | Tx, request: PlacementRequest): Promise<Peers> {
  const { group, sameHost = [], differentHost = [], serverId } = request
  const rows = await db.$queryRaw<PeerRow[]>`
    select a.host_id as "hostId",
           count(distinct s.id) filter (where s.group_id = ${group?.id ?? null}::uuid)::int as members,
           bool_or(s.id = any (${sameHost}::uuid[])) as "isSame",
           bool_or(s.id = any (${differentHost}::uuid[])) as "isDifferent"
    from compute.server s join compute.allocation a on a.server_id = s.id
    where (s.group_id = ${group?.id ?? null}::uuid or s.id = any (${[...sameHost, ...differentHost]}::uuid[]))
      and s.id is distinct from ${serverId ?? null}::uuid
    group by a.host_id`
  const hosts = (wanted: (row: PeerRow) => boolean) =>
    new Set(rows.filter(wanted).map(({ hostId }) => hostId))
  return {
    group: new Map(rows.filter((r) => r.members > 0).map((r) => [r.hostId, r.members])),
    sameHost: hosts((row) => row.isSame),
    differentHost: hosts((row) => row.isDifferent),
  }
}

/** Servers that a request may be near to or apart from: of the project, or of any (null). NOT_FOUND. */
export async function checkHinted(
  db: Db | Tx,
  ids: readonly string[],
  projectId: string | null,
): Promise<void> {
  const rows = await db.server.findMany({
    where: { id: { in: [...ids] }, ...(projectId !== null && { projectId }) },
    select: { id: true },
  })
  const found = new Set(rows.map(({ id }) => id))
  const missing = ids.find((id) => !found.has(id))
  if (missing) throw notFound('server', missing)
}
