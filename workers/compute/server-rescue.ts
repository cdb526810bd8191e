/** server.rescue and server.unrescue: a boot from another disk, with the server's own beside it. */

import { machineOf, type ServerTaskInput } from '../../services/compute/server.ts'
import type { RepairTaskInput } from '../../services/compute/server-repair.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { BOOT_TIMEOUT_MS, callHost, DISK_TIMEOUT_MS } from './agent-calls.ts'
import { imageSourceOf } from './image-boot.ts'
import { shutdown } from './server-power.ts'
import { hostOf, settleAs, settleFailed } from './server-settle.ts'

/** The second one begins from the own disk again. */
const RESCUE_ROUNDS = 2

export const serverRescue = taskKind(
  'server.rescue',
  [step('rescue', { do: rescue, save: rescued, undo: back, tries: 3 })],
  { failed: settleFailed('rescue'), rounds: RESCUE_ROUNDS },
)

export const serverUnrescue = taskKind(
  'server.unrescue',
  [
    step('unrescue', {
      do: unrescue,
      save: settleAs('unrescue', { fault: null, restStatus: null }),
      tries: 3,
    }),
  ],
  { failed: settleFailed('unrescue') },
)

async function rescue(c: StepContext): Promise<void> {
  const { image } = c.task.input as RepairTaskInput
  const machine = await machineOf(c.db, c.task.resourceId)
  const input = { machine, image: imageSourceOf(c, image) }
  await callHost(c, await hostOf(c), 'rescue', input, DISK_TIMEOUT_MS)
}

/** As it was: nothing of a rescue that did not come about is left to boot from. */
async function back(c: StepContext): Promise<void> {
  await unrescue(c)
  if ((c.task.input as ServerTaskInput).before === 'SHUTOFF') await shutdown(c)
}

function rescued(c: SaveContext): Promise<void> {
  const { before: restStatus } = c.task.input as ServerTaskInput
  return settleAs('rescue', { fault: null, restStatus })(c)
}

async function unrescue(c: StepContext): Promise<void> {
  const machine = await machineOf(c.db, c.task.resourceId)
  await callHost(c, await hostOf(c), 'unrescue', { machine }, BOOT_TIMEOUT_MS)
}
