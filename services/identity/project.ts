/** Projects: the owners of resources, in trees. */
import type { Prisma, Project } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Db, Tx } from '../context.ts'
import { changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { findDomain } from './domain.ts'
import { projectsOf } from './effective-roles.ts'
import { named } from './name.ts'
import { quotaOpen } from './quota.ts'
import { revoke } from './revocation.ts'

/** Keystone's max_project_tree_depth. */
const MAX_DEPTH = 5
export const MAX_LISTED = 50

/** The projects that somebody of this reach sees; of one's own: where one has a role. */
export async function projectsWithin(
  db: Db | Tx,
  { domainId, projectId, userId }: Reach,
): Promise<Prisma.ProjectWhereInput> {
  return {
    ...(domainId && { domainId }),
    ...(projectId && { id: projectId }),
    ...(userId && { id: { in: await projectsOf(db, userId) }, enabled: true }),
  }
}

/** What rules are asked about: the operator's project is for operators only. */
export const targetOf = (project: Project) => ({
  project_id: project.id,
  domain_id: project.domainId,
  privileged: project.operator,
})

/** A project that the caller sees and that the rule of the command allows of. */
export async function findProject(c: Command, id: string): Promise<Project> {
  const within = await projectsWithin(c.tx, c.reach)
  const project = await c.tx.project.findFirst({ where: { AND: [{ id }, within] } })
  if (!project) throw notFound('project', id)
  allow(c, c.rule, targetOf(project))
  return project
}

const viewOf = ({ name, description, tags, enabled, parentId }: Project) => ({
  name,
  description,
  tags,
  enabled,
  parentId,
})

/** Without a before it is new, without an after gone. */
export function projectTelling(before: Project | null, after: Project | null): Telling {
  const { id, name, domainId } = (after ?? before) as Project
  return telling(domainId, {
    resourceType: 'project',
    resourceId: id,
    resourceName: name,
    projectId: id,
    domainId,
    ...changed(before && viewOf(before), after && viewOf(after)),
  })
}

export interface ProjectCreate extends CommandInput {
  name: string
  domainId?: string | null
  parentId?: string | null
  description?: string | null
  tags?: string[] | null
  enabled?: boolean | null
}

/** In the given domain, else in the parent's, else in the caller's own. */
export const projectCreate: (ctx: Context, input: ProjectCreate) => Promise<{ id: string }> =
  command('identity.project.create', async (c, input) => {
    const { name, parentId, description, tags, enabled } = input
    const parent = parentId ? await findParent(c, parentId) : null
    const domainId = input.domainId ?? parent?.domainId ?? c.actor.domainId ?? c.actor.userDomainId
    if (parent && parent.domainId !== domainId) {
      throw badParent('is in another domain: a tree of projects lies in one')
    }
    await findDomain(c, domainId)
    allow(c, c.rule, { domain_id: domainId })
    const project = await orTaken(
      c.tx.project.create({
        data: {
          id: newId(),
          domainId,
          parentId: parent?.id ?? null,
          ...named(name),
          ...given({ description, tags: tags && [...new Set(tags)], enabled }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'project',
      name,
    )
    await quotaOpen(c.tx, [project.id])
    await tell(c, projectTelling(null, project))
    return { id: project.id }
  })

const badParent = (message: string): CloudError =>
  badInput('parentId', message, `The parent ${message}`)

async function findParent(c: Command, id: string): Promise<Project> {
  const within = await projectsWithin(c.tx, c.reach)
  const parent = await c.tx.project.findFirst({ where: { AND: [{ id }, within] } })
  if (!parent) throw notFound('project', id)
  if (!parent.enabled) throw badParent('is disabled')
  const above = await ancestors(c.tx, id)
  if (above.length + 1 >= MAX_DEPTH) throw badParent(`is at level ${MAX_DEPTH}, the last there is`)
  return parent
}

/** The ids of the projects above, the nearest first. */
export async function ancestors(tx: Db | Tx, id: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with recursive above (id, parent_id, depth) as (
      select id, parent_id, 0 from identity.project where id = ${id}::uuid
      union all
      select p.id, p.parent_id, depth + 1 from identity.project p join above on p.id = above.parent_id)
    select id from above where depth > 0 order by depth`
  return rows.map((row) => row.id)
}

/** The project and all below it, the deepest first. */
export async function subtree(tx: Db | Tx, id: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with recursive below (id, depth) as (
      select id, 0 from identity.project where id = ${id}::uuid
      union all
      select p.id, depth + 1 from identity.project p join below on below.id = p.parent_id)
    select id from below order by depth desc, id`
  return rows.map((row) => row.id)
}

export interface ProjectUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  name?: string | null
  description?: string | null
  tags?: string[] | null
  enabled?: boolean | null
}

/** Disabling ends every token for it, and the watches that hang on them. */
export const projectUpdate: (ctx: Context, input: ProjectUpdate) => Promise<{ id: string }> =
  command('identity.project.update', async (c, input) => {
    const { id, ifVersion, name, description, tags, enabled } = input
    const before = await findProject(c, id)
    checkVersion(before, ifVersion)
    if (enabled === true && !before.enabled) await refuseWhileDeleted(c, before)
    const data = {
      ...(name && named(name)),
      ...given({ description, tags: tags && [...new Set(tags)], enabled }),
    }
    await orTaken(updateRow(c.tx.project, before, data, c.at), 'project', name ?? before.name)
    if (enabled === false && before.enabled) {
      if (before.operator) throw operatorsProject(before)
      await refuseEnabledChildren(c, id)
      await revoke(c, 'project', [id])
      await keepAnAdministrator(c)
    }
    await tell(c, projectTelling(before, await c.tx.project.findUniqueOrThrow({ where: { id } })))
    return { id }
  })

/** Its administrators are those of the cloud, and nothing can make another one. */
export const operatorsProject = ({ name }: Project): CloudError =>
  new CloudError('INVALID_STATE', `${name} is the operator's project: the cloud is run from it`)

/** INVALID_STATE while a task empties it. */
export async function refuseWhileDeleted(c: Command, { taskId }: Project): Promise<void> {
  if (!taskId) return
  const task = await c.tx.task.findFirst({ where: { id: taskId, finishedAt: null } })
  if (task) throw new CloudError('INVALID_STATE', 'Not now: the project is being deleted')
}

async function refuseEnabledChildren(c: Command, id: string): Promise<void> {
  const children = await c.tx.project.findMany({
    where: { parentId: id, enabled: true },
    take: MAX_LISTED,
  })
  if (children.length === 0) return
  throw new CloudError('IN_USE', 'There are enabled projects below it: disable them first', {
    resources: children.map((child) => ({ type: 'project', id: child.id, name: child.name })),
  })
}
