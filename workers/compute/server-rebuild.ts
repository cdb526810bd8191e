/** server.rebuild: a new disk for the same server on the same host; what was on the old one is gone. */

import { serverEvent } from '../../services/compute/server.ts'
import type { RepairTaskInput } from '../../services/compute/server-repair.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { callHost, DISK_TIMEOUT_MS } from './agent-calls.ts'
import { imageSourceOf } from './image-boot.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import { boot } from './server-power.ts'
import { hostOf, serverOf, settleAs, settleFailed } from './server-settle.ts'

export const serverRebuild = taskKind(
  'server.rebuild',
  [
    step('rebuild', { do: rebuild, save: nowOf, tries: 3 }),
    step('boot', { do: bootAgain, save: settleAs('rebuild', { fault: null }), tries: 3 }),
  ],
  { failed: settleFailed('rebuild') },
)

const inputOf = (c: StepContext) => c.task.input as RepairTaskInput

async function rebuild(c: StepContext): Promise<void> {
  const machine = await machineWithDrive(c)
  const input = { machine, image: imageSourceOf(c, inputOf(c).image) }
  await callHost(c, await hostOf(c), 'rebuild', input, DISK_TIMEOUT_MS)
}

/** From here on the server is of the new image. */
async function nowOf(c: SaveContext): Promise<void> {
  const { image, properties = {} } = inputOf(c)
  const { resourceId: id, id: taskId } = c.task
  const exists = await c.tx.image.count({ where: { id: image.id } })
  await c.tx.server.updateMany({
    where: { id, taskId },
    data: {
      imageId: exists ? image.id : null,
      imageProperties: properties,
      version: { increment: 1 },
      updatedAt: c.at,
    },
  })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

/** What was off stays off. */
async function bootAgain(c: StepContext): Promise<void> {
  if (inputOf(c).before !== 'SHUTOFF') await boot(c)
}
