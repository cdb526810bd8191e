/** Rows of what moves servers, and of what operators do with hosts. */
import { newId } from '../../services/id.ts'
import {
  byId,
  list,
  mutation,
  operatorReaders,
  operators,
  projectManagers,
  type Row,
  type World,
} from './row.ts'
import { actionRow } from './rows-compute.ts'
import { newServer } from './world.ts'

const TRAITS = ['RESIZE', 'MIGRATE_COLD', 'MIGRATE_LIVE'].map((name) => `CUSTOM_COMPUTE_${name}`)

/** A server in this status on a host that can do everything, or that is dead. */
async function moving(w: World, status: string, hostStatus = 'UP'): Promise<string> {
  const { db, now } = w.cloud
  const at = { createdAt: now(), updatedAt: now() }
  const hostId = newId()
  const host = { id: hostId, name: `moves-${hostId}`, driver: 'none', status: hostStatus }
  await db.host.create({ data: { ...host, traits: TRAITS, ...at } })
  return newServer(w, status, { hostId })
}

async function withMigration(w: World, status: string, of: string): Promise<string> {
  const { db, now } = w.cloud
  const serverId = await moving(w, status)
  const at = { createdAt: now(), updatedAt: now() }
  const kind = { kind: 'MIGRATION', status: of, beforeStatus: 'ACTIVE', oldSize: {} }
  await db.migration.create({
    data: { id: newId(), serverId, projectId: w.projectId, ...kind, ...at },
  })
  return serverId
}

const row = (
  name: string,
  make: (w: World) => Promise<object>,
  { type = 'ServerActionInput', may = projectManagers }: { type?: string; may?: Row['may'] } = {},
): Row => ({
  ...actionRow(name, 'ACTIVE', { type }),
  may,
  variables: async (w) => ({ input: { dryRun: true, ...(await make(w)) } }),
})

/** Operators act on the servers of every project. */
const byManagers = { may: ['systemAdmin', ...projectManagers] as const }
const byOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const byReaders = { may: operatorReaders, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const onHost = (name: string, fields: string, type: string, more: object = {}): Row => ({
  ...byOperators,
  document: mutation(name, fields, type),
  variables: async (w) => ({ input: { id: await newHost(w, more), dryRun: true } }),
})

async function newHost(w: World, more: object): Promise<string> {
  const { db, now } = w.cloud
  const id = newId()
  const host = { id, name: `host-${id}`, driver: 'none', status: 'UP', ...more }
  await db.host.create({ data: { ...host, createdAt: now(), updatedAt: now() } })
  return id
}

const anotherFlavor = async ({ cloud: { db } }: World) =>
  (await db.flavor.findFirstOrThrow({ where: { name: 'm1.micro' } })).id

export const computeMovesRows: Record<string, Row> = {
  'Mutation.serverResize': {
    ...actionRow('serverResize', 'ACTIVE', { type: 'ServerResizeInput' }),
    variables: async (w) => ({
      input: { id: await moving(w, 'ACTIVE'), flavorId: await anotherFlavor(w), dryRun: true },
    }),
  },
  'Mutation.serverResizeConfirm': {
    ...actionRow('serverResizeConfirm', 'VERIFY_RESIZE'),
    variables: async (w) => ({
      input: { id: await withMigration(w, 'VERIFY_RESIZE', 'FINISHED'), dryRun: true },
    }),
  },
  'Mutation.serverResizeRevert': {
    ...actionRow('serverResizeRevert', 'VERIFY_RESIZE'),
    variables: async (w) => ({
      input: { id: await withMigration(w, 'VERIFY_RESIZE', 'FINISHED'), dryRun: true },
    }),
  },
  'Mutation.serverMigrate': row(
    'serverMigrate',
    async (w) => ({ id: await moving(w, 'ACTIVE') }),
    byManagers,
  ),
  'Mutation.serverMigrateTo': row(
    'serverMigrateTo',
    async (w) => ({ id: await moving(w, 'ACTIVE'), hostId: await newHost(w, {}) }),
    { type: 'ServerMigrateToInput', may: operators },
  ),
  'Mutation.serverLiveMigrate': row(
    'serverLiveMigrate',
    async (w) => ({ id: await moving(w, 'ACTIVE') }),
    { type: 'ServerLiveMigrateInput', ...byManagers },
  ),
  'Mutation.serverMigrationAbort': row(
    'serverMigrationAbort',
    async (w) => ({ id: await withMigration(w, 'MIGRATING', 'RUNNING') }),
    byManagers,
  ),
  'Mutation.serverEvacuate': {
    ...row('serverEvacuate', async (w) => ({ id: await moving(w, 'ACTIVE', 'DOWN') })),
    ...byOperators,
  },
  'Mutation.serverEvacuateTo': {
    ...row(
      'serverEvacuateTo',
      async (w) => ({ id: await moving(w, 'ACTIVE', 'DOWN'), hostId: await newHost(w, {}) }),
      { type: 'ServerEvacuateToInput' },
    ),
    ...byOperators,
  },
  'Mutation.hostUpdate': onHost('hostUpdate', 'host { id }', 'HostUpdateInput'),
  'Mutation.hostMaintain': onHost('hostMaintain', 'moves { way }', 'HostMaintainInput'),
  'Mutation.hostMaintainEnd': onHost('hostMaintainEnd', 'host { id }', 'HostActionInput', {
    maintenance: true,
  }),
  'Mutation.hostDelete': onHost('hostDelete', 'host { id }', 'HostActionInput', {
    status: 'DOWN',
  }),
  'Query.hostFailurePlan': {
    ...byReaders,
    document: byId('hostFailurePlan', 'fit lost'),
    variables: ({ hostId }) => ({ id: hostId }),
  },
  'Query.processes': { ...byReaders, document: list('processes') },
  'Query.migrations': { ...byReaders, document: list('migrations') },
  'Query.migration': {
    ...byReaders,
    document: byId('migration'),
    variables: async (w) => {
      const serverId = await withMigration(w, 'MIGRATING', 'RUNNING')
      const { id } = await w.cloud.db.migration.findFirstOrThrow({ where: { serverId } })
      return { id }
    },
  },
  'Subscription.migrationChanged': {
    ...byReaders,
    document:
      'subscription ($after: String) { migrationChanged(after: $after) { cursor kind id } }',
  },
}
