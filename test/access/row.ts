/** The shape of the access matrix: test/access.test.ts tries every row by every persona. */
import type { Cloud } from '../../services/context.ts'

/** Callers with a good token, each in a world (domain, project and their things) that is its own. */
export const personas = [
  'unscoped',
  'reader',
  'member',
  'manager',
  'admin',
  'domainReader',
  'domainManager',
  'domainAdmin',
  'systemReader',
  'systemAdmin',
  'operator',
] as const
export type Persona = (typeof personas)[number]

/** With a token for a project, by the role that it takes at least. */
export const projectReaders = ['reader', 'member', 'manager', 'admin', 'operator'] as const
export const projectMembers = ['member', 'manager', 'admin', 'operator'] as const
export const projectManagers = ['manager', 'admin', 'operator'] as const
export const domainReaders = ['domainReader', 'domainManager', 'domainAdmin'] as const
export const domainManagers = ['domainManager', 'domainAdmin'] as const
/** The whole cloud. */
export const operators = ['systemAdmin', 'operator'] as const
export const operatorReaders = ['systemReader', ...operators] as const

/** Things of the caller's world, there when it asks. */
export interface World {
  cloud: Cloud
  /** The user who asks. */
  self: string
  domainId: string
  projectId: string
  /** A plain user, and a plain group, of the domain. */
  userId: string
  groupId: string
  /** A role of no domain that nobody has. */
  roleId: string
  /** Of the plain user on the project. */
  roleAssignmentId: string
  serverId: string
  stoppedId: string
  imageId: string
  taskId: string
  hostId: string
  flavorId: string
}

export type Outcome = 'OK' | 'null' | 'nothing' | 'NOT_FOUND' | 'FORBIDDEN' | 'INVALID_STATE'

export interface Row {
  /** Who is answered; everybody else is FORBIDDEN. */
  may: readonly Persona[]
  /** Who of them gets null instead, because the thing is outside of what they see. */
  blind?: readonly Persona[]
  /** What the admin of another project of the same domain gets when it names things of this project. */
  sibling: Outcome
  /** What the manager of another domain gets (with a token for that domain). */
  stranger: Outcome
  document: string
  /** Made anew for each caller: what a mutation deletes may be inserted here. */
  variables?: (world: World) => object | Promise<object>
}

export const byId = (name: string, fields = 'id'): string =>
  `query ($id: ID!) { ${name}(id: $id) { ${fields} } }`
export const list = (name: string): string => `{ ${name} { nodes { id } totalCount } }`
/** `mutation ($input: ServerStopInput!) { serverStop(input: $input) { ... } }` */
export const mutation = (name: string, fields: string, type?: string): string => {
  const input = type ?? `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  return `mutation ($input: ${input}!) { ${name}(input: $input) { ${fields} } }`
}
