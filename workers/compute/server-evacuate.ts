/**
 * server.evacuate: a server of a dead host is brought up on another one, with a new disk of its image.
 * From the step `place` on its row says that it is there: what the dead host still has of it is nobody's,
 * and is removed as soon as that host reports again.
 */

import { migrationLetGo, migrationSet } from '../../services/compute/migration.ts'
import { buildSucceeded } from '../../services/compute/placement-builds.ts'
import { machineOf } from '../../services/compute/server.ts'
import type { EvacuateTaskInput } from '../../services/compute/server-evacuate.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { BOOT_TIMEOUT_MS, callHost, DISK_TIMEOUT_MS } from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { imageSourceOf } from './image-boot.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import { placedOn } from './placement-step.ts'
import {
  BOOT,
  leaveDestination,
  moveInputOf,
  moveOf,
  movePlaceStep,
  saving,
  serverSwitch,
} from './server-move.ts'
import { settle } from './server-settle.ts'

/** Hosts on which it is tried. */
const ROUNDS = 3

export const serverEvacuate = taskKind(
  'server.evacuate',
  [
    movePlaceStep('EVACUATION', {
      claimed: (c, hostId) => serverSwitch(c, hostId, moveInputOf(c).to),
      givenBack: async (c, { sourceHostId }) => {
        if (sourceHostId) await serverSwitch(c, sourceHostId, moveInputOf(c).from)
      },
    }),
    step('disk', {
      ...{ do: makeDisk, undo: leaveDestination },
      ...{ tries: 3, undoTries: Number.POSITIVE_INFINITY },
    }),
    step(BOOT, { do: boot, save: isUp, tries: 3 }),
  ],
  { failed, rounds: ROUNDS },
)

const inputOf = (c: StepContext) => c.task.input as EvacuateTaskInput

async function makeDisk(c: StepContext): Promise<void> {
  const machine = await machineWithDrive(c)
  const input = { machine, image: imageSourceOf(c, inputOf(c).image) }
  await callHost(c, placedOn(c).name, 'create', input, DISK_TIMEOUT_MS)
}

/** What was off stays off. */
const wasOff = (c: StepContext): boolean => inputOf(c).before === 'SHUTOFF'

async function boot(c: StepContext): Promise<void> {
  if (wasOff(c)) return
  const machine = await machineOf(c.db, c.task.resourceId)
  await callHost(c, placedOn(c).name, 'start', { machine }, BOOT_TIMEOUT_MS)
}

async function isUp(c: SaveContext): Promise<void> {
  const move = await moveOf(c)
  await buildSucceeded(c.tx, placedOn(c))
  await migrationLetGo(c.tx, move)
  await migrationSet(c.tx, move.id, { status: 'COMPLETED' }, saving(c))
  const rest = { fault: null, restStatus: null }
  if (wasOff(c)) await settle(c, { status: 'SHUTOFF', powerState: 'SHUTDOWN', ...rest })
  else await settle(c, { status: 'ACTIVE', powerState: 'RUNNING', ...rest })
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  await migrationSet(c.tx, moveInputOf(c).migrationId, { status: 'FAILED' }, saving(c))
  await settle(c, { status: 'ERROR', powerState: 'NOSTATE', fault: faultFrom(error, c.at) })
}
