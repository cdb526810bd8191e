/** Rows of quotas and registered limits: operators set them, everybody sees what concerns them. */
import { newId } from '../../services/id.ts'
import {
  byId,
  domainReaders,
  list,
  mutation,
  operatorReaders,
  operators,
  personas,
  projectReaders,
  type Row,
  type World,
} from './row.ts'

const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const forAll = { may: personas, sibling: 'OK', stranger: 'OK' } as const
const unique = () => `compute.n${newId()}`

const computeId = async ({ cloud }: World): Promise<string> =>
  (await cloud.db.service.findFirstOrThrow({ where: { type: 'compute' } })).id

async function newLimit(w: World): Promise<string> {
  const times = { createdAt: w.cloud.now(), updatedAt: w.cloud.now() }
  const data = { serviceId: await computeId(w), resource: unique(), defaultLimit: 1, ...times }
  return (await w.cloud.db.registeredLimit.create({ data: { id: newId(), ...data } })).id
}

export const quotaRows: Record<string, Row> = {
  'Query.quotas': {
    may: [...projectReaders, ...domainReaders, ...operatorReaders],
    sibling: 'NOT_FOUND',
    stranger: 'NOT_FOUND',
    document: 'query ($id: ID) { quotas(projectId: $id) { projectId resource limit used } }',
    variables: ({ projectId }) => ({ id: projectId }),
  },
  'Query.quotaFindings': {
    may: operatorReaders,
    sibling: 'FORBIDDEN',
    stranger: 'FORBIDDEN',
    document: '{ quotaFindings { projectId resource what } }',
  },
  'Mutation.quotaSet': {
    ...forOperators,
    document: mutation('quotaSet', 'quota { resource limit }'),
    variables: ({ projectId }) => ({
      input: { projectId, resource: 'compute.instances', limit: 100 },
    }),
  },
  'Query.registeredLimits': { ...forAll, document: list('registeredLimits') },
  'Query.registeredLimit': {
    ...forAll,
    document: byId('registeredLimit'),
    variables: async (w) => ({ id: await newLimit(w) }),
  },
  'Mutation.registeredLimitCreate': {
    ...forOperators,
    document: mutation('registeredLimitCreate', 'registeredLimit { id }'),
    variables: async (w) => ({
      input: { serviceId: await computeId(w), resource: unique(), defaultLimit: 1 },
    }),
  },
  'Mutation.registeredLimitUpdate': {
    ...forOperators,
    document: mutation('registeredLimitUpdate', 'registeredLimit { id }'),
    variables: async (w) => ({ input: { id: await newLimit(w), defaultLimit: 2 } }),
  },
  'Mutation.registeredLimitDelete': {
    ...forOperators,
    document: mutation('registeredLimitDelete', 'registeredLimit { id }'),
    variables: async (w) => ({ input: { id: await newLimit(w) } }),
  },
}
