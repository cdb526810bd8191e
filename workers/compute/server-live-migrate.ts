/**
 * server.live-migrate: a server moves while it runs; its host changes with the step `transfer`. And
 * server.migration-abort: it goes on where it was.
 *
 * L1 Whether it has arrived, the destination knows: it says so when the machine runs there.
 * L2 Once the row says that it is there, nothing takes it back: what fails then is only tidying.
 * L3 A move that failed asks both ends where it runs, and the row says so: what has arrived after all
 *    stays there. Where neither can say so, it is waited for (M3).
 */
import {
  migrationGiveBack,
  migrationLetGo,
  migrationSet,
} from '../../services/compute/migration.ts'
import { machineOf } from '../../services/compute/server.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { CallError } from '../call.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { settledWithin } from '../pause.ts'
import { BOOT_TIMEOUT_MS, COPY_TIMEOUT_MS, callHost, PAUSE_TIMEOUT_MS } from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import {
  aside,
  destroyAside,
  type End,
  endsOf,
  type Move,
  moveInputOf,
  moveOf,
  movePlaceStep,
  reachOf,
  saving,
  serverSwitch,
  silent,
  streamEnd,
  whileUp,
} from './server-move.ts'
import { settle } from './server-settle.ts'

/** When one end failed: how long the other one may still say how it ended. */
const LAST_WORD_MS = 5_000

export const serverLiveMigrate = taskKind(
  'server.live-migrate',
  [
    movePlaceStep('LIVE_MIGRATION'),
    step('transfer', {
      ...{ do: transfer, save: arrive, undo: goOn, unsave: arriveAfterAll },
      ...{ tries: 2, undoTries: Number.POSITIVE_INFINITY },
    }),
    step('tidy', { do: tidy, save: settled, tries: 8 }),
  ],
  { failed },
)

export const serverMigrationAbort = taskKind(
  'server.migration-abort',
  [step('abort', { do: abort, save: aborted, tries: Number.POSITIVE_INFINITY })],
  { failed: notAborted },
)

const idOf = (c: StepContext): string => c.task.resourceId

async function transfer(c: StepContext): Promise<{ pausedMs: number | null }> {
  const { source, destination } = endsOf(await moveOf(c))
  const machine = await machineWithDrive(c)
  const streams = (end: 'a' | 'b') => ({
    memory: streamEnd(c, 'memory', end),
    disk: streamEnd(c, 'disk', end),
  })
  const receive = { machine, streams: streams('a') }
  const send = { id: idOf(c), streams: streams('b') }
  const receiving = callHost(c, destination.name, 'receive', receive, COPY_TIMEOUT_MS)
  const sending = callHost(c, source.name, 'send', send, COPY_TIMEOUT_MS)
  return whileUp(c, [source, destination], arrival(receiving, sending))
}

/** L1. The source's word tells how long the guest was held, or why it did not go. */
async function arrival(
  receiving: Promise<unknown>,
  sending: Promise<unknown>,
): Promise<{ pausedMs: number | null }> {
  let came = false
  let pausedMs: number | null = null
  const failures: unknown[] = []
  const ends = [
    sending.then(
      (result) => {
        pausedMs = (result as { pausedMs: number }).pausedMs
      },
      (error: unknown) => void failures.unshift(error),
    ),
    receiving.then(
      () => {
        came = true
      },
      (error: unknown) => void failures.push(error),
    ),
  ]
  const all = Promise.all(ends)
  await Promise.all([receiving, sending]).catch(() => settledWithin(LAST_WORD_MS, all))
  if (came) return { pausedMs }
  throw failures[0]
}

async function arrive(c: SaveContext, result: unknown): Promise<void> {
  const { pausedMs } = result as { pausedMs: number | null }
  const { migrationId, to } = moveInputOf(c)
  const { destination } = endsOf(await moveOf(c))
  await serverSwitch(c, destination.id, to)
  await migrationSet(c.tx, migrationId, { status: 'FINISHED', pausedMs }, saving(c))
}

/** Of what `goOn` found out, for `arriveAfterAll`. */
const ARRIVED = 'arrived'

/** It runs at its source and nothing of it is at the destination, or it is there and goes on there. */
async function goOn(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (move.status !== 'RUNNING') return
  const { results } = c.task.state
  results[ARRIVED] = await comeToRest(c, move)
}

async function arriveAfterAll(c: SaveContext): Promise<void> {
  if (c.task.state.results[ARRIVED]) await arrive(c, { pausedMs: null })
}

/**
 * L3: brings it to one end, and says whether that is the destination. This runs under a fence that ends
 * both verbs, the source's first: if it is on there, it has not gone.
 */
async function comeToRest(c: StepContext, move: Move): Promise<boolean> {
  const { source, destination } = move
  const here = source ? await isOn(c, source) : 'off'
  if (here !== 'on' && destination) {
    const there = await aside(c, () => isOn(c, destination))
    if (there === 'silent') throw silent()
    if (there === 'on') {
      await destroyAside(c, source)
      return true
    }
  }
  await destroyAside(c, destination)
  if (source && here !== 'silent') await startAt(c, source)
  return false
}

/** Asked by a verb that leaves alone what runs, and refuses what is off or not there. */
async function isOn(c: StepContext, host: End): Promise<'on' | 'off' | 'silent'> {
  const reach = await reachOf(c, host)
  if (reach !== 'up') return reach === 'dead' ? 'off' : 'silent'
  try {
    await callHost(c, host.name, 'unpause', { id: idOf(c) }, PAUSE_TIMEOUT_MS)
    return 'on'
  } catch (error) {
    const code = error instanceof CallError ? error.code : null
    // One that can't hold machines can't say: whoever moves it live runs it.
    if (code === 'UNSUPPORTED') return 'on'
    if (code === 'REFUSED' || code === 'MACHINE_NOT_FOUND') return 'off'
    c.log.warn({ err: error, host: host.name }, 'a host does not say whether a server runs there')
    return 'silent'
  }
}

/** Mostly it never stopped there; what runs is left alone. */
async function startAt(c: StepContext, host: End): Promise<void> {
  if ((await reachOf(c, host)) !== 'up') return
  const machine = await machineOf(c.db, idOf(c))
  await callHost(c, host.name, 'start', { machine }, BOOT_TIMEOUT_MS)
}

async function tidy(c: StepContext): Promise<void> {
  await destroyAside(c, (await moveOf(c)).source)
}

async function settled(c: SaveContext): Promise<void> {
  const move = await moveOf(c)
  await migrationLetGo(c.tx, move)
  await migrationSet(c.tx, move.id, { status: 'COMPLETED' }, saving(c))
  await settle(c, { status: 'ACTIVE', powerState: 'RUNNING', fault: null })
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  const move = await moveOf(c)
  // L2: what is left at the source is removed when it reports.
  if (move.status === 'FINISHED') return settled(c)
  await migrationSet(c.tx, move.id, { status: 'FAILED' }, saving(c))
  const fault = faultFrom(error, c.at)
  await settle(c, { status: 'ACTIVE', powerState: 'RUNNING', fault })
}

/** Ends the move; when it has arrived already, it was too late. */
async function abort(c: StepContext): Promise<{ arrived: boolean }> {
  return { arrived: await comeToRest(c, await moveOf(c)) }
}

async function aborted(c: SaveContext, result: unknown): Promise<void> {
  const move = await moveOf(c)
  if (!(result as { arrived: boolean }).arrived) return stays(c, move, null)
  await c.tx.server.updateMany({
    where: { id: idOf(c), taskId: c.task.id },
    data: { hostId: endsOf(move).destination.id, fence: 0n },
  })
  await settled(c)
}

async function stays(c: SaveContext, move: Move, error: TaskFailure | null): Promise<void> {
  await migrationGiveBack(c.tx, move)
  await migrationSet(c.tx, move.id, { status: 'CANCELLED' }, saving(c))
  const fault = error && faultFrom(error, c.at)
  await settle(c, { status: 'ACTIVE', powerState: 'RUNNING', fault })
}

/** What was found out stands; else it is where it was, and what it is there, its host reports. */
async function notAborted(c: SaveContext, error: TaskFailure): Promise<void> {
  const found = c.task.state.results.abort as { arrived: boolean } | undefined
  if (found?.arrived) await aborted(c, found)
  else await stays(c, await moveOf(c), error)
}
