/** server.soft-delete: off, with its place and its disk kept, until it is restored or its time is over. */
import { allocationRelease } from '../../services/compute/allocation.ts'
import { powerStateOf } from '../../services/compute/server.states.ts'
import { type ServerTaskInput, serverEvent, serverSettle } from '../../services/compute/server.ts'
import { CallError } from '../call.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { shutdown } from './server-power.ts'
import { serverOf, settleFailed } from './server-settle.ts'
import { destroy } from './server-shelve.ts'

export const serverSoftDelete = taskKind(
  'server.soft-delete',
  [step('shutdown', { do: putDown, save: softDeleted })],
  { failed: settleFailed('softDelete') },
)

/** With both a host and an image it was on its way off the host: that is brought to its end. */
async function putDown(c: StepContext): Promise<void> {
  const { hostId, shelvedImageId } = await c.db.server.findUniqueOrThrow({
    where: { id: c.task.resourceId },
    select: { hostId: true, shelvedImageId: true },
  })
  if (!hostId) return
  if (shelvedImageId) return destroy(c)
  await shutdown(c).catch((error) => {
    // An ERROR may be just that: what is not there is off.
    if (!(error instanceof CallError && error.code === 'MACHINE_NOT_FOUND')) throw error
  })
}

async function softDeleted(c: SaveContext): Promise<void> {
  const { resourceId: id } = c.task
  const { before: restStatus } = c.task.input as ServerTaskInput
  const server = await c.tx.server.findUnique({
    where: { id },
    select: { hostId: true, shelvedImageId: true },
  })
  const isOffloaded = Boolean(server?.shelvedImageId)
  const status = 'SOFT_DELETED'
  const set = {
    ...({ status, restStatus, deletedAt: c.at, fault: null } as const),
    ...(isOffloaded && { hostId: null }),
    powerState: isOffloaded ? ('NOSTATE' as const) : powerStateOf(status),
  }
  if (!(await serverSettle(c.tx, c.task, set, c.at))) return
  if (isOffloaded) await allocationRelease(c.tx, id)
  c.emit(serverEvent(serverOf(c), 'updated'))
}
