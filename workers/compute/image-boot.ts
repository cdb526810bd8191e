/**
 * The steps that bring a server up whose disk is in an image of its own, which is then of no use any
 * more: unshelving, restoring, cloning. What has a place already is only booted there.
 */
import { diskImage, type ImageForHost } from '../../services/compute/image-for-host.ts'
import { buildSucceeded } from '../../services/compute/placement-builds.ts'
import { machineOf, serverEvent, serverSettle } from '../../services/compute/server.ts'
import { quotaCommit } from '../../services/identity/quota-claim.ts'
import { imagesDrop } from '../../services/image/image-drop.ts'
import {
  type SaveContext,
  type Step,
  type StepContext,
  StepFailure,
  step,
} from '../conductor/task.ts'
import { BOOT_TIMEOUT_MS, callHost, DESTROY_TIMEOUT_MS, DISK_TIMEOUT_MS } from './agent-calls.ts'
import { machineWithDrive } from './machine-with-drive.ts'
import { type Placed, placedOn, placeStep } from './placement-step.ts'
import { serverOf } from './server-settle.ts'

/** Hosts on which it is tried. */
export const IMAGE_BOOT_ROUNDS = 3

/** `imageIdOf`: where the disk is; null where there is no image. */
export const imageBootSteps = (
  imageIdOf: (c: StepContext) => string | null | Promise<string | null>,
): Step[] => [
  placeStep({ already: placeOf }),
  step('disk', { do: (c) => makeDisk(c, imageIdOf), undo: destroy, tries: 3 }),
  step('boot', { do: boot, tries: 3 }),
  step('tidy', { save: becomeActive }),
]

/** Where the server is already. */
async function placeOf(c: StepContext): Promise<Placed['host'] | null> {
  const server = await c.db.server.findUnique({
    where: { id: c.task.resourceId },
    select: { host: { select: { id: true, name: true, generation: true } } },
  })
  return server?.host ?? null
}

/** Whether this task found the place, and so makes the machine. */
const isMoving = (c: StepContext): boolean =>
  Boolean((c.task.state.results.place as Placed | undefined)?.asked)

/** What a host is told of an image to get its bytes. */
export const imageSourceOf = (c: StepContext, image: ImageForHost) => ({
  ...image,
  path: `/v1/images/${image.id}/file`,
  ticket: c.ticket(`image/${image.id}`),
})

async function makeDisk(
  c: StepContext,
  imageIdOf: Parameters<typeof imageBootSteps>[0],
): Promise<void> {
  if (!isMoving(c)) return
  const image = await diskImage(c.db, await imageIdOf(c))
  if (!image) {
    throw new StepFailure('NOT_FOUND', 'The image that its disk was put into is gone', {
      final: true,
    })
  }
  const machine = await machineWithDrive(c)
  const input = { machine, image: imageSourceOf(c, image) }
  await callHost(c, placedOn(c).name, 'create', input, DISK_TIMEOUT_MS)
}

async function destroy(c: StepContext): Promise<void> {
  if (!isMoving(c)) return
  await callHost(c, placedOn(c).name, 'destroy', { id: c.task.resourceId }, DESTROY_TIMEOUT_MS)
}

async function boot(c: StepContext): Promise<void> {
  const { resourceId: id } = c.task
  const { restStatus } = await c.db.server.findUniqueOrThrow({
    where: { id },
    select: { restStatus: true },
  })
  // Of one that was deleted while it was rescued: its own disk again.
  const verb = restStatus === 'RESCUE' ? 'unrescue' : 'start'
  const machine = await machineOf(c.db, id)
  await callHost(c, placedOn(c).name, verb, { machine }, BOOT_TIMEOUT_MS)
}

async function becomeActive(c: SaveContext): Promise<void> {
  const { resourceId: id } = c.task
  const { launchedAt } = await c.tx.server.findUniqueOrThrow({
    where: { id },
    select: { launchedAt: true },
  })
  const set = {
    ...({ status: 'ACTIVE', powerState: 'RUNNING', fault: null } as const),
    ...{ shelvedImageId: null, restStatus: null, deletedAt: null },
    launchedAt: launchedAt ?? c.at,
  }
  if (!(await serverSettle(c.tx, c.task, set, c.at))) {
    throw new Error('the server is another task’s')
  }
  await quotaCommit(c.tx, id)
  await buildSucceeded(c.tx, placedOn(c))
  await imagesDrop(c.tx, { serverId: id, kind: 'SHELVED' }, c.task, c.at)
  c.emit(serverEvent(serverOf(c), 'updated'))
}
