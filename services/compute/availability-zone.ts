/** Availability zones: what aggregates call their hosts' zone; the other hosts are in the default one. */
import { everywhere } from '../cells/cells.ts'
import type { Db, Tx } from '../context.ts'
import { badInput } from '../errors.ts'
import type { PlacementSettings } from './placement-settings.ts'

export interface Zone {
  name: string
  /** A host of it can take servers. */
  available: boolean
  hosts: number
}

/** Zones that are listed at most. */
const MAX_ZONES = 1_000

/** All zones, by name. The default one is there even when no host is in it. */
export async function availabilityZones(
  db: Db | Tx,
  settings: Pick<PlacementSettings, 'defaultZone'>,
): Promise<Zone[]> {
  const zones = new Map<string, Zone>()
  for (const zone of await everywhere(db, (one) => zonesOf(one, settings))) {
    const { hosts = 0, available = false } = zones.get(zone.name) ?? {}
    const sum = { hosts: hosts + zone.hosts, available: available || zone.available }
    zones.set(zone.name, { name: zone.name, ...sum })
  }
  return [...zones.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const zonesOf = (
  db: Db | Tx,
  { defaultZone }: Pick<PlacementSettings, 'defaultZone'>,
): Promise<Zone[]> => db.$queryRaw<Zone[]>`
  with zoned as (
    select ah.host_id, min(a.availability_zone) as zone
    from compute.aggregate a join compute.aggregate_host ah on ah.aggregate_id = a.id
    where a.availability_zone is not null group by 1),
  named as (
    select distinct availability_zone as zone from compute.aggregate
    where availability_zone is not null
    union select ${defaultZone}::text)
  select n.zone as name, count(h.id)::int as hosts,
         coalesce(bool_or(h.status = 'UP' and h.enabled and not h.maintenance and not h.forced_down),
                  false) as available
  from named n left join (
      select h.*, coalesce(z.zone, ${defaultZone}::text) as zone
      from compute.host h left join zoned z on z.host_id = h.id) h on h.zone = n.zone
  group by n.zone order by n.zone limit ${MAX_ZONES}::int`

/** BAD_INPUT with the zones that there are. */
export async function checkZone(
  tx: Tx,
  zone: string,
  settings: Pick<PlacementSettings, 'defaultZone'>,
): Promise<void> {
  if (zone === settings.defaultZone) return
  if ((await tx.aggregate.count({ where: { availabilityZone: zone } })) > 0) return
  const there = (await availabilityZones(tx, settings)).map(({ name }) => name).join(', ')
  throw badInput('availabilityZone', `must be one of ${there}`)
}
