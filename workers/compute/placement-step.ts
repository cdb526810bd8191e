/**
 * The step `place` of the tasks that need a host: asks the scheduler, claims what it found, and gives it
 * back when the task unwinds.
 *
 * P1 The claim is made with the row that says where the server is, in one transaction.
 * P2 What is given back is what this step claimed: a step that found no host gives nothing back.
 */
import { allocationClaimFor, allocationRelease } from '../../services/compute/allocation.ts'
import { type Explanation, explainInWords } from '../../services/compute/placement.ts'
import { buildFailed } from '../../services/compute/placement-builds.ts'
import { noValidHostDetails, placementKept } from '../../services/compute/placement-kept.ts'
import { placementRequestOf } from '../../services/compute/placement-request.ts'
import type { HostView, PlacementRequest } from '../../services/compute/placement-view.ts'
import { serverEvent } from '../../services/compute/server.ts'
import {
  Again,
  type SaveContext,
  type Step,
  type StepContext,
  StepFailure,
  step,
} from '../conductor/task.ts'

const PLACE_TIMEOUT_MS = 5_000
/** Over some six seconds: a host that was silent for a moment is heard again within a heartbeat. */
export const PLACE_TRIES = 6

export interface Placed {
  host: Pick<HostView, 'id' | 'name' | 'generation'> & Partial<Pick<HostView, 'failedBuilds'>>
  /** What was asked, as the claim needs it; null where the server had its place already. */
  asked: Pick<PlacementRequest, 'resources' | 'group'> | null
}

/** What differs from task to task. */
export interface Placing {
  /** The server that is placed; the task's own if not said. */
  serverOf?(c: StepContext): string
  /** More of the request than the server's row says: `onlyHost`, `notHosts`, traits. */
  more?(c: StepContext): Partial<PlacementRequest> | Promise<Partial<PlacementRequest>>
  /** The place that it has already: then nothing is asked, claimed or given back. */
  already?(c: StepContext): Promise<Placed['host'] | null>
}

/**
 * For a server without a place: claims the host for it and writes it into its row. When the task unwinds
 * the place is given back, the row has no host, and the host counts as tried.
 */
export const placeStep = (placing: Placing = {}): Step =>
  step('place', {
    do: (c) => choose(c, placing),
    save: (c, result) => claim(c, placing, result as Placed),
    unsave: (c) => release(c, placing),
    tries: PLACE_TRIES,
  })

/** The host that the step `place` found. */
export function placedOn(c: StepContext): Placed['host'] {
  const placed = c.task.state.results.place as Placed | undefined
  if (!placed) throw new Error('the task was not placed')
  return placed.host
}

const serverIdOf = (c: StepContext, { serverOf }: Placing): string =>
  serverOf?.(c) ?? c.task.resourceId

/** Asks the scheduler for a host that was not tried yet. */
export async function choose(c: StepContext, placing: Placing): Promise<Placed> {
  const had = await placing.already?.(c)
  if (had) return { host: had, asked: null }
  const { state, round } = c.task
  const more = { tried: state.tried, ...(await placing.more?.(c)) }
  const request = await placementRequestOf(c.db, serverIdOf(c, placing), more)
  const answer = (await c.call('scheduler', 'place', request, PLACE_TIMEOUT_MS)) as {
    hosts: Placed['host'][]
    explanation: Explanation
  }
  placementKept(state, round, answer.explanation)
  const host = answer.hosts[0]
  if (!host) {
    throw new StepFailure('NO_VALID_HOST', explainInWords(answer.explanation), {
      final: true,
      retryable: someAreSilent(answer.explanation),
      details: noValidHostDetails(answer.explanation),
    })
  }
  return { host, asked: { resources: request.resources, group: request.group ?? null } }
}

const someAreSilent = ({ filters }: Explanation): boolean =>
  filters.some((filter) => filter.name === 'ComputeFilter' && filter.refused > 0)

async function claim(c: SaveContext, placing: Placing, { host, asked }: Placed): Promise<void> {
  if (!asked) return
  const id = serverIdOf(c, placing)
  if (!(await allocationClaimFor(c.tx, id, host, asked))) throw new Again()
  await writeHost(c, id, host.id)
}

async function release(c: SaveContext, placing: Placing): Promise<void> {
  const placed = c.task.state.results.place as Placed | undefined
  if (!placed?.asked) return
  rememberTried(c)
  // What no other host would do better with says nothing of this one.
  if (!c.task.state.final) await buildFailed(c.tx, placed.host.id)
  const id = serverIdOf(c, placing)
  await allocationRelease(c.tx, id)
  await writeHost(c, id, null)
}

/** The host that was placed on is passed over in the rounds to come. */
export function rememberTried(c: StepContext): void {
  const placed = c.task.state.results.place as Placed | undefined
  const reason = c.task.error?.message ?? 'it failed'
  if (placed) c.task.state.tried.push({ host: placed.host.name, reason })
}

/** Only while the server is this task's. */
async function writeHost(c: SaveContext, id: string, hostId: string | null): Promise<void> {
  const { task, tx, at } = c
  const [server] = await tx.$queryRaw<{ projectId: string }[]>`
    update compute.server set host_id = ${hostId}::uuid, version = version + 1, updated_at = ${at}
    where id = ${id}::uuid and task_id = ${task.id}::uuid
    returning project_id as "projectId"`
  if (!server) return
  c.emit(serverEvent({ id, projectId: server.projectId, requestId: task.requestId }, 'updated'))
}
