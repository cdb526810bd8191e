/** server.create: find a host, make the disk, boot. A host that fails is left for another one. */
import { allocationClaim, allocationRelease } from '../../services/compute/allocation.ts'
import {
  type Explanation,
  explainInWords,
  type HostView,
} from '../../services/compute/placement.ts'
import { machineOf, serverEvent, serverSettle } from '../../services/compute/server.ts'
import type { ServerCreateTaskInput } from '../../services/compute/server-create.ts'
import type { TaskFailure } from '../../services/core/task.ts'
import { quotaCommit } from '../../services/identity/quota-claim.ts'
import {
  Again,
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  taskKind,
} from '../conductor/task.ts'
import {
  agentQueue,
  BOOT_TIMEOUT_MS,
  callHost,
  DESTROY_TIMEOUT_MS,
  DISK_TIMEOUT_MS,
} from './agent-calls.ts'
import { faultFrom } from './fault.ts'
import { serverOf } from './server-settle.ts'

/** Hosts on which a creation is tried. */
const ROUNDS = 3
const PLACE_TIMEOUT_MS = 5_000
/** Over some six seconds: a host that was silent for a moment is heard again within a heartbeat. */
const PLACE_TRIES = 6
/** Refused hosts that are kept by name with the task. */
const KEPT_REFUSALS = 10

export const serverCreate = taskKind(
  'server.create',
  [
    step('place', { do: choose, save: claim, unsave: release, tries: PLACE_TRIES }),
    step('disk', { do: makeDisk, undo: destroy, tries: 3 }),
    step('boot', { do: boot, save: becomeActive, tries: 3 }),
  ],
  { failed, rounds: ROUNDS },
)

export interface Placed {
  host: Pick<HostView, 'id' | 'name' | 'generation'>
  /** What placement found, kept with the task. */
  explanation: Explanation
}

const inputOf = (c: StepContext) => c.task.input as ServerCreateTaskInput
const placedOn = (c: StepContext): Placed['host'] => {
  const placed = c.task.state.results.place as Placed | undefined
  if (!placed) throw new Error('the task was not placed')
  return placed.host
}

/** Asks the scheduler for a host that was not tried yet. */
async function choose(c: StepContext): Promise<Placed> {
  const { resources } = inputOf(c)
  const answer = (await c.call(
    'scheduler',
    'place',
    { resources, tried: c.task.state.tried },
    PLACE_TIMEOUT_MS,
  )) as { hosts: Placed['host'][]; explanation: Explanation }
  const host = answer.hosts[0]
  if (!host) {
    throw new StepFailure('NO_VALID_HOST', explainInWords(answer.explanation), {
      final: true,
      retryable: someAreSilent(answer.explanation),
      details: { filters: answer.explanation.filters },
    })
  }
  const { refusals, ...counts } = answer.explanation
  return { host, explanation: { ...counts, refusals: refusals.slice(0, KEPT_REFUSALS) } }
}

const someAreSilent = ({ filters }: Explanation): boolean =>
  filters.some((filter) => filter.name === 'ComputeFilter' && filter.refused > 0)

async function claim(c: SaveContext, result: unknown): Promise<void> {
  const { host } = result as Placed
  const { resources } = inputOf(c)
  const { resourceId, id } = c.task
  if (!(await allocationClaim(c.tx, resourceId, host, resources))) throw new Again()
  await c.tx.server.updateMany({
    where: { id: resourceId, taskId: id },
    data: { hostId: host.id, version: { increment: 1 }, updatedAt: c.at },
  })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

async function release(c: SaveContext): Promise<void> {
  const placed = c.task.state.results.place as Placed | undefined
  const reason = c.task.error?.message ?? 'it failed'
  if (placed) c.task.state.tried.push({ host: placed.host.name, reason })
  await allocationRelease(c.tx, c.task.resourceId)
  await c.tx.server.updateMany({
    where: { id: c.task.resourceId, taskId: c.task.id },
    data: { hostId: null, version: { increment: 1 }, updatedAt: c.at },
  })
  c.emit(serverEvent(serverOf(c), 'updated'))
}

async function makeDisk(c: StepContext): Promise<void> {
  const { image } = inputOf(c)
  const machine = await machineOf(c.db, c.task.resourceId)
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
  const set = { status: 'ACTIVE', powerState: 'RUNNING', fault: null, launchedAt: c.at } as const
  if (!(await serverSettle(c.tx, c.task, set, c.at)))
    throw new Error('the server is another task’s')
  await quotaCommit(c.tx, c.task.resourceId)
  c.emit(serverEvent(serverOf(c), 'updated'))
}

async function failed(c: SaveContext, error: TaskFailure): Promise<void> {
  const fault = faultFrom(error, c.at)
  const set = { status: 'ERROR', powerState: 'NOSTATE', fault } as const
  // What could not be made is there nevertheless, and takes its quota until it is deleted.
  if (await serverSettle(c.tx, c.task, set, c.at)) await quotaCommit(c.tx, c.task.resourceId)
  c.emit(serverEvent(serverOf(c), 'updated'))
}
