/** server.create: find a host, make the disk, boot. A host that fails is left for another one. */
import { buildSucceeded } from '../../services/compute/placement-builds.ts'
import { machineOf, serverEvent, serverSettle } from '../../services/compute/server.ts'
import type { ServerCreateTaskInput } from '../../services/compute/server-create.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { quotaCommit } from '../../services/identity/quota-claim.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import {
  agentQueue,
  BOOT_TIMEOUT_MS,
  callHost,
  DESTROY_TIMEOUT_MS,
  DISK_TIMEOUT_MS,
} from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import { placedOn, placeStep } from './placement-step.ts'
import { serverOf } from './server-settle.ts'

/** Hosts on which a creation is tried. */
const ROUNDS = 3

export const serverCreate = taskKind(
  'server.create',
  [
    placeStep({ more: (c) => ({ onlyHost: inputOf(c).onlyHost ?? null }) }),
    step('disk', { do: makeDisk, undo: destroy, tries: 3 }),
    step('boot', { do: boot, save: becomeActive, tries: 3 }),
  ],
  { failed, rounds: ROUNDS },
)

const inputOf = (c: StepContext) => c.task.input as ServerCreateTaskInput

async function makeDisk(c: StepContext): Promise<void> {
  const { image } = inputOf(c)
  const machine = await machineWithDrive(c)
  const path = `/v1/images/${image.id}/file`
  const ticket = c.ticket(`image/${image.id}`)
  const source = { ...image, path, ticket }
  await c.call(agentQueue(placedOn(c).name), 'create', { machine, image: source }, DISK_TIMEOUT_MS)
}

async function destroy(c: StepContext): Promise<void> {
  await callHost(c, placedOn(c).name, 'destroy', { id: c.task.resourceId }, DESTROY_TIMEOUT_MS)
}

async function boot(c: StepContext): Promise<void> {
  const machine = await machineOf(c.db, c.task.resourceId)
  await c.call(agentQueue(placedOn(c).name), 'start', { machine }, BOOT_TIMEOUT_MS)
}

async function becomeActive(c: SaveContext): Promise<void> {
  const up = { status: 'ACTIVE', powerState: 'RUNNING', launchedAt: c.at } as const
  // The guest knows its password by now; nobody else needs it.
  const set = { ...up, fault: null, adminPassword: null }
  if (!(await serverSettle(c.tx, c.task, set, c.at)))
    throw new Error('the server is another task’s')
  await buildSucceeded(c.tx, placedOn(c))
  c.atEnd(() => quotaCommit(c.tx, c.task.resourceId))
  c.emit(serverEvent(serverOf(c), 'updated'))
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  const fault = faultFrom(error, c.at)
  const set = { status: 'ERROR', powerState: 'NOSTATE', fault } as const
  // What could not be made is there nevertheless, and takes its quota until it is deleted.
  if (await serverSettle(c.tx, c.task, set, c.at)) {
    c.atEnd(() => quotaCommit(c.tx, c.task.resourceId))
  }
  c.emit(serverEvent(serverOf(c), 'updated'))
}
