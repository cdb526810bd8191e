/**
 * Tasks: the durable work behind a mutation. The row is the job; everything else only wakes.
 *
 * K1 A task is written in the transaction that promises its work.
 * K2 Whoever claims it gets a lease (until `due_at`) and a fence: a number from one sequence, higher
 *    than any given before. Every write of a task names its fence; a lost lease writes nothing.
 * K3 An unfinished task always has a `due_at`: what nobody holds any more is found by the sweep.
 * K4 Status, step and result change in the same statement as their events.
 */
import { Prisma } from '../../prisma/generated/client.ts'
import type { Db, Tx } from '../context.ts'
import type { ErrorCode, ErrorDetails } from '../errors.ts'
import { newId } from '../id.ts'
import { EVENT_CHANNEL, type EventDraft, eventColumns, type ResourceType } from './event.ts'

export const taskStatuses = [
  'QUEUED',
  'RUNNING',
  'UNWINDING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
] as const
export type TaskStatus = (typeof taskStatuses)[number]

export const stepStatuses = ['PENDING', 'RUNNING', 'DONE', 'FAILED', 'UNDOING', 'UNDONE'] as const
export type StepStatus = (typeof stepStatuses)[number]

export interface StepRecord {
  name: string
  status: StepStatus
  attempts: number
  startedAt: string | null
  finishedAt: string | null
  message: string | null
}

export interface TaskFailure {
  code: ErrorCode
  message: string
  step: string | null
  details?: ErrorDetails
}

/** What steps found out, kept between tries and restarts. */
export interface TaskState {
  results: Record<string, unknown>
  /** Hosts on which an earlier round failed, and why. */
  tried: { host: string; reason: string }[]
  /** What placement found in each attempt: compute's placement-kept.ts. */
  placements?: unknown[]
  /** The failure is one that no other host would do better with. */
  final?: boolean
  /** The fence of its last call that was answered: what a host reports from before that is old news. */
  calledUnder?: number
}

export interface Task {
  id: string
  kind: string
  status: TaskStatus
  projectId: string | null
  userId: string | null
  resourceType: ResourceType
  resourceId: string
  input: unknown
  state: TaskState
  steps: StepRecord[]
  position: number
  round: number
  waitingFor: string | null
  error: TaskFailure | null
  requestId: string | null
  deadlineAt: Date
  fence: bigint
}

export interface TaskDraft {
  id?: string
  kind: string
  projectId: string | null
  userId: string | null
  requestId: string | null
  resourceType: ResourceType
  resourceId: string
  input: object
  /** The names of the steps, in order. */
  steps: readonly string[]
  deadlineMs: number
}

export const taskEvent = (
  task: Pick<Task, 'id' | 'projectId' | 'requestId'> & { userId?: string | null },
  what: string,
): EventDraft => ({
  type: `task.${what}`,
  resourceType: 'task',
  resourceId: task.id,
  projectId: task.projectId,
  userId: task.userId ?? null,
  requestId: task.requestId,
})

/** Writes a task that is due at once, with the events of the change that asked for it. */
export async function taskCreate(tx: Tx, draft: TaskDraft, events: EventDraft[]): Promise<string> {
  const id = draft.id ?? newId()
  const steps = draft.steps.map((name) => freshStep(name))
  const all = eventColumns([...events, taskEvent({ ...draft, id }, 'created')])
  await tx.$executeRaw`
    with task as (
      insert into core.task (id, kind, status, project_id, user_id, resource_type, resource_id,
                             input, steps, request_id, due_at, deadline_at, created_at)
      values (${id}::uuid, ${draft.kind}, 'QUEUED', ${draft.projectId}::uuid, ${draft.userId}::uuid,
              ${draft.resourceType}, ${draft.resourceId}::uuid, ${JSON.stringify(draft.input)}::jsonb,
              ${JSON.stringify(steps)}::jsonb, ${draft.requestId}, now(),
              now() + ${draft.deadlineMs}::int * interval '1 millisecond', now())),
    written as (
      insert into core.event (type, resource_type, resource_id, project_id, user_id, request_id)
      select * from unnest(${all[0]}::text[], ${all[1]}::text[], ${all[2]}::uuid[], ${all[3]}::uuid[],
                           ${all[4]}::uuid[], ${all[5]}::text[])
      returning 1)
    select pg_notify(${EVENT_CHANNEL}, '') from (select count(*) from written) counted`
  return id
}

/**
 * Writes tasks that differ from one that was just written by their ids and resources only, in one
 * statement however many they are. The caller writes their events, those of the tasks included.
 */
export async function taskCopies(
  tx: Tx,
  id: string,
  copies: readonly { id: string; resourceId: string }[],
): Promise<void> {
  const [ids, resourceIds] = [copies.map((copy) => copy.id), copies.map((copy) => copy.resourceId)]
  await tx.$executeRaw`
    insert into core.task
    select (jsonb_populate_record(t, jsonb_build_object('id', w.id, 'resource_id', w.resource_id))).*
    from core.task t, unnest(${ids}::uuid[], ${resourceIds}::uuid[]) w (id, resource_id)
    where t.id = ${id}::uuid`
}

export const freshStep = (name: string): StepRecord => ({
  name,
  status: 'PENDING',
  attempts: 0,
  startedAt: null,
  finishedAt: null,
  message: null,
})

export interface WhichTask {
  /** Only this one; null: whichever is due longest. */
  taskId: string | null
  /** Also before it is due, when the owner holds it already: a try of its own broke off. */
  evenIfOurs?: boolean
}

/** Takes the lease of one due task. Tasks that others are claiming are passed over. */
export async function taskClaim(
  db: Db,
  owner: string,
  leaseMs: number,
  which: WhichTask = { taskId: null },
): Promise<Task | null> {
  const [task] = await claim(db, owner, leaseMs, which, 1)
  return task ?? null
}

/** The same of those that are due longest, at most so many, in one statement. */
export const tasksClaim = (db: Db, owner: string, leaseMs: number, most: number): Promise<Task[]> =>
  claim(db, owner, leaseMs, { taskId: null }, most)

async function claim(
  db: Db,
  owner: string,
  leaseMs: number,
  { taskId, evenIfOurs = false }: WhichTask,
  most: number,
): Promise<Task[]> {
  // Two texts: one plan does not do for both.
  const wanted = taskId
    ? Prisma.sql`id = ${taskId}::uuid and (due_at <= now() or ${evenIfOurs} and lease_owner = ${owner})`
    : Prisma.sql`due_at <= now()`
  return db.$queryRaw<Task[]>`
    with due as (
      select id from core.task
      where ${wanted}
      order by due_at limit ${most}::int for update skip locked),
    claimed as (
      update core.task t
      set status = case t.status when 'QUEUED' then 'RUNNING' else t.status end,
          started_at = coalesce(t.started_at, now()), lease_owner = ${owner}, waiting_for = null,
          due_at = now() + ${leaseMs}::int * interval '1 millisecond',
          fence = nextval('core.fence'), version = t.version + 1
      from due where t.id = due.id
      returning t.*),
    written as (
      insert into core.event (type, resource_type, resource_id, project_id, request_id)
      select 'task.updated', 'task', id, project_id, request_id from claimed returning 1)
    select id, kind, status, project_id as "projectId", user_id as "userId",
           resource_type as "resourceType", resource_id as "resourceId", input,
           jsonb_build_object('results', '{}'::jsonb, 'tried', '[]'::jsonb) || state as state,
           steps, position, round, waiting_for as "waitingFor", error, request_id as "requestId",
           deadline_at as "deadlineAt", fence,
           (select pg_notify(${EVENT_CHANNEL}, '')::text
            from (select count(*) as events from written) counted where events > 0) as told
    from claimed`
}

/**
 * Keeps the lease of a task that takes its time; false when it is lost. A row that is being written is
 * not waited for: nobody claims it meanwhile, and what is written there says anew when it is due.
 */
export async function taskRenew(db: Db, task: Task, leaseMs: number): Promise<boolean> {
  const [row] = await db.$queryRaw<{ ours: boolean }[]>`
    with mine as (
      select id from core.task
      where id = ${task.id}::uuid and fence = ${task.fence} and lease_owner is not null
      for update skip locked),
    renewed as (
      update core.task t set due_at = now() + ${leaseMs}::int * interval '1 millisecond'
      from mine where t.id = mine.id)
    select exists (
      select from core.task
      where id = ${task.id}::uuid and fence = ${task.fence} and lease_owner is not null) as ours`
  return row?.ours === true
}

export interface TaskChange {
  status: TaskStatus
  /** Milliseconds until somebody should look again; null when the task is finished. */
  dueInMs: number | null
  /** Gives the lease up at once, so that whoever is free takes the task when it is due. */
  release?: boolean
}

/**
 * Writes where the task stands, and the given events, if it still is ours. False when the lease was
 * lost: then nothing was written, and the caller's transaction must be rolled back.
 */
export async function taskAdvance(
  tx: Tx,
  task: Task,
  { status, dueInMs, release }: TaskChange,
  events: EventDraft[] = [],
): Promise<boolean> {
  const finished = dueInMs === null
  const all = eventColumns([...events, taskEvent(task, 'updated')])
  const [row] = await tx.$queryRaw<{ moved: bigint }[]>`
    with moved as (
      update core.task set status = ${status}, position = ${task.position}, round = ${task.round},
        state = ${JSON.stringify(task.state)}::jsonb, steps = ${JSON.stringify(task.steps)}::jsonb,
        waiting_for = ${task.waitingFor},
        progress = case when position = ${task.position} and not ${finished} then progress end,
        error = ${task.error ? JSON.stringify(task.error) : null}::jsonb,
        due_at = now() + ${dueInMs}::int * interval '1 millisecond',
        lease_owner = case when ${finished || release === true} then null else lease_owner end,
        finished_at = case when ${finished} then now() end, version = version + 1
      where id = ${task.id}::uuid and fence = ${task.fence} and finished_at is null
      returning 1),
    written as (
      insert into core.event (type, resource_type, resource_id, project_id, user_id, request_id)
      select * from unnest(${all[0]}::text[], ${all[1]}::text[], ${all[2]}::uuid[], ${all[3]}::uuid[],
                           ${all[4]}::uuid[], ${all[5]}::text[])
      where exists (select from moved)
      returning 1)
    select (select count(*) from moved) as moved,
           pg_notify(${EVENT_CHANNEL}, '')::text as told from (select count(*) from written) counted`
  return row?.moved === 1n
}

/**
 * Ends a task that another one takes over from: its owner's late writes are harmless (the fence has
 * moved on), and what it did is the business of the task that interrupts it.
 */
export async function taskCancel(tx: Tx, taskId: string): Promise<void> {
  await tx.$executeRaw`
    with ended as (
      update core.task set status = 'CANCELLED', fence = nextval('core.fence'), due_at = null,
        lease_owner = null, waiting_for = null, finished_at = now(), version = version + 1
      where id = ${taskId}::uuid and finished_at is null
      returning id, project_id, request_id),
    written as (
      insert into core.event (type, resource_type, resource_id, project_id, request_id)
      select 'task.updated', 'task', id, project_id, request_id from ended returning 1)
    select pg_notify(${EVENT_CHANNEL}, '') from written`
}

/** Hands over, at once, what an owner held. With `exceptOwner`: what all others held. */
export async function taskHandOver(db: Db, which: { owner: string } | { exceptOwner: string }) {
  const owner = 'owner' in which ? which.owner : null
  const exceptOwner = 'exceptOwner' in which ? which.exceptOwner : null
  return db.$executeRaw`
    update core.task set due_at = now(), lease_owner = null
    where finished_at is null and lease_owner is not null
      and (lease_owner = ${owner} or lease_owner <> ${exceptOwner})`
}

/** How far the step at hand of a task is, as its host tells it. */
export interface TaskProgress {
  taskId: string
  /** Of which round and step: what comes late from an earlier one is dropped. */
  round: number
  step: string
  doneBytes: number
  totalBytes: number
}

/** Between two events of one task's progress. */
const PROGRESS_EVERY_MS = 1_000

/**
 * Writes it, with an event, if the task is still at that step and this was not done a moment ago. It
 * needs no fence: it is told, and nothing is decided on it.
 */
export async function taskProgress(db: Db, progress: TaskProgress): Promise<boolean> {
  const { taskId, round, step, doneBytes, totalBytes } = progress
  const [row] = await db.$queryRaw<{ moved: bigint }[]>`
    with moved as (
      update core.task
      set progress = jsonb_build_object('doneBytes', ${doneBytes}::bigint,
                                        'totalBytes', ${totalBytes}::bigint, 'at', now()),
          version = version + 1
      where id = ${taskId}::uuid and finished_at is null and round = ${round}
        and steps -> position ->> 'name' = ${step}
        and coalesce((progress ->> 'at')::timestamptz, 'epoch')
            <= now() - ${PROGRESS_EVERY_MS}::int * interval '1 millisecond'
      returning id, project_id, request_id),
    written as (
      insert into core.event (type, resource_type, resource_id, project_id, request_id)
      select 'task.updated', 'task', id, project_id, request_id from moved returning 1)
    select (select count(*) from moved) as moved,
           pg_notify(${EVENT_CHANNEL}, '')::text as told from (select count(*) from written) counted`
  return row?.moved === 1n
}

/** A number of the claims' own sequence, for work that no task stands for. */
export async function newFence(db: Db): Promise<bigint> {
  const [row] = await db.$queryRaw<{ fence: bigint }[]>`select nextval('core.fence') as fence`
  if (!row) throw new Error('the fence sequence gave nothing')
  return row.fence
}

/** Of these kinds, how many are unfinished: what the metrics show. */
export async function taskCounts(
  db: Db,
): Promise<{ kind: string; status: string; count: number }[]> {
  return db.$queryRaw`
    select kind, status, count(*)::int as count from core.task
    where due_at is not null group by kind, status`
}

/** Which of these ids some task of this cloud has worked on. */
export async function knownByTasks(db: Db, ids: string[]) {
  if (ids.length === 0) return { known: [], unknown: [] }
  const tasks = await db.task.findMany({
    where: { resourceId: { in: ids } },
    select: { resourceId: true },
    distinct: ['resourceId'],
  })
  const had = new Set(tasks.map((task) => task.resourceId))
  return { known: ids.filter((id) => had.has(id)), unknown: ids.filter((id) => !had.has(id)) }
}
