/**
 * server.shelve: off, into an image, off the host. Until the image is complete the server can go back;
 * from then on the image is its disk (`shelvedImageId`), and the task only goes forward: a host that can't
 * be reached is passed over, and what it still has is removed when it reports again.
 */
import { allocationRelease } from '../../services/compute/allocation.ts'
import { powerStateOf, type ServerStatus } from '../../services/compute/server.states.ts'
import { type ServerTaskInput, serverEvent, serverSettle } from '../../services/compute/server.ts'
import type { ServerTaskKind } from '../../services/compute/server-tasks.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import {
  type SaveContext,
  type StepContext,
  step,
  type TaskKind,
  taskKind,
} from '../conductor/task.ts'
import { callHost, DESTROY_TIMEOUT_MS } from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { shutdown } from './server-power.ts'
import { hostOf, serverOf, settle, settleAs, settleFailed } from './server-settle.ts'
import { dropImage, imageIdOf, snapshot } from './snapshot-step.ts'

export const serverShelveInPlace = taskKind(
  'server.shelve-in-place',
  [step('shutdown', { do: shutdown, save: settleAs('shelveInPlace', { fault: null }) })],
  { failed: settleFailed('shelveInPlace') },
)
export const serverShelve = offloading('server.shelve', true)
export const serverShelveOffload = offloading('server.shelve-offload', false)

function offloading(kind: ServerTaskKind, isOn: boolean): TaskKind {
  const steps = [
    step('snapshot', { do: snapshot, save: nowInImage, tries: 4 }),
    step('destroy', { do: destroy, tries: 8, skippable: true }),
    step('offload', { save: (c) => offload(c), tries: Number.POSITIVE_INFINITY }),
  ]
  return taskKind(kind, isOn ? [step('shutdown', { do: shutdown }), ...steps] : steps, { failed })
}

async function nowInImage(c: SaveContext): Promise<void> {
  const { resourceId: id, id: taskId } = c.task
  await c.tx.server.updateMany({
    where: { id, taskId },
    data: { shelvedImageId: imageIdOf(c), version: { increment: 1 }, updatedAt: c.at },
  })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

export async function destroy(c: StepContext): Promise<void> {
  const input = { id: c.task.resourceId }
  await callHost(c, await hostOf(c), 'destroy', input, DESTROY_TIMEOUT_MS)
}

async function offload(c: SaveContext, fault: object | null = null): Promise<void> {
  const { before: restStatus } = c.task.input as ServerTaskInput
  const status = 'SHELVED_OFFLOADED'
  const set = { status, powerState: powerStateOf(status), hostId: null, restStatus, fault } as const
  if (!(await serverSettle(c.tx, c.task, set, c.at))) return
  await allocationRelease(c.tx, c.task.resourceId)
  c.emit(serverEvent(serverOf(c), 'updated'))
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  const { task } = c
  const fault = faultFrom(error, c.at)
  const server = await c.tx.server.findUnique({
    where: { id: task.resourceId },
    select: { shelvedImageId: true },
  })
  if (server?.shelvedImageId === imageIdOf(c)) return offload(c, fault)
  await dropImage(c)
  const { before } = task.input as ServerTaskInput
  const isOff = task.steps.some(({ name, status }) => name === 'shutdown' && status === 'DONE')
  const status: ServerStatus = isOff ? 'SHUTOFF' : before
  await settle(c, { status, fault, ...(isOff && { powerState: 'SHUTDOWN' }) })
}
