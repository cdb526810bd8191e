/** Rows of what the cloud is made of: sessions, domains, projects, images, servers, hosts, tasks, events. */
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import {
  byId,
  domainManagers,
  domainReaders,
  list,
  mutation,
  operatorReaders,
  operators,
  type Persona,
  personas,
  projectManagers,
  projectMembers,
  projectReaders,
  type Row,
  type World,
} from './row.ts'
import { newDomain, newImage, tokenOf } from './world.ts'

/** May only shrink. */
export const NEEDS_NO_TOKEN = ['Mutation.tokenCreate']

const act = (name: string, type = 'ServerActionInput') => mutation(name, 'plan { allowed }', type)
const follow = (name: string) =>
  `subscription ($after: String) { ${name}(after: $after) { id kind } }`
const dry = (id: string, more = {}) => ({ input: { id, dryRun: true, ...more } })
const unique = () => `n${newId()}`

/** Of a project: to its readers, nothing of others. */
const inProject = { may: projectReaders, sibling: 'nothing', stranger: 'FORBIDDEN' } as const
const oneInProject = { may: projectReaders, sibling: 'null', stranger: 'FORBIDDEN' } as const
const ofMembers = { may: projectMembers, sibling: 'NOT_FOUND', stranger: 'FORBIDDEN' } as const
const forOperators = { may: operators, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const forReaders = { may: operatorReaders, sibling: 'FORBIDDEN', stranger: 'FORBIDDEN' } as const
const seesProject: readonly Persona[] = [...projectReaders, ...operatorReaders]
const ofDomain: readonly Persona[] = [...domainManagers, ...operators]

async function disabledDomain({ cloud }: World): Promise<string> {
  const id = await newDomain(cloud, unique())
  await cloud.db.domain.update({ where: { id }, data: { enabled: false } })
  return id
}

async function emptyProject({ cloud: c, domainId }: World): Promise<string> {
  const times = { createdAt: c.now(), updatedAt: c.now() }
  const data = { id: newId(), domainId, ...named(unique()), ...times }
  return (await c.db.project.create({ data })).id
}

export const cloudRows: Record<string, Row> = {
  'Query.node': {
    may: personas,
    // Servers are seen in their project.
    blind: personas.filter((p) => !(projectReaders as readonly Persona[]).includes(p)),
    sibling: 'null',
    stranger: 'null',
    document: byId('node'),
    variables: (w) => ({ id: w.serverId }),
  },
  'Query.session': {
    may: personas,
    sibling: 'OK',
    stranger: 'OK',
    document: '{ session { user { id } rules } }',
  },
  'Query.tokenValidate': {
    may: personas,
    sibling: 'FORBIDDEN',
    stranger: 'FORBIDDEN',
    document: 'query ($secret: String!) { tokenValidate(secret: $secret) { id } }',
    variables: (w) => ({ secret: tokenOf(w.cloud, 'reader', w) }),
  },
  'Query.domains': {
    may: [...domainReaders, ...operatorReaders],
    sibling: 'FORBIDDEN',
    stranger: 'nothing',
    document: list('domains'),
  },
  'Query.domain': {
    may: [...domainReaders, ...operatorReaders],
    sibling: 'FORBIDDEN',
    stranger: 'null',
    document: byId('domain'),
    variables: (w) => ({ id: w.domainId }),
  },
  'Mutation.domainCreate': {
    ...forOperators,
    document: mutation('domainCreate', 'domain { id }'),
    variables: () => ({ input: { name: unique() } }),
  },
  'Mutation.domainUpdate': {
    ...forOperators,
    document: mutation('domainUpdate', 'domain { id }'),
    variables: (w) => ({ input: { id: w.domainId, description: unique() } }),
  },
  'Mutation.domainDelete': {
    ...forOperators,
    document: mutation('domainDelete', 'domain { id }'),
    variables: async (w) => ({ input: { id: await disabledDomain(w) } }),
  },
  'Query.projects': {
    may: personas,
    sibling: 'nothing',
    stranger: 'nothing',
    document: list('projects'),
  },
  'Query.project': {
    may: personas,
    // Without a role there, as these users are, it is not theirs.
    blind: personas.filter(
      (p) => ![...domainReaders, ...operatorReaders].includes(p as (typeof domainReaders)[number]),
    ),
    sibling: 'null',
    stranger: 'null',
    document: byId('project'),
    variables: (w) => ({ id: w.projectId }),
  },
  'Mutation.projectCreate': {
    may: ofDomain,
    sibling: 'FORBIDDEN',
    stranger: 'NOT_FOUND',
    document: mutation('projectCreate', 'project { id }'),
    variables: (w) => ({ input: { name: unique(), domainId: w.domainId } }),
  },
  'Mutation.projectUpdate': {
    may: ofDomain,
    sibling: 'FORBIDDEN',
    stranger: 'NOT_FOUND',
    document: mutation('projectUpdate', 'project { id }'),
    variables: (w) => ({ input: { id: w.projectId, description: unique() } }),
  },
  'Mutation.projectDelete': {
    may: ofDomain,
    sibling: 'FORBIDDEN',
    stranger: 'NOT_FOUND',
    document: mutation('projectDelete', 'contents { id }'),
    variables: async (w) => ({ input: { id: await emptyProject(w) } }),
  },
  'Query.flavors': {
    may: [...projectReaders, ...operatorReaders],
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: list('flavors'),
  },
  'Query.flavor': {
    may: [...projectReaders, ...operatorReaders],
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: byId('flavor'),
    variables: (w) => ({ id: w.flavorId }),
  },
  'Query.servers': { ...inProject, document: list('servers') },
  'Query.server': {
    ...oneInProject,
    document: byId('server'),
    variables: (w) => ({ id: w.serverId }),
  },
  'Query.images': { ...inProject, document: list('images') },
  'Query.image': {
    ...oneInProject,
    document: byId('image'),
    variables: (w) => ({ id: w.imageId }),
  },
  'Query.tasks': { ...inProject, document: list('tasks') },
  'Query.task': {
    may: personas,
    // Of others only those of the project: these users asked for none.
    blind: personas.filter((p) => !seesProject.includes(p)),
    sibling: 'null',
    stranger: 'null',
    document: byId('task'),
    variables: (w) => ({ id: w.taskId }),
  },
  'Query.hosts': { ...forReaders, document: list('hosts') },
  'Query.host': { ...forReaders, document: byId('host'), variables: (w) => ({ id: w.hostId }) },
  'Mutation.tokenCreate': {
    may: personas,
    sibling: 'OK',
    stranger: 'OK',
    document: mutation('tokenCreate', 'token { id }'),
    variables: (w) => ({ input: { token: tokenOf(w.cloud, 'unscoped', w) } }),
  },
  'Mutation.tokenRevoke': {
    may: personas,
    sibling: 'NOT_FOUND',
    stranger: 'NOT_FOUND',
    document: mutation('tokenRevoke', 'revoked'),
    variables: (w) => ({ input: { secret: tokenOf(w.cloud, 'reader', w) } }),
  },
  'Mutation.tokensRevoke': {
    may: [...projectManagers, ...domainManagers, ...operators],
    // Everybody may, for the own user: somebody else's is not there.
    sibling: 'NOT_FOUND',
    stranger: 'NOT_FOUND',
    document: mutation('tokensRevoke', 'revoked'),
    variables: (w) => ({ input: { projectId: w.projectId, dryRun: true } }),
  },
  'Mutation.imageCreate': {
    may: projectMembers,
    sibling: 'OK',
    stranger: 'FORBIDDEN',
    document: mutation('imageCreate', 'uploadUrl'),
    variables: () => ({ input: { name: 'new', diskFormat: 'RAW' } }),
  },
  'Mutation.imageDelete': {
    ...ofMembers,
    document: mutation('imageDelete', 'task { id }', 'ImageActionInput'),
    variables: async (w) => ({ input: { id: await newImage(w.cloud, w.projectId) } }),
  },
  'Mutation.serverCreate': {
    ...ofMembers,
    document: act('serverCreate', 'ServerCreateInput'),
    variables: (w) => ({
      input: { name: 'new', flavorId: w.flavorId, imageId: w.imageId, dryRun: true },
    }),
  },
  'Mutation.serverStart': {
    ...ofMembers,
    document: act('serverStart'),
    variables: (w) => dry(w.stoppedId),
  },
  'Mutation.serverReboot': {
    ...ofMembers,
    document: act('serverReboot', 'ServerRebootInput'),
    variables: (w) => dry(w.serverId, { mode: 'HARD' }),
  },
  'Mutation.serverDelete': {
    ...ofMembers,
    document: act('serverDelete'),
    variables: (w) => dry(w.serverId),
  },
  'Subscription.serverChanged': { ...inProject, document: follow('serverChanged') },
  'Subscription.imageChanged': { ...inProject, document: follow('imageChanged') },
  'Subscription.taskChanged': { ...inProject, document: follow('taskChanged') },
  'Subscription.events': {
    ...inProject,
    document: 'subscription ($after: String) { events(after: $after) { id: resourceId } }',
  },
  'Subscription.hostChanged': { ...forReaders, document: follow('hostChanged') },
  'Subscription.domainChanged': {
    may: [...domainReaders, ...operatorReaders],
    sibling: 'FORBIDDEN',
    stranger: 'nothing',
    document: follow('domainChanged'),
  },
  'Subscription.projectChanged': {
    may: [...domainReaders, ...operatorReaders],
    sibling: 'FORBIDDEN',
    stranger: 'nothing',
    document: follow('projectChanged'),
  },
}
