import { Args, Ctx, FieldResolver, Int, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Task as TaskRow } from '../../prisma/generated/client.ts'
import { Placement } from '../../schema/compute/placement.ts'
import { Person } from '../../schema/core/audit.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task, TaskChange, TaskConnection, TaskStep } from '../../schema/core/task.ts'
import { allowInProject, may, reach } from '../../services/access/allow.ts'
import { placementsOf } from '../../services/compute/placement-kept.ts'
import type { StepRecord } from '../../services/core/task.ts'
import { isId } from '../../services/id.ts'
import { IdArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { type PageRequest, pageOf } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

@Resolver(() => Task)
export class TaskResolver {
  @Query(() => TaskConnection, { description: "The project's tasks, newest first." })
  async tasks(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    const { projectId } = allowInProject(ctx, 'core.task.list')
    return TaskConnection.of(await pageOf(ctx.db.task, { projectId }, page, newestFirst))
  }

  @Query(() => Task, {
    nullable: true,
    description: 'One task of the project, or that you asked for; or null. Operators see all.',
  })
  task(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = oneWithin(ctx)
    return isId(id) ? ctx.db.task.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Subscription(() => TaskChange, {
    description:
      'The unfinished tasks of the project as they are, then every change. With `id` one: of the project, or that you asked for.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      const { id, after } = args
      const within: Seen = id
        ? oneWithin(context)
        : { projectId: allowInProject(context, 'core.task.list').projectId }
      const sees = (one: Seen) =>
        (within.projectId ?? one.projectId) === one.projectId &&
        (within.userId ?? one.userId) === one.userId
      const where = { ...within, ...(id ? { id } : { finishedAt: null }) }
      return watch<TaskRow>(context, {
        resource: 'task',
        id,
        after,
        // Who asked for it is in the row only: of one task, `maySee` finds out.
        visible: (event) => (id ? true : event.projectId === within.projectId),
        maySee: sees,
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.task.findMany({
              where: { AND: [where, behind] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, taskId) => load.task.load(taskId),
      })
    },
  })
  taskChanged(
    @Root() change: ChangeOf<TaskRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<TaskRow> {
    return change
  }

  @FieldResolver(() => Int, {
    description: 'How often it began, from 1: a creation is tried on another host.',
  })
  attempt(@Root() task: TaskRow): number {
    return task.round + 1
  }

  @FieldResolver(() => Person, {
    nullable: true,
    description: 'Who asked for it; null when the cloud began it by itself, or the user is gone.',
  })
  async user(@Ctx() ctx: Request, @Root() { userId }: TaskRow): Promise<Person | null> {
    const user = userId ? await ctx.load.user.load(userId) : null
    return user && { id: user.id, name: user.name }
  }

  @FieldResolver(() => Placement, {
    nullable: true,
    description:
      'What placement found when it last looked for a host. For operators; null for others.',
  })
  placement(@Ctx() ctx: Request, @Root() task: TaskRow): Placement | null {
    if (!may(ctx, 'compute.host.list', {})) return null
    return placementsShown(task).at(-1) ?? null
  }

  @FieldResolver(() => [Placement], {
    description:
      'What placement found in each attempt, the first one first. For operators; empty for others.',
  })
  placements(@Ctx() ctx: Request, @Root() task: TaskRow): Placement[] {
    return may(ctx, 'compute.host.list', {}) ? placementsShown(task) : []
  }

  @FieldResolver(() => [TaskStep], { description: 'Its steps, in order.' })
  steps(@Root() task: TaskRow): TaskStep[] {
    const steps = task.steps as unknown as StepRecord[]
    return steps.map((step, i) => {
      const began = step.startedAt ?? steps[i - 1]?.finishedAt ?? task.startedAt
      const runs = i === task.position && task.status === 'RUNNING' && step.status === 'PENDING'
      return {
        ...step,
        status: runs ? 'RUNNING' : step.status,
        startedAt: runs || step.finishedAt ? dateOf(began) : null,
        finishedAt: dateOf(step.finishedAt),
      }
    })
  }
}

/** Tasks of earlier versions kept the last one with the result of its step. */
function placementsShown(task: TaskRow): Placement[] {
  const state = task.state as {
    placements?: unknown
    results?: { place?: { explanation?: Placement } }
  }
  const kept: Placement[] = placementsOf(state)
  const last = state.results?.place?.explanation
  return kept.length > 0 || !last ? kept : [last]
}

interface Seen {
  projectId?: string | null
  userId?: string | null
}

/** Of the tasks that may be asked for by id: those of the project, or those of one's own. */
function oneWithin(ctx: Request): Seen {
  const { projectId, userId } = reach(ctx, 'core.task.list')
  return { ...(projectId && { projectId }), ...(userId && { userId }) }
}

const dateOf = (value: string | Date | null | undefined): Date | null =>
  value ? new Date(value) : null

const newestFirst = { by: 'id', direction: 'desc' } as const

/** A resource's tasks. First pages of many resources are loaded in one statement. */
export async function tasksOf(ctx: Request, resourceId: string, page: PageRequest) {
  const where = { resourceId }
  if (page.after) {
    return TaskConnection.of(await pageOf(ctx.db.task, where, page, newestFirst))
  }
  const ids = await ctx.load.newestTasks.load({ resourceId, take: page.first + 1 })
  const rows = await Promise.all(ids.map((id) => ctx.load.task.load(id)))
  const source = {
    $name: 'Task',
    findMany: async () => rows.filter((row) => row !== null),
    count: () => ctx.load.taskCount.load(resourceId),
  }
  return TaskConnection.of(await pageOf(source, where, page, newestFirst))
}
