/** Rows of what servers are made of and with: flavors, key pairs, many at once; and their descriptions. */
import { newId } from '../../services/id.ts'
import {
  byId,
  list,
  mutation,
  operatorReaders,
  operators,
  personas,
  projectMembers,
  projectReaders,
  type Row,
  type World,
} from './row.ts'

const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const ownOnly = { may: personas, sibling: 'NOT_FOUND', stranger: 'NOT_FOUND' } as const
const unique = () => `n${newId()}`
const KEY = `ssh-ed25519 ${sshKeyBody()}`

/** RFC 8709: the type and 32 bytes, each with its length. */
function sshKeyBody(): string {
  const part = (bytes: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const parts = [part(Buffer.from('ssh-ed25519')), part(Buffer.alloc(32, 7))]
  return Buffer.concat(parts).toString('base64')
}

async function newFlavor({ cloud: { db, now } }: World, open = true): Promise<string> {
  const size = { vcpus: 1, memoryMiB: 1, diskGiB: 1, public: open }
  const times = { createdAt: now(), updatedAt: now() }
  return (await db.flavor.create({ data: { id: newId(), name: unique(), ...size, ...times } })).id
}

/** Of the caller; callers that are no users in the database have one made for them. */
async function newKeypair({ cloud: { db, now }, self: userId }: World): Promise<string> {
  const key = { publicKey: KEY, fingerprint: 'SHA256:x' }
  const times = { createdAt: now(), updatedAt: now() }
  const data = { id: newId(), userId, name: unique(), ...key, ...times }
  return (await db.keypair.create({ data })).id
}

export const computeCreateRows: Record<string, Row> = {
  'Mutation.flavorCreate': {
    ...forOperators,
    document: mutation('flavorCreate', 'flavor { id }'),
    variables: () => ({ input: { name: unique(), vcpus: 1, memoryMiB: 1, diskGiB: 1 } }),
  },
  'Mutation.flavorUpdate': {
    ...forOperators,
    document: mutation('flavorUpdate', 'flavor { id }'),
    variables: async (w) => ({ input: { id: await newFlavor(w), description: unique() } }),
  },
  'Mutation.flavorDelete': {
    ...forOperators,
    document: mutation('flavorDelete', 'flavor { id }'),
    variables: async (w) => ({ input: { id: await newFlavor(w) } }),
  },
  'Mutation.flavorAccessAdd': {
    ...forOperators,
    document: mutation('flavorAccessAdd', 'flavor { id }'),
    variables: async (w) => ({
      input: { flavorId: await newFlavor(w, false), projectId: w.projectId },
    }),
  },
  'Mutation.flavorAccessRemove': {
    ...forOperators,
    document: mutation('flavorAccessRemove', 'flavor { id }'),
    variables: async (w) => ({
      input: { flavorId: await newFlavor(w, false), projectId: w.projectId },
    }),
  },
  'Subscription.flavorChanged': {
    may: [...projectReaders, ...operatorReaders],
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: 'subscription ($after: String) { flavorChanged(after: $after) { id kind } }',
  },
  'Query.keypairs': {
    ...{ may: personas, sibling: 'nothing', stranger: 'nothing' },
    document: list('keypairs'),
  },
  'Query.keypair': {
    ...{ may: personas, sibling: 'null', stranger: 'null' },
    document: byId('keypair'),
    variables: async (w) => ({ id: await newKeypair(w) }),
  },
  'Mutation.keypairCreate': {
    ...{ may: personas, sibling: 'OK', stranger: 'OK' },
    document: mutation('keypairCreate', 'keypair { id }'),
    variables: () => ({ input: { name: unique(), dryRun: true } }),
  },
  'Mutation.keypairImport': {
    ...{ may: personas, sibling: 'OK', stranger: 'OK' },
    document: mutation('keypairImport', 'keypair { id }'),
    variables: () => ({ input: { name: unique(), publicKey: KEY } }),
  },
  'Mutation.keypairDelete': {
    ...ownOnly,
    document: mutation('keypairDelete', 'keypair { id }'),
    variables: async (w) => ({ input: { id: await newKeypair(w) } }),
  },
  'Mutation.serversCreate': {
    ...{ may: projectMembers, sibling: 'NOT_FOUND', stranger: 'FORBIDDEN' },
    document: mutation('serversCreate', 'plan { allowed }'),
    variables: (w) => ({
      input: { name: 'new', count: 2, flavorId: w.flavorId, imageId: w.imageId, dryRun: true },
    }),
  },
  'Mutation.serverUpdate': {
    ...{ may: projectMembers, sibling: 'NOT_FOUND', stranger: 'FORBIDDEN' },
    document: mutation('serverUpdate', 'plan { allowed }'),
    variables: (w) => ({ input: { id: w.serverId, tags: ['a'], dryRun: true } }),
  },
}
