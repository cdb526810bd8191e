/** server.clone: the disk of the source as an image, then a new server from it. The task is the clone's. */
import { serverEvent, serverSettle } from '../../services/compute/server.ts'
import type { CloneTaskInput } from '../../services/compute/server-clone.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { quotaCommit } from '../../services/identity/quota-claim.ts'
import { change } from '../../services/transition.ts'
import {
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  taskKind,
} from '../conductor/task.ts'
import { faultFrom } from './fault.ts'
import { IMAGE_BOOT_ROUNDS, imageBootSteps } from './image-boot.ts'
import { serverOf } from './server-settle.ts'
import { dropImage, imageIdOf, snapshotOf } from './snapshot-step.ts'

export const serverClone = taskKind(
  'server.clone',
  [step('snapshot', { do: copySource, save: freeSource, tries: 4 }), ...imageBootSteps(imageIdOf)],
  { failed, rounds: IMAGE_BOOT_ROUNDS },
)

const sourceIdOf = (c: StepContext): string => (c.task.input as CloneTaskInput).sourceId

async function copySource(c: StepContext): Promise<void> {
  const id = sourceIdOf(c)
  const source = await c.db.server.findUnique({
    where: { id },
    select: { host: { select: { name: true } } },
  })
  // In a later round the copy is there, whatever became of the source.
  const host = source?.host?.name ?? ''
  await snapshotOf(c, id, host).catch((error) => {
    if (host) throw error
    const message = 'The server that it was to be a copy of is gone'
    throw new StepFailure('NOT_FOUND', message, { final: true, cause: error })
  })
}

/** It is as it was: nothing was done to it but reading. */
async function freeSource(c: SaveContext): Promise<void> {
  const { id: taskId, projectId, requestId, state } = c.task
  const id = sourceIdOf(c)
  const { calledUnder } = state
  const where = { taskId, taskState: 'clone' }
  const set = {
    taskState: null,
    ...(calledUnder !== undefined && { fence: BigInt(calledUnder) }),
  }
  if (await change(c.tx, { resource: 'server', id, where, set, at: c.at })) {
    c.emit(serverEvent({ id, projectId, requestId }, 'updated'))
  }
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  await freeSource(c)
  await dropImage(c)
  const fault = faultFrom(error, c.at)
  const set = { status: 'ERROR', powerState: 'NOSTATE', fault } as const
  // It is there nevertheless, and takes its quota until it is deleted.
  if (await serverSettle(c.tx, c.task, set, c.at)) await quotaCommit(c.tx, c.task.resourceId)
  c.emit(serverEvent(serverOf(c), 'updated'))
}
