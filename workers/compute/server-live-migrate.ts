/**
 * server.live-migrate: a server moves while it runs; its host changes with the step `transfer`. And
 * server.migration-abort: it goes on where it was.
 *
 * L1 Whether it has arrived, the destination knows: it says so when the machine runs there.
 * L2 Once the row says that it is there, nothing takes it back: what fails then is only tidying.
 */
import {
  migrationGiveBack,
  migrationLetGo,
  migrationSet,
} from '../../services/compute/migration.ts'
import { machineOf } from '../../services/compute/server.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { CallError } from '../call.ts'
import {
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  taskKind,
} from '../conductor/task.ts'
import { settledWithin } from '../pause.ts'
import { BOOT_TIMEOUT_MS, COPY_TIMEOUT_MS, callHost, PAUSE_TIMEOUT_MS } from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import {
  aside,
  destroyAside,
  endsOf,
  isDown,
  type Move,
  moveInputOf,
  moveOf,
  movePlaceStep,
  saving,
  serverSwitch,
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
    step('transfer', { do: transfer, save: arrive, undo: goOn, tries: 2 }),
    step('tidy', { do: tidy, save: settled, tries: 8 }),
  ],
  { failed },
)

export const serverMigrationAbort = taskKind(
  'server.migration-abort',
  [step('abort', { do: abort, save: aborted, tries: 8 })],
  { failed: (c, error) => notAborted(c, error) },
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

/** It runs at its source, and nothing of it is at the destination. */
async function goOn(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (move.status !== 'RUNNING') return
  await destroyAside(c, move.destination)
  await startAtSource(c, move)
}

/** Mostly it never stopped there; what runs is left alone. */
async function startAtSource(c: StepContext, { source }: Move): Promise<void> {
  if (!source || (await isDown(c, source.name))) return
  const machine = await machineOf(c.db, idOf(c))
  await callHost(c, source.name, 'start', { machine }, BOOT_TIMEOUT_MS)
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

/**
 * Ends the move under a fence of its own, which ends both verbs, the source's first: if it is on there,
 * it has not gone. If it is off there and runs at the destination, it was too late to abort.
 */
async function abort(c: StepContext): Promise<{ arrived: boolean }> {
  const move = await moveOf(c)
  const { source, destination } = move
  if (source && !(await runsOn(c, source.name)) && destination) {
    if (await aside(c, () => runsOn(c, destination.name))) {
      await destroyAside(c, source)
      await runsOn(c, destination.name)
      return { arrived: true }
    }
  }
  await destroyAside(c, destination)
  await startAtSource(c, move)
  return { arrived: false }
}

/** Asked by a verb that leaves alone what runs, and refuses what is off or not there. */
async function runsOn(c: StepContext, host: string): Promise<boolean> {
  if (await isDown(c, host)) return false
  try {
    await callHost(c, host, 'unpause', { id: idOf(c) }, PAUSE_TIMEOUT_MS)
    return true
  } catch (error) {
    const code = error instanceof CallError ? error.code : null
    // One that can't hold machines can't say: whoever moves it live runs it.
    if (code === 'UNSUPPORTED') return true
    if (code === 'REFUSED' || code === 'MACHINE_NOT_FOUND') return false
    throw new StepFailure('UNAVAILABLE', 'The host does not say whether it runs there', {
      retryable: true,
      cause: error,
    })
  }
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

/** What it is then, its host reports. */
const notAborted = async (c: SaveContext, error: TaskFailure): Promise<void> =>
  stays(c, await moveOf(c), error)
