/** Rows of where servers run: aggregates, zones, server groups, and the question of placement. */
import { HOME_CELL } from '../../services/cells/cells.ts'
import { newId } from '../../services/id.ts'
import {
  byId,
  list,
  mutation,
  operatorReaders,
  operators,
  projectMembers,
  projectReaders,
  type Row,
  type World,
} from './row.ts'

const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const forReaders = { may: operatorReaders, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const inProject = { may: projectReaders, sibling: 'nothing', stranger: 'FORBIDDEN' } as const
const ofMembers = { may: projectMembers, sibling: 'NOT_FOUND', stranger: 'FORBIDDEN' } as const
const seesProject = [...projectReaders, 'systemReader', 'systemAdmin'] as const
const unique = () => `n${newId()}`
const follow = (name: string) =>
  `subscription ($after: String) { ${name}(after: $after) { id kind } }`

const times = ({ cloud: { now } }: World) => ({ createdAt: now(), updatedAt: now() })

export async function newAggregate(w: World): Promise<string> {
  const data = { id: newId(), name: unique(), ...times(w) }
  return (await w.cloud.db.aggregate.create({ data })).id
}

export async function newServerGroup(w: World): Promise<string> {
  const { projectId, self: userId } = w
  const data = { id: newId(), projectId, userId, name: 'g', policy: 'AFFINITY', ...times(w) }
  return (await w.cloud.db.serverGroup.create({ data })).id
}

export const computePlacementRows: Record<string, Row> = {
  'Query.placementExplain': {
    may: seesProject,
    sibling: 'NOT_FOUND',
    stranger: 'FORBIDDEN',
    document:
      'query ($input: PlacementExplainInput!) { placementExplain(input: $input) { hostsTotal } }',
    variables: ({ flavorId, imageId }) => ({ input: { flavorId, imageId } }),
  },
  'Query.availabilityZones': {
    may: seesProject,
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: '{ availabilityZones { name } }',
  },
  'Query.cells': { ...forReaders, document: list('cells') },
  'Query.cell': { ...forReaders, document: byId('cell'), variables: () => ({ id: HOME_CELL }) },
  'Mutation.cellUpdate': {
    ...forOperators,
    document: mutation('cellUpdate', 'cell { id }'),
    variables: () => ({ input: { id: HOME_CELL, enabled: true } }),
  },
  'Query.aggregates': { ...forReaders, document: list('aggregates') },
  'Query.aggregate': {
    ...forReaders,
    document: byId('aggregate'),
    variables: async (w) => ({ id: await newAggregate(w) }),
  },
  'Mutation.aggregateCreate': {
    ...forOperators,
    document: mutation('aggregateCreate', 'aggregate { id }'),
    variables: () => ({ input: { name: unique() } }),
  },
  'Mutation.aggregateUpdate': {
    ...forOperators,
    document: mutation('aggregateUpdate', 'aggregate { id }'),
    variables: async (w) => ({ input: { id: await newAggregate(w), metadata: { a: 'b' } } }),
  },
  'Mutation.aggregateDelete': {
    ...forOperators,
    document: mutation('aggregateDelete', 'aggregate { id }'),
    variables: async (w) => ({ input: { id: await newAggregate(w) } }),
  },
  'Mutation.aggregateHostAdd': {
    ...forOperators,
    document: mutation('aggregateHostAdd', 'aggregate { id }'),
    variables: async (w) => ({ input: { id: await newAggregate(w), hostId: w.hostId } }),
  },
  'Mutation.aggregateHostRemove': {
    ...forOperators,
    document: mutation('aggregateHostRemove', 'aggregate { id }'),
    variables: async (w) => ({ input: { id: await newAggregate(w), hostId: w.hostId } }),
  },
  'Query.serverGroups': { ...inProject, document: list('serverGroups') },
  'Query.serverGroup': {
    may: projectReaders,
    sibling: 'null',
    stranger: 'FORBIDDEN',
    document: byId('serverGroup'),
    variables: async (w) => ({ id: await newServerGroup(w) }),
  },
  'Mutation.serverGroupCreate': {
    may: projectMembers,
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: mutation('serverGroupCreate', 'serverGroup { id }'),
    variables: () => ({ input: { name: unique(), policy: 'AFFINITY' } }),
  },
  'Mutation.serverGroupDelete': {
    ...ofMembers,
    document: mutation('serverGroupDelete', 'serverGroup { id }'),
    variables: async (w) => ({ input: { id: await newServerGroup(w) } }),
  },
  'Subscription.aggregateChanged': { ...forReaders, document: follow('aggregateChanged') },
  'Subscription.serverGroupChanged': { ...inProject, document: follow('serverGroupChanged') },
}
