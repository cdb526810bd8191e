/**
 * What the tasks share that move servers: both ends, calls to two hosts at once, and the switch of the
 * row from one end to the other.
 *
 * M1 Until the switch the row says that the server is where it was, with the size that it had. Placing
 *    claims the new place for the server and leaves the old one to the migration.
 * M2 The row's fence is one that the host knows on which the server is: calls to the other end do not
 *    count (`aside`), and a switch forgets what the end before it was called under.
 * M3 Nothing is started at one end while the other end may run it: who can't be asked is waited for.
 */
import { createHash } from 'node:crypto'
import type { Migration } from '../../prisma/generated/client.ts'
import { allocationClaimFor, allocationHandOver } from '../../services/compute/allocation.ts'
import {
  type MoveTaskInput,
  migrationGiveBack,
  migrationSet,
  type Size,
} from '../../services/compute/migration.ts'
import type { MigrationKind } from '../../services/compute/migration-status.ts'
import { amountsOf, serverEvent } from '../../services/compute/server.ts'
import { moveDemands } from '../../services/compute/server-move.ts'
import { quotaDivide } from '../../services/identity/quota-divide.ts'
import {
  Again,
  type SaveContext,
  type Step,
  type StepContext,
  StepFailure,
  step,
} from '../conductor/task.ts'
import { pause } from '../pause.ts'
import { callHost, DESTROY_TIMEOUT_MS } from './agent-calls.ts'
import { choose, PLACE_TRIES, type Placed, rememberTried } from './placement-step.ts'
import { serverOf } from './server-settle.ts'

/** How soon a long call hears that its host is down. */
const LOOK_MS = 2_000

export interface End {
  id: string
  name: string
  status: string
}

export interface Move extends Migration {
  source: End | null
  destination: End | null
}

export const moveInputOf = (c: StepContext) => c.task.input as MoveTaskInput

/** The migration of the task with both of its ends, as it is now. */
export async function moveOf(c: StepContext | SaveContext): Promise<Move> {
  const db = 'tx' in c ? c.tx : c.db
  const end = { select: { id: true, name: true, status: true } }
  return db.migration.findUniqueOrThrow({
    where: { id: moveInputOf(c).migrationId },
    include: { source: end, destination: end },
  })
}

/** The ends that a move must have by now. */
export function endsOf({ source, destination }: Move): { source: End; destination: End } {
  if (source && destination) return { source, destination }
  throw new StepFailure('INVALID_STATE', 'A host of the migration is gone', { final: true })
}

export const staysOnHost = ({ sourceHostId, destinationHostId }: Migration): boolean =>
  sourceHostId === destinationHostId

/** The step `place` of a server that has a place: M1. `claimed` writes more with the claim. */
export const movePlaceStep = (
  kind: MigrationKind,
  also: {
    claimed?(c: SaveContext, hostId: string): Promise<void>
    givenBack?(c: SaveContext, move: Move): Promise<void>
  } = {},
): Step =>
  step('place', {
    do: async (c) => {
      const { source } = await moveOf(c)
      const { to, onlyHost } = moveInputOf(c)
      const moving = { kind, source: source?.name ?? null, to, onlyHost }
      return choose(c, { more: () => moveDemands(c.db, c.task.resourceId, moving) })
    },
    save: async (c, result) => {
      const { host, asked } = result as Placed
      const { migrationId } = moveInputOf(c)
      const { resourceId: id } = c.task
      if (!asked) throw new Error('a move asks for its place')
      await allocationHandOver(c.tx, id, id, migrationId)
      if (!(await allocationClaimFor(c.tx, id, host, asked))) throw new Again()
      await migrationSet(c.tx, migrationId, { destinationHostId: host.id }, saving(c))
      await also.claimed?.(c, host.id)
    },
    unsave: async (c) => {
      const move = await moveOf(c)
      if (move.status !== 'RUNNING') return
      rememberTried(c)
      await migrationGiveBack(c.tx, move)
      await also.givenBack?.(c, move)
    },
    tries: PLACE_TRIES,
  })

export const saving = (c: SaveContext) => ({ at: c.at, requestId: c.task.requestId })

/** The row says from now on that the server is there, with this size; quota follows (migration.ts R3). */
export async function serverSwitch(c: SaveContext, hostId: string, size: Size): Promise<void> {
  const { resourceId: id, id: taskId, projectId } = c.task
  await c.tx.server.updateMany({
    where: { id, taskId },
    data: { ...size, hostId, fence: 0n, version: { increment: 1 }, updatedAt: c.at },
  })
  delete c.task.state.calledUnder
  const other = moveInputOf(c).migrationId
  if (projectId) await quotaDivide(c.tx, { projectId, owner: id, amounts: amountsOf(size), other })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

/** Calls to a host on which the server is not, or will not be: M2. */
export async function aside<T>(
  { task: { state } }: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  const under = state.calledUnder
  try {
    return await work()
  } finally {
    if (under === undefined) delete state.calledUnder
    else state.calledUnder = under
  }
}

/**
 * Removes what is left of the server on a host where it does not run. A host that can't be asked now is
 * passed over: what it still has is removed when it reports again.
 */
export async function destroyAside(c: StepContext, host: End | null): Promise<void> {
  if (!host || (await reachOf(c, host)) !== 'up') return
  await aside(c, () =>
    callHost(c, host.name, 'destroy', { id: c.task.resourceId }, DESTROY_TIMEOUT_MS),
  )
}

/**
 * As `destroyAside`, on a host where the server may run: M3. A host that is only silent is waited for,
 * until it answers or an operator says that it is dead.
 */
export async function endAside(c: StepContext, host: End | null): Promise<void> {
  if (host && (await reachOf(c, host)) === 'silent') throw silent()
  await destroyAside(c, host)
}

/** Silent: its servers may run all the same. Dead: an operator said so. */
export async function reachOf(c: StepContext, { id }: End): Promise<'up' | 'silent' | 'dead'> {
  const host = await c.db.host.findUnique({
    where: { id },
    select: { status: true, forcedDown: true },
  })
  if (!host || host.forcedDown) return 'dead'
  return host.status === 'UP' ? 'up' : 'silent'
}

/** The name of the step with whose first try a server may run at its destination. */
export const BOOT = 'boot'

/** Undoes what was made of the server at the destination. */
export async function leaveDestination(c: StepContext): Promise<void> {
  const { destination } = await moveOf(c)
  const mayRun = c.task.steps.some(({ name, status }) => name === BOOT && status !== 'PENDING')
  if (mayRun) await endAside(c, destination)
  else await destroyAside(c, destination)
}

export const silent = (): StepFailure =>
  new StepFailure(
    'UNAVAILABLE',
    'The other host is silent, and the server may run there: it is waited for until it answers, or an operator says that it is dead',
    { retryable: true },
  )

/** What takes long is given up when one of its hosts goes down: nobody would answer. */
export async function whileUp<T>(
  c: StepContext,
  hosts: readonly End[],
  work: Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const names = hosts.map(({ name }) => name)
  const watching = (async (): Promise<never> => {
    for (;;) {
      await pause(LOOK_MS, over.signal)
      if (over.signal.aborted) return new Promise(() => {})
      const where = { name: { in: names }, status: 'DOWN' }
      // Not to be known is no reason to give up.
      const down = await c.db.host.count({ where }).catch(() => 0)
      if (down > 0) throw new StepFailure('UNAVAILABLE', 'The host is down', { retryable: true })
    }
  })()
  try {
    return await Promise.race([work, watching])
  } finally {
    over.abort(null)
    watching.catch(() => {})
    work.catch(() => {})
  }
}

/**
 * The end of a stream between the two hosts, for a call. Its id is that of the try: one that broke off
 * and is repeated means the same stream.
 */
export function streamEnd(c: StepContext, channel: string, end: 'a' | 'b') {
  const { id, round, steps, position } = c.task
  const text = [id, round, steps[position]?.name, steps[position]?.attempts, channel].join('/')
  const hex = createHash('sha256').update(text).digest('hex')
  const stream = [8, 12, 16, 20, 32].map((at, i, all) => hex.slice(all[i - 1] ?? 0, at)).join('-')
  return { url: `/v1/streams/${stream}/${end}`, ticket: c.ticket(`stream/${stream}/${end}`) }
}
