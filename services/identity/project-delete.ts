/** Deleting a project: at once when it is empty; with what is in it as a task, when asked. */
import { type Cell, otherCells } from '../cells/cells.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { tell } from '../core/tell.ts'
import { CloudError } from '../errors.ts'
import { checkVersion, updateRow } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { grantsGone } from './grants.ts'
import {
  findProject,
  MAX_LISTED,
  operatorsProject,
  projectTelling,
  refuseWhileDeleted,
  subtree,
} from './project.ts'
import { revoke } from './revocation.ts'

export interface ProjectDelete extends CommandInput {
  id: string
  ifVersion?: number | null
  cascade?: boolean | null
}

export interface ProjectDeleted {
  id: string
  taskId: string | null
  contents: { type: string; id: string; name: string }[]
}

export const projectDeleteSteps = ['servers', 'images', 'rows'] as const
const DEADLINE_MS = 60 * 60_000

export const projectDelete: (ctx: Context, input: ProjectDelete) => Promise<ProjectDeleted> =
  command('identity.project.delete', async (c, { id, ifVersion, cascade }) => {
    const project = await findProject(c, id)
    checkVersion(project, ifVersion)
    await refuseWhileDeleted(c, project)
    const ids = await subtree(c.tx, id)
    const operators = await c.tx.project.findFirst({ where: { id: { in: ids }, operator: true } })
    if (operators) throw operatorsProject(operators)
    const contents = await contentsOf(c.tx, id, ids)
    if (contents.length > 0 && !cascade) {
      throw new CloudError('IN_USE', 'There is something in the project: delete it, or cascade', {
        resources: contents,
      })
    }
    for (const cell of otherCells(c.cells)) {
      const there = await serversOrImages(cell, ids)
      if (there.length === 0) continue
      const message = `There is something of the project in the cell ${cell.name}: delete it first`
      throw new CloudError('IN_USE', message, { resources: there })
    }
    await revoke(c, 'project', ids)
    if (contents.length === 0) {
      const gone = await grantsGone(c.tx, { projectIds: [id] })
      await c.tx.project.delete({ where: { id } })
      await keepAnAdministrator(c)
      await tell(c, ...gone, projectTelling(project, null))
      return { id, taskId: null, contents }
    }
    const taskId = await emptied(c, project.domainId, id)
    await c.tx.project.updateMany({ where: { id: { in: ids } }, data: { enabled: false } })
    await updateRow(c.tx.project, project, { taskId }, c.at)
    await keepAnAdministrator(c)
    const after = await c.tx.project.findUniqueOrThrow({ where: { id } })
    await tell(c, projectTelling(project, after))
    return { id, taskId, contents }
  })

/** Of another cell: a cascade does not reach it. */
async function serversOrImages({ id: cellId, db }: Cell, projectIds: string[]) {
  const where = { projectId: { in: projectIds } }
  const rest = { take: MAX_LISTED, select: { id: true, name: true } }
  const servers = await db.server.findMany({ where, ...rest })
  const images = await db.image.findMany({ where: { ...where, cellId }, ...rest })
  return [
    ...servers.map((row) => ({ type: 'server', ...row })),
    ...images.map((row) => ({ type: 'image', ...row })),
  ]
}

const emptied = (c: Command, domainId: string, id: string): Promise<string> =>
  c.task(
    {
      id: c.taskId,
      kind: 'project.delete',
      projectId: id,
      resourceType: 'project',
      resourceId: id,
      input: { id, domainId },
      steps: projectDeleteSteps,
      deadlineMs: DEADLINE_MS,
    },
    [],
  )

/** The first of what is in these projects, and of the projects below the first. */
export async function contentsOf(tx: Tx, id: string, ids: string[]) {
  const where = { projectId: { in: ids } }
  const [servers, images, groups, projects] = await Promise.all([
    tx.server.findMany({ where, take: MAX_LISTED, select: { id: true, name: true } }),
    tx.image.findMany({ where, take: MAX_LISTED, select: { id: true, name: true } }),
    tx.serverGroup.findMany({ where, take: MAX_LISTED, select: { id: true, name: true } }),
    tx.project.findMany({ where: { id: { in: ids, not: id } }, select: { id: true, name: true } }),
  ])
  const typed = (type: string) => (row: { id: string; name: string }) => ({ type, ...row })
  return [
    ...servers.map(typed('server')),
    ...images.map(typed('image')),
    ...groups.map(typed('server_group')),
    ...projects.map(typed('project')),
  ].slice(0, MAX_LISTED)
}
