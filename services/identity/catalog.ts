/**
 * The catalog: which services there are and where. This cloud's own services are put in at every
 * start.
 *
 * C1 A service without any endpoint in our region gets the three of ours; one that has some keeps
 *    what it has. So what an operator took out stays out, and what an operator added stays alone.
 * C2 A managed endpoint follows our address; an edit makes it the operator's (endpoint.ts).
 * C3 When all is as it should be, a start reads one statement and writes nothing.
 */
import type { Db, Tx } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { newId } from '../id.ts'
import { type EndpointInterface, endpointInterfaces, filledUrl } from './endpoint.ts'

/** Our services with what follows the address. Image bytes go to the `uploadUrl` of their image. */
const ownServices = [
  { type: 'identity', name: 'identity', description: 'Who may do what, and what there is.' },
  { type: 'image', name: 'image', description: 'Images that servers start from.' },
  { type: 'compute', name: 'compute', description: 'Servers, flavors and hosts.' },
] as const
const PATH = '/graphql'

export interface CatalogSource {
  /** The region that this control plane is. */
  region: string
  /** How users reach it: `https://cloud.example.org`. */
  url: string
}

/** Puts our region, services and endpoints in. Any number of processes may do it at once. */
export async function catalogBootstrap(
  { db, now }: { db: Db; now: () => Date },
  { region, url }: CatalogSource,
): Promise<void> {
  const address = `${url.replace(/\/+$/, '')}${PATH}`
  if (await isComplete(db, region, address)) return
  await db.$transaction(async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('nephograph.catalog'))`
    const at = now()
    await addServices(tx, region, at)
    await addEndpoints(tx, region, address, at)
    await moveEndpoints(tx, region, address, at)
  })
}

const types = ownServices.map(({ type }) => type)

async function isComplete(db: Db, region: string, address: string): Promise<boolean> {
  const [row] = await db.$queryRaw<{ complete: boolean }[]>`
    select exists (select from identity.region where id = ${region})
      and not exists (
        select from unnest(${types}::text[]) w (type) where not exists (
          select from identity.service s join identity.endpoint e on e.service_id = s.id
          where s.type = w.type and e.region_id = ${region}))
      and not exists (
        select from identity.endpoint where managed and region_id = ${region} and url <> ${address})
      as complete`
  return row?.complete ?? false
}

async function addServices(tx: Tx, region: string, at: Date): Promise<void> {
  await tx.$executeRaw`
    insert into identity.region (id, created_at, updated_at) values (${region}, ${at}, ${at})
    on conflict do nothing`
  await tx.$executeRaw`
    insert into identity.service (id, type, name, description, created_at, updated_at)
    select w.id, w.type, w.name, w.description, ${at}, ${at}
    from unnest(${types.map(() => newId())}::uuid[], ${types}::text[],
                ${ownServices.map(({ name }) => name)}::text[],
                ${ownServices.map(({ description }) => description)}::text[])
      w (id, type, name, description)
    where not exists (select from identity.service s where s.type = w.type)
    on conflict do nothing`
}

async function addEndpoints(tx: Tx, region: string, address: string, at: Date): Promise<void> {
  const wanted = types.flatMap((type) => endpointInterfaces.map((face) => ({ type, face })))
  const rows = await tx.$queryRaw<{ id: string }[]>`
    insert into identity.endpoint
      (id, service_id, region_id, interface, url, managed, created_at, updated_at)
    select w.id, s.id, ${region}, w.interface, ${address}, true, ${at}, ${at}
    from unnest(${wanted.map(() => newId())}::uuid[], ${wanted.map(({ type }) => type)}::text[],
                ${wanted.map(({ face }) => face)}::text[]) w (id, type, interface)
    join lateral (select id from identity.service s where s.type = w.type order by id limit 1) s on true
    where not exists (
      select from identity.endpoint e join identity.service o on o.id = e.service_id
      where o.type = w.type and e.region_id = ${region})
    returning id`
  await emit(tx, ...rows.map(({ id }) => endpointEvent(id, 'created')))
}

async function moveEndpoints(tx: Tx, region: string, address: string, at: Date): Promise<void> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    update identity.endpoint set url = ${address}, updated_at = ${at}, version = version + 1
    where managed and region_id = ${region} and url <> ${address} returning id`
  await emit(tx, ...rows.map(({ id }) => endpointEvent(id, 'updated')))
}

const endpointEvent = (id: string, what: 'created' | 'updated'): EventDraft => ({
  type: `endpoint.${what}`,
  resourceType: 'endpoint',
  resourceId: id,
  projectId: null,
})

export interface CatalogEntry {
  id: string
  type: string
  name: string
  endpoints: { id: string; interface: EndpointInterface; region: string | null; url: string }[]
}

/** What a token's bearer is told: the enabled services and endpoints, with its project in their URLs. */
export async function catalogFor(
  db: Db,
  token: { userId: string; projectId: string | null },
): Promise<CatalogEntry[]> {
  const services = await db.service.findMany({
    where: { enabled: true },
    orderBy: [{ type: 'asc' }, { name: 'asc' }],
    include: { endpoints: { where: { enabled: true }, orderBy: { id: 'asc' } } },
  })
  return services.map(({ id, type, name, endpoints }) => ({
    id,
    type,
    name,
    endpoints: endpoints.flatMap((endpoint) => {
      const url = filledUrl(endpoint.url, token)
      const face = endpoint.interface as EndpointInterface
      return url === null
        ? []
        : [{ id: endpoint.id, interface: face, region: endpoint.regionId, url }]
    }),
  }))
}
