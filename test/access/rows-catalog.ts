/** Rows of the catalog: operators keep it, everybody is told of it in the session. */
import { newId } from '../../services/id.ts'
import { byId, list, mutation, operatorReaders, operators, type Row, type World } from './row.ts'

const forReaders = { may: operatorReaders, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const unique = () => `n${newId()}`
const times = ({ cloud }: World) => ({ createdAt: cloud.now(), updatedAt: cloud.now() })

async function newRegion(w: World): Promise<string> {
  const { id } = await w.cloud.db.region.create({ data: { id: unique(), ...times(w) } })
  return id
}

async function newService(w: World): Promise<string> {
  const data = { id: newId(), type: unique(), name: unique(), ...times(w) }
  return (await w.cloud.db.service.create({ data })).id
}

async function newEndpoint(w: World): Promise<string> {
  const serviceId = await newService(w)
  const where = { interface: 'PUBLIC', url: 'http://192.0.2.1' }
  const data = { id: newId(), serviceId, ...where, ...times(w) }
  return (await w.cloud.db.endpoint.create({ data })).id
}

export const catalogRows: Record<string, Row> = {
  'Query.regions': { ...forReaders, document: list('regions') },
  'Query.region': {
    ...forReaders,
    document: byId('region'),
    variables: async (w) => ({ id: await newRegion(w) }),
  },
  'Mutation.regionCreate': {
    ...forOperators,
    document: mutation('regionCreate', 'region { id }'),
    variables: () => ({ input: { id: unique() } }),
  },
  'Mutation.regionUpdate': {
    ...forOperators,
    document: mutation('regionUpdate', 'region { id }'),
    variables: async (w) => ({ input: { id: await newRegion(w), description: 'x' } }),
  },
  'Mutation.regionDelete': {
    ...forOperators,
    document: mutation('regionDelete', 'region { id }'),
    variables: async (w) => ({ input: { id: await newRegion(w) } }),
  },
  'Query.services': { ...forReaders, document: list('services') },
  'Query.service': {
    ...forReaders,
    document: byId('service'),
    variables: async (w) => ({ id: await newService(w) }),
  },
  'Mutation.serviceCreate': {
    ...forOperators,
    document: mutation('serviceCreate', 'service { id }'),
    variables: () => ({ input: { type: unique(), name: unique() } }),
  },
  'Mutation.serviceUpdate': {
    ...forOperators,
    document: mutation('serviceUpdate', 'service { id }'),
    variables: async (w) => ({ input: { id: await newService(w), enabled: false } }),
  },
  'Mutation.serviceDelete': {
    ...forOperators,
    document: mutation('serviceDelete', 'service { id }'),
    variables: async (w) => ({ input: { id: await newService(w) } }),
  },
  'Query.endpoints': { ...forReaders, document: list('endpoints') },
  'Query.endpoint': {
    ...forReaders,
    document: byId('endpoint'),
    variables: async (w) => ({ id: await newEndpoint(w) }),
  },
  'Mutation.endpointCreate': {
    ...forOperators,
    document: mutation('endpointCreate', 'endpoint { id }'),
    variables: async (w) => ({
      input: { serviceId: await newService(w), interface: 'PUBLIC', url: 'http://192.0.2.1' },
    }),
  },
  'Mutation.endpointUpdate': {
    ...forOperators,
    document: mutation('endpointUpdate', 'endpoint { id }'),
    variables: async (w) => ({ input: { id: await newEndpoint(w), enabled: false } }),
  },
  'Mutation.endpointDelete': {
    ...forOperators,
    document: mutation('endpointDelete', 'endpoint { id }'),
    variables: async (w) => ({ input: { id: await newEndpoint(w) } }),
  },
}
