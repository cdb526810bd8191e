/**
 * server.resize and server.migrate: a server is turned off, gets another size or another host, and is
 * turned on again; then somebody confirms it or takes it back. Until then its machine is kept, off,
 * where it came from: on the same host its disk is kept aside.
 */
import {
  migrationGiveBack,
  migrationLetGo,
  migrationSet,
} from '../../services/compute/migration.ts'
import { powerStateOf, type ServerStatus } from '../../services/compute/server.states.ts'
import { machineOf, serverEvent } from '../../services/compute/server.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { quotaRelease } from '../../services/identity/quota-claim.ts'
import {
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  type TaskKind,
  taskKind,
} from '../conductor/task.ts'
import {
  BOOT_TIMEOUT_MS,
  COPY_TIMEOUT_MS,
  callHost,
  DISK_TIMEOUT_MS,
  GRACE_MS,
  STOP_SLACK_MS,
} from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import {
  BOOT,
  destroyAside,
  endAside,
  endsOf,
  leaveDestination,
  moveInputOf,
  moveOf,
  movePlaceStep,
  reachOf,
  saving,
  serverSwitch,
  staysOnHost,
  streamEnd,
  whileUp,
} from './server-move.ts'
import { serverOf, settle, settleFailed } from './server-settle.ts'

export const serverResize = cold('server.resize', 'RESIZE')
export const serverMigrate = cold('server.migrate', 'MIGRATION')

function cold(kind: 'server.resize' | 'server.migrate', move: 'RESIZE' | 'MIGRATION'): TaskKind {
  return taskKind(
    kind,
    [
      movePlaceStep(move),
      step('shutdown', { do: shutdown, save: isOff, undo: bootAtSource, tries: 3 }),
      step('move', {
        ...{ do: carry, save: there, undo: carryBack, unsave: here },
        ...{ tries: 3, undoTries: Number.POSITIVE_INFINITY },
      }),
      step(BOOT, { do: bootThere, save: awaitConfirmation, tries: 3 }),
    ],
    { failed: stayed },
  )
}

export const serverResizeConfirm = taskKind(
  'server.resize-confirm',
  [step('tidy', { do: tidy, save: confirmed, tries: 8 })],
  { failed: settleFailed('resizeConfirm') },
)

export const serverResizeRevert = taskKind(
  'server.resize-revert',
  [
    step('return', { do: goBack, save: isBack, tries: 5 }),
    step('boot', { do: bootAtSource, save: reverted, tries: 3 }),
  ],
  { failed: notReverted },
)

const idOf = (c: StepContext): string => c.task.resourceId

/** What was off is not turned on. */
const ran = ({ beforeStatus }: { beforeStatus: string }): boolean => beforeStatus === 'ACTIVE'

async function shutdown(c: StepContext): Promise<void> {
  const { source } = endsOf(await moveOf(c))
  const input = { id: idOf(c), mode: 'graceful', timeoutMs: GRACE_MS }
  await callHost(c, source.name, 'stop', input, GRACE_MS + STOP_SLACK_MS)
}

async function isOff(c: SaveContext): Promise<void> {
  await c.tx.server.updateMany({
    where: { id: idOf(c), taskId: c.task.id },
    data: { powerState: 'SHUTDOWN', version: { increment: 1 }, updatedAt: c.at },
  })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

/** Of an undo, and of a return: where the server was. */
async function bootAtSource(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (!ran(move) || !move.source) return
  const machine = await machineOf(c.db, idOf(c))
  await callHost(c, move.source.name, 'start', { machine }, BOOT_TIMEOUT_MS)
}

async function carry(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  const { source, destination } = endsOf(move)
  const { vcpus, memoryMiB, diskGiB } = moveInputOf(c).to
  const machine = { ...(await machineWithDrive(c)), vcpus, memoryMiB, diskGiB }
  if (staysOnHost(move)) {
    await callHost(c, destination.name, 'resize', { machine }, DISK_TIMEOUT_MS)
    return
  }
  const receive = { machine, stream: streamEnd(c, 'disk', 'a') }
  const send = { id: idOf(c), stream: streamEnd(c, 'disk', 'b') }
  const both = Promise.all([
    callHost(c, destination.name, 'receiveDisk', receive, COPY_TIMEOUT_MS),
    callHost(c, source.name, 'sendDisk', send, COPY_TIMEOUT_MS),
  ])
  await whileUp(c, [source, destination], both)
}

async function there(c: SaveContext): Promise<void> {
  const { destinationHostId } = await moveOf(c)
  if (destinationHostId) await serverSwitch(c, destinationHostId, moveInputOf(c).to)
}

async function carryBack(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (staysOnHost(move)) await diskAsItWas(c, endsOf(move).source.name)
  else await leaveDestination(c)
}

/** On the same host. */
async function diskAsItWas(c: StepContext, host: string): Promise<void> {
  const off = { id: idOf(c), mode: 'forced', timeoutMs: 0 }
  await callHost(c, host, 'stop', off, STOP_SLACK_MS)
  await callHost(c, host, 'revertResize', { id: idOf(c) }, DISK_TIMEOUT_MS)
}

async function here(c: SaveContext): Promise<void> {
  const { sourceHostId } = await moveOf(c)
  if (sourceHostId) await serverSwitch(c, sourceHostId, moveInputOf(c).from)
}

async function bootThere(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (!ran(move)) return
  const machine = await machineOf(c.db, idOf(c))
  await callHost(c, endsOf(move).destination.name, 'start', { machine }, BOOT_TIMEOUT_MS)
}

async function awaitConfirmation(c: SaveContext): Promise<void> {
  const { migrationId, confirmSeconds } = moveInputOf(c)
  const confirmAt =
    confirmSeconds === null ? null : new Date(c.at.getTime() + confirmSeconds * 1000)
  await migrationSet(c.tx, migrationId, { status: 'FINISHED', confirmAt }, saving(c))
  const powerState = ran(await moveOf(c)) ? 'RUNNING' : 'SHUTDOWN'
  await settle(c, { status: 'VERIFY_RESIZE', powerState, fault: null })
}

/** It failed, and is where it was, as it was. */
async function stayed(c: SaveContext, error: TaskFailure): Promise<void> {
  const { migrationId, before } = moveInputOf(c)
  await quotaRelease(c.tx, migrationId)
  await migrationSet(c.tx, migrationId, { status: 'FAILED' }, saving(c))
  const fault = faultFrom(error, c.at)
  await settle(c, { status: before, powerState: powerStateOf(before), fault })
}

async function tidy(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  if (!staysOnHost(move)) return destroyAside(c, move.source)
  const { name } = endsOf(move).destination
  await callHost(c, name, 'confirmResize', { id: idOf(c) }, DISK_TIMEOUT_MS)
}

async function confirmed(c: SaveContext): Promise<void> {
  const move = await moveOf(c)
  await migrationLetGo(c.tx, move)
  await migrationSet(c.tx, move.id, { status: 'CONFIRMED', confirmAt: null }, saving(c))
  await settle(c, { status: move.beforeStatus as ServerStatus, fault: null })
}

async function goBack(c: StepContext): Promise<void> {
  const move = await moveOf(c)
  const { source } = endsOf(move)
  // What is at the other end is whole: it must not go before its old place can be had again.
  if ((await reachOf(c, source)) !== 'up') {
    throw new StepFailure('UNAVAILABLE', 'The host that it came from is down', { retryable: true })
  }
  if (staysOnHost(move)) await diskAsItWas(c, source.name)
  else await endAside(c, move.destination)
}

async function isBack(c: SaveContext): Promise<void> {
  const move = await moveOf(c)
  await migrationGiveBack(c.tx, move)
  const { source } = endsOf(move)
  await serverSwitch(c, source.id, moveInputOf(c).to)
  await migrationLetGo(c.tx, move)
  await migrationSet(c.tx, move.id, { status: 'REVERTED', confirmAt: null }, saving(c))
}

async function reverted(c: SaveContext): Promise<void> {
  const status = (await moveOf(c)).beforeStatus as ServerStatus
  await settle(c, { status, powerState: powerStateOf(status), fault: null })
}

/** Either nothing was given back yet, or it has its old place and does not boot there. */
async function notReverted(c: SaveContext, error: TaskFailure): Promise<void> {
  const isThere = (await moveOf(c)).status === 'FINISHED'
  const fault = faultFrom(error, c.at)
  await settle(c, { status: isThere ? moveInputOf(c).before : 'ERROR', fault })
}
