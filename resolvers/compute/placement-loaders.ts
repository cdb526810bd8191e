/** Loaders of aggregates and server groups: a statement each, however many ask. */
import DataLoader from 'dataloader'
import type { Aggregate, Cell, Server, ServerGroup } from '../../prisma/generated/client.ts'
import { everywhere } from '../../services/cells/cells.ts'
import type { Db } from '../../services/context.ts'
import { isId } from '../../services/id.ts'
import type { Nested } from '../identity/people-loaders.ts'

export const placementLoaders = (db: Db) => ({
  cell: rows<Cell>((ids) => db.cell.findMany({ where: { id: { in: ids } } })),
  hostsOfCell: counted((where) =>
    db.host.groupBy({ by: ['cellId'], where, _count: true }).then((groups) => groups),
  ),
  serversOfCell: counted((where) =>
    db.server.groupBy({ by: ['cellId'], where, _count: true }).then((groups) => groups),
  ),
  aggregate: rows<Aggregate>((ids) => db.aggregate.findMany({ where: { id: { in: ids } } })),
  serverGroup: rows<ServerGroup>((ids) => db.serverGroup.findMany({ where: { id: { in: ids } } })),
  aggregatesOfHost: new DataLoader<string, Aggregate[]>(async (hostIds) => {
    const found = await db.aggregateHost.findMany({
      where: { hostId: { in: [...hostIds] } },
      include: { aggregate: true },
      orderBy: { aggregateId: 'asc' },
    })
    return hostIds.map((id) =>
      found.filter(({ hostId }) => hostId === id).map(({ aggregate }) => aggregate),
    )
  }),
  hostsOfAggregate: hostsOfAggregate(db),
  serversOfGroup: new DataLoader<string, Server[]>(async (groupIds) => {
    const found = await db.server.findMany({
      where: { groupId: { in: [...groupIds] } },
      orderBy: { id: 'asc' },
    })
    return groupIds.map((id) => found.filter(({ groupId }) => groupId === id))
  }),
})

function rows<Row extends { id: string }>(find: (ids: string[]) => Promise<Row[]>) {
  return new DataLoader<string, Row | null>(async (ids) => {
    const wanted = ids.filter(isId)
    const found = new Map((wanted.length ? await find(wanted) : []).map((row) => [row.id, row]))
    return ids.map((id) => found.get(id) ?? null)
  })
}

/** How many rows cells have. */
const counted = (
  groups: (where: { cellId: { in: string[] } }) => Promise<{ cellId: string; _count: number }[]>,
) =>
  new DataLoader<string, number>(async (ids) => {
    const found = await groups({ cellId: { in: [...ids] } })
    const counts = new Map(found.map(({ cellId, _count }) => [cellId, _count]))
    return ids.map((id) => counts.get(id) ?? 0)
  })

/** The first hosts of aggregates in the order of their ids, and how many there are. */
function hostsOfAggregate(db: Db): Nested<{ id: string }> {
  return {
    first: new DataLoader(
      async (keys) => {
        const take = Math.max(...keys.map((key) => key.take))
        const ids = keys.map(({ id }) => id)
        const found = await everywhere(
          db,
          (one) => one.$queryRaw<{ id: string; aggregateId: string }[]>`
          select h.host_id as id, wanted.id as "aggregateId" from unnest(${ids}::uuid[]) wanted (id)
          cross join lateral (
            select host_id from compute.aggregate_host where aggregate_id = wanted.id
            order by host_id limit ${take}::int) h`,
        )
        return keys.map((key) =>
          found.filter(({ aggregateId }) => aggregateId === key.id).slice(0, key.take),
        )
      },
      { cacheKeyFn: ({ id, take }) => `${id} ${take}` },
    ),
    count: new DataLoader(async (ids) => {
      const where = { aggregateId: { in: [...ids] } }
      const groups = await db.aggregateHost.groupBy({ by: ['aggregateId'], where, _count: true })
      const counts = new Map(groups.map((group) => [group.aggregateId, group._count]))
      return ids.map((id) => counts.get(id) ?? 0)
    }),
  }
}
