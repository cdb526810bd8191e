/** Rows of what people sign in with: application credentials, trusts, EC2 credentials, second factors, providers. */
import { TOTP } from 'otpauth'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import { seal } from '../../services/identity/sealed.ts'
import {
  byId,
  list,
  mutation,
  operatorReaders,
  operators,
  personas,
  projectReaders,
  type Row,
  type World,
} from './row.ts'

const unique = () => `n${newId()}`

/** Of oneself: everybody may, and what is somebody else's is not there. */
const ofOneself = { may: personas, sibling: 'null', stranger: 'null' } as const
const mine = { may: personas, sibling: 'nothing', stranger: 'nothing' } as const
const ownOnly = { may: personas, sibling: 'NOT_FOUND', stranger: 'NOT_FOUND' } as const
const inProject = { may: projectReaders, sibling: 'OK', stranger: 'FORBIDDEN' } as const
const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const forReaders = { may: operatorReaders, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
async function newCredential(w: World): Promise<string> {
  const { db, now } = w.cloud
  const whose = { userId: w.self, projectId: w.projectId }
  const data = { id: newId(), ...whose, ...named(unique()), secretHash: '', createdAt: now() }
  return (await db.applicationCredential.create({ data })).id
}

async function newTrust(w: World): Promise<string> {
  const { db, now } = w.cloud
  const people = { trustorUserId: w.self, trusteeUserId: w.userId }
  const data = { id: newId(), ...people, projectId: w.projectId, createdAt: now() }
  return (await db.trust.create({ data })).id
}

async function newEc2Credential(w: World): Promise<string> {
  const { db, now, sealKeys } = w.cloud
  const whose = { userId: w.self, projectId: w.projectId }
  const keys = { access: newId(), sealedSecret: seal(sealKeys, 'a secret') }
  return (
    await db.ec2Credential.create({ data: { id: newId(), ...whose, ...keys, createdAt: now() } })
  ).id
}

const TOTP_SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

/** A second factor of the caller that is not confirmed; its code. */
async function newTotp({ cloud, self: userId }: World): Promise<string> {
  const { db, now, sealKeys } = cloud
  const sealedSecret = seal(sealKeys, TOTP_SECRET)
  const totp = { sealedSecret, confirmedAt: null, createdAt: now() }
  await db.totp.upsert({ where: { userId }, create: { userId, ...totp }, update: totp })
  return new TOTP({ secret: TOTP_SECRET }).generate({ timestamp: now().getTime() })
}

const mapping = [{ remote: [{ claim: 'name' }], local: { userName: '{0}' } }]
const provider = () => ({
  name: unique(),
  issuer: 'https://id.example.com',
  clientId: 'c',
  mapping,
})

async function newProvider({ cloud, domainId }: World): Promise<string> {
  const { db, now, sealKeys } = cloud
  const times = { createdAt: now(), updatedAt: now() }
  const sealed = { sealedClientSecret: seal(sealKeys, ''), scopes: [] }
  const data = { id: newId(), domainId, ...provider(), ...sealed, ...times }
  return (await db.identityProvider.create({ data })).id
}

export const credentialsRows: Record<string, Row> = {
  'Query.applicationCredentials': { ...mine, document: list('applicationCredentials') },
  'Query.applicationCredential': {
    ...ofOneself,
    document: byId('applicationCredential'),
    variables: async (w) => ({ id: await newCredential(w) }),
  },
  'Mutation.applicationCredentialCreate': {
    ...inProject,
    document: mutation('applicationCredentialCreate', 'applicationCredential { id }'),
    variables: () => ({ input: { name: unique(), roles: ['reader'], dryRun: true } }),
  },
  'Mutation.applicationCredentialDelete': {
    ...ownOnly,
    document: mutation('applicationCredentialDelete', 'applicationCredential { id }'),
    variables: async (w) => ({ input: { id: await newCredential(w) } }),
  },
  'Query.trusts': { ...mine, document: list('trusts') },
  'Query.trust': {
    ...ofOneself,
    document: byId('trust'),
    variables: async (w) => ({ id: await newTrust(w) }),
  },
  'Mutation.trustCreate': {
    ...inProject,
    document: mutation('trustCreate', 'trust { id }'),
    variables: (w) => ({
      input: { trusteeUserId: w.userId, roles: ['reader'], dryRun: true },
    }),
  },
  'Mutation.trustDelete': {
    ...ownOnly,
    document: mutation('trustDelete', 'trust { id }'),
    variables: async (w) => ({ input: { id: await newTrust(w) } }),
  },
  'Query.ec2Credentials': { ...mine, document: list('ec2Credentials') },
  'Query.ec2Credential': {
    ...ofOneself,
    document: byId('ec2Credential'),
    variables: async (w) => ({ id: await newEc2Credential(w) }),
  },
  'Mutation.ec2CredentialCreate': {
    ...inProject,
    document: mutation('ec2CredentialCreate', 'ec2Credential { id }'),
    variables: () => ({ input: { dryRun: true } }),
  },
  'Mutation.ec2CredentialDelete': {
    ...ownOnly,
    document: mutation('ec2CredentialDelete', 'ec2Credential { id }'),
    variables: async (w) => ({ input: { id: await newEc2Credential(w) } }),
  },
  'Mutation.totpCreate': {
    may: personas,
    sibling: 'OK',
    stranger: 'OK',
    document: mutation('totpCreate', 'uri'),
    variables: () => ({ input: { dryRun: true } }),
  },
  'Mutation.totpConfirm': {
    // Always one's own: others have begun none.
    ...ownOnly,
    document: mutation('totpConfirm', 'confirmed'),
    variables: async (w) => ({ input: { code: await newTotp(w), dryRun: true } }),
  },
  'Mutation.totpDelete': {
    ...ownOnly,
    document: mutation('totpDelete', 'deleted'),
    variables: async (w) => {
      await newTotp(w)
      return { input: { userId: w.self } }
    },
  },
  'Query.identityProviders': { ...forReaders, document: list('identityProviders') },
  'Query.identityProvider': {
    ...forReaders,
    document: byId('identityProvider'),
    variables: async (w) => ({ id: await newProvider(w) }),
  },
  'Mutation.identityProviderCreate': {
    ...forOperators,
    document: mutation('identityProviderCreate', 'identityProvider { id }'),
    variables: (w) => ({ input: { ...provider(), domainId: w.domainId } }),
  },
  'Mutation.identityProviderUpdate': {
    ...forOperators,
    document: mutation('identityProviderUpdate', 'identityProvider { id }'),
    variables: async (w) => ({ input: { id: await newProvider(w), description: unique() } }),
  },
  'Mutation.identityProviderDelete': {
    ...forOperators,
    document: mutation('identityProviderDelete', 'identityProvider { id }'),
    variables: async (w) => ({ input: { id: await newProvider(w) } }),
  },
}
