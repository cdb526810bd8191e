/**
 * host.maintain: the servers of a host leave it, each by a task of its own, some at a time: running ones
 * live, others carried and confirmed at once. It only goes forward: what can't leave is told, and stays.
 */
import { hostEvent } from '../../services/compute/host.ts'
import { HOST_MAINTAIN } from '../../services/compute/host-maintain.ts'
import { actionOf, wayOf } from '../../services/compute/host-plan.ts'
import { type MoveTaskInput, migrationBegin } from '../../services/compute/migration.ts'
import { type LockedServer, lockServer } from '../../services/compute/server.ts'
import { beginOnItsOwn, hindrance } from '../../services/compute/server-by-itself.ts'
import type { Tx } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { newId } from '../../services/id.ts'
import { type StepContext, StepFailure, step, taskKind } from '../conductor/task.ts'
import { pause } from '../pause.ts'

/** Servers on their way at once. */
const AT_ONCE = 4
/** Moves of one server that may fail. */
const TRIES = 2
const LOOK_MS = 500
/** Servers that a refusal names. */
const MAX_LISTED = 50

export const hostMaintain = taskKind(
  HOST_MAINTAIN.kind,
  [step('move', { do: moveAll, tries: Number.POSITIVE_INFINITY })],
  {
    // It stays disabled, with what could not leave.
    failed: async (c) => c.emit(hostEvent(c.task.resourceId, 'updated')),
  },
)

interface Leaving {
  id: string
  name: string
  taskState: string | null
}

interface Stuck {
  id: string
  name: string
  reason: string
}

async function moveAll(c: StepContext): Promise<{ moved: number }> {
  const { task } = c
  for (;;) {
    c.signal.throwIfAborted()
    const left = await leftOn(c)
    const stuck: Stuck[] = []
    let underWay = left.filter(({ taskState }) => taskState).length
    for (const server of left) {
      if (server.taskState || underWay >= AT_ONCE) continue
      const reason = await sendAway(c, server).catch(ifGone)
      if (reason === null) underWay++
      else stuck.push({ id: server.id, name: server.name, reason })
    }
    if (left.length === 0) {
      const since = { createdAt: { gte: await begunAt(c) } }
      const where = { sourceHostId: task.resourceId, ...since }
      return { moved: await c.db.migration.count({ where }) }
    }
    if (underWay === 0 && stuck.length === left.length) throw stays(stuck)
    if (c.now() > task.deadlineAt) throw stays(stuck)
    await pause(LOOK_MS, c.signal)
  }
}

/** It was deleted since it was listed: the next look does not find it. */
function ifGone(error: unknown): null {
  if (error instanceof CloudError && error.code === 'NOT_FOUND') return null
  throw error
}

const stays = (stuck: Stuck[]): StepFailure => {
  const [first] = stuck
  const message = `${stuck.length} servers can not leave the host${first ? `: ${first.name}: ${first.reason}` : ' in time'}`
  return new StepFailure('IN_USE', message, {
    final: true,
    details: {
      resources: stuck.slice(0, MAX_LISTED).map(({ id, name }) => ({ type: 'server', id, name })),
    },
  })
}

async function begunAt(c: StepContext): Promise<Date> {
  const { createdAt } = await c.db.task.findUniqueOrThrow({
    where: { id: c.task.id },
    select: { createdAt: true },
  })
  return createdAt
}

/** What is on the host, or holds something of it for its way back. */
const leftOn = ({ db, task: { resourceId: hostId } }: StepContext): Promise<Leaving[]> =>
  db.server.findMany({
    where: { OR: [{ hostId }, { allocations: { some: { hostId } } }] },
    select: { id: true, name: true, taskState: true },
    orderBy: [{ memoryMiB: 'desc' }, { id: 'asc' }],
  })

/** Begins its move; otherwise why it can't leave. */
async function sendAway(c: StepContext, { id }: Leaving): Promise<string | null> {
  const since = await begunAt(c)
  const at = c.now()
  const hostId = c.task.resourceId
  return c.db.$transaction(async (tx) => {
    const server = await lockServer(tx, { projectId: null }, id)
    // It is elsewhere by now, and awaits its confirmation: by its owner, or by itself.
    if (server.hostId !== hostId) return toBeConfirmed(tx, server)
    const where = { serverId: id, sourceHostId: hostId, createdAt: { gte: since } }
    const failed = await tx.migration.findMany({
      where: { ...where, status: { in: ['FAILED', 'CANCELLED', 'REVERTED'] } },
      select: { taskId: true },
      orderBy: { id: 'asc' },
    })
    const { traits } = await tx.host.findUniqueOrThrow({ where: { id: hostId } })
    const { way, reason } = wayOf(server, traits)
    if (way === 'NONE' || way === 'EVACUATION') return reason ?? 'it can not be moved'
    if (failed.length >= TRIES) return whyFailed(tx, failed.at(-1)?.taskId ?? null)
    const action = actionOf[way]
    const inTheWay = hindrance(action, server)
    if (inTheWay) return inTheWay
    const taskId = newId()
    const { userId, requestId } = c.task
    const kind = way === 'LIVE' ? 'LIVE_MIGRATION' : 'MIGRATION'
    const begin = { tx, at, taskId, requestId, actor: { userId } }
    const { migrationId, from } = await migrationBegin(begin, server, { kind })
    const task: Omit<MoveTaskInput, 'host' | 'before'> = {
      ...{ migrationId, from, to: from, onlyHost: null },
      // Nobody waits to take it back.
      confirmSeconds: 0,
    }
    await beginOnItsOwn(tx, server, {
      ...{ action, taskId, at, task, asking: { userId, requestId } },
      kind: way === 'LIVE' ? 'server.live-migrate' : 'server.migrate',
    })
    return null
  })
}

async function toBeConfirmed(tx: Tx, { id }: LockedServer): Promise<string | null> {
  const open = await tx.migration.findFirst({ where: { serverId: id, status: 'FINISHED' } })
  if (!open) return null
  return open.confirmAt ? null : 'its move away awaits serverResizeConfirm'
}

async function whyFailed(tx: Tx, taskId: string | null): Promise<string> {
  const task = taskId ? await tx.task.findUnique({ where: { id: taskId } }) : null
  const { message } = (task?.error ?? {}) as { message?: string }
  return message ?? 'its move failed'
}
