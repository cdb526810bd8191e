/**
 * The stories of faults, one row each, played on both drivers: what breaks, at which moment, and what
 * its user then sees. Whatever the story, `play` holds:
 *
 * S1 It comes to rest: no status or task state stays that stands for work.
 * S2 What a row says of a machine is what its host says of it.
 * S3 A failure says why, in words: no path, no host's queue, no trace of a stack.
 * S4 Afterwards the server can be deleted, and nothing of it is left.
 */
import { expect } from 'vitest'
import type { Machine } from '../../drivers/compute/driver.ts'
import type { SimulatedVerb } from '../../drivers/compute/simulated/knobs.ts'
import type { GuestKind } from '../drivers/boot-disk.ts'
import { ask } from '../support/moves.ts'
import { CREATE, getServer, type ServerView } from '../support/stories.ts'
import { until } from '../support/until.ts'
import type { Mend, Stage } from './stage.ts'

export const STORY_MS = 180_000
const REST_MS = 120_000

export type Act = (
  stage: Stage,
  id: string,
) => Promise<[name: string, input: { id: string; [more: string]: unknown }, type?: string]>

export interface Story {
  fault: string
  moment: string
  /** Where it makes sense; both when not said. */
  only?: 'simulated' | 'qemu'
  /** What its guest does; `deaf` (nothing) when not said. */
  guest?: GuestKind
  /** It is struck while it is made; what is struck then is its image. */
  making?: true
  /** How it comes to the status in which it is struck. */
  before?: [act: Act, status: string]
  strike?: (stage: Stage, id: string) => Promise<Mend>
  /** What is asked for once it is struck. */
  act?: Act
  /** What happens while that is done. */
  during?: (stage: Stage, id: string) => Promise<unknown>
  /** `any`: whatever it ends in, S1 to S4 hold. */
  ends:
    | 'any'
    | {
        status: string
        powerState: string
        fault: RegExp | null
        /** Of the task of `act`. */
        error?: { code: string; message: RegExp }
      }
  /** What it is once the fault was mended; nothing is asked for. */
  mended?: 'any' | { status: string; powerState: string; fault: null }
}

export const by =
  (name: string, more: object = {}, type?: string): Act =>
  async (_stage, id) => [name, { id, ...more }, type]

export const pause = by('serverPause')
export const suspend = by('serverSuspend')
export const rescue = by('serverRescue')
export const stop = by('serverForceStop', { timeoutSeconds: 0 }, 'ServerForceStopInput')
export const gracefulStop = by('serverStop')
export const hardReboot = by('serverReboot', { mode: 'HARD' }, 'ServerRebootInput')
export const softReboot = by('serverReboot', { mode: 'SOFT' }, 'ServerRebootInput')
export const snapshot = by('serverSnapshot', { name: 'picture' }, 'ServerSnapshotInput')
export const backup = by(
  'serverBackup',
  { name: 'backup', backupType: 'daily', rotation: 1 },
  'ServerBackupInput',
)
export const password = by(
  'serverChangePassword',
  { password: 'correct horse battery' },
  'ServerChangePasswordInput',
)
export const rebuild: Act = async (stage, id) => [
  'serverRebuild',
  { id, imageId: await stage.image('deaf') },
  'ServerRebuildInput',
]
export const resize: Act = async ({ biggerFlavorId }, id) => [
  'serverResize',
  { id, flavorId: biggerFlavorId },
  'ServerResizeInput',
]
export const migrate = by('serverMigrate')
export const liveMigrate = by('serverLiveMigrate', {}, 'ServerLiveMigrateInput')
export const shelve = by('serverShelve')

export const crash = (stage: Stage, id: string) => stage.crash(id)
export const mute =
  (...verbs: SimulatedVerb[]) =>
  (stage: Stage, id: string) =>
    stage.mute(id, verbs)
export const full =
  (...verbs: SimulatedVerb[]) =>
  (stage: Stage) =>
    stage.fill(verbs)

/** At rest, in that status. */
async function rests(stage: Stage, id: string, status: string): Promise<ServerView> {
  let last: ServerView | null = null
  return until(
    `server ${status} and at rest`,
    async () => {
      last = await getServer(stage.cloud, stage.token, id)
      return last?.status === status && !last.taskState ? last : null
    },
    REST_MS,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; it is ${JSON.stringify(last, null, 1)}`)
  })
}

/** Asks for a server; it may never come to be. */
export async function create(
  stage: Stage,
  imageId: string,
  flavorId = stage.flavorId,
): Promise<{ id: string; taskId: string }> {
  const name = 'victim'
  const input = { name, flavorId, imageId }
  const made = await stage.cloud.must(CREATE, { input }, stage.token)
  const { server, task } = made.serverCreate
  return { id: server.id, taskId: task.id }
}

/** In a test's name. */
export const endOf = ({ ends }: Story): string => (ends === 'any' ? 'what is true' : ends.status)

export async function play(stage: Stage, story: Story): Promise<void> {
  if (story.making) return playMaking(stage, story)
  const { guest = 'deaf', ends } = story
  const flavorId = guest === 'writes' ? stage.roomyFlavorId : stage.flavorId
  const { id } = await create(stage, await stage.image(guest), flavorId)
  const isLasting = guest === 'deaf' || guest === 'writes' || stage.driver === 'simulated'
  if (isLasting) await rests(stage, id, 'ACTIVE')
  await stage.afterBoot(id, guest)
  if (story.before) {
    const [act, status] = story.before
    await ask(stage.cloud, stage.token, ...(await act(stage, id)))
    await rests(stage, id, status)
  }
  const mend = (await story.strike?.(stage, id)) ?? (async () => {})
  try {
    if (story.act) {
      const { task } = await ask(stage.cloud, stage.token, ...(await story.act(stage, id)))
      await story.during?.(stage, id)
      await taskEnds(stage, task.id, ends)
    }
    if (ends === 'any') await isTrue(stage, id)
    else await endsAs(stage, id, ends)
  } finally {
    await mend()
  }
  if (story.mended === 'any') await isTrue(stage, id)
  else if (story.mended) await endsAs(stage, id, story.mended)
  await goes(stage, id)
}

async function playMaking(stage: Stage, story: Story): Promise<void> {
  const { guest = 'deaf', ends } = story
  const imageId = await stage.image(guest)
  const mend = (await story.strike?.(stage, imageId)) ?? (async () => {})
  let id: string
  try {
    const made = await create(stage, imageId)
    id = made.id
    await story.during?.(stage, id)
    await taskEnds(stage, made.taskId, ends)
    if (ends === 'any') await isTrue(stage, id)
    else await endsAs(stage, id, ends)
  } finally {
    await mend()
  }
  await goes(stage, id)
}

const TASK = `query ($id: ID!) { task(id: $id) {
  status waitingFor steps { name status message } error { code message } } }`

async function taskEnds(stage: Stage, id: string, ends: Story['ends']): Promise<void> {
  let last: { status: string } | null = null
  const ended = await until(
    'the task ends',
    async () => {
      const { task } = await stage.cloud.must(TASK, { id }, stage.token)
      last = task
      const { status, error } = task
      return ['SUCCEEDED', 'FAILED'].includes(status) ? { status, error } : null
    },
    REST_MS,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`)
  })
  if (ends === 'any') return ended.error && expectWords(ended.error.message)
  const wanted = ends.error
  if (!wanted) return expect(ended).toEqual({ status: 'SUCCEEDED', error: null })
  const message = expect.stringMatching(wanted.message)
  expect(ended, JSON.stringify(ended)).toEqual({
    status: 'FAILED',
    error: { code: wanted.code, message },
  })
  expectWords(ended.error.message)
}

/** S1, S3: the row says that, and keeps saying it. */
export async function endsAs(
  stage: Stage,
  id: string,
  { status, powerState, fault }: Omit<Exclude<Story['ends'], 'any'>, 'error'>,
): Promise<void> {
  let last: ServerView | null = null
  const fits = (): boolean =>
    last?.status === status &&
    last.powerState === powerState &&
    !last.taskState &&
    (fault ? fault.test(last.fault?.message ?? '') : last.fault === null)
  await until(
    `${status}, ${powerState}, ${fault}`,
    async () => {
      last = await getServer(stage.cloud, stage.token, id)
      return fits()
    },
    REST_MS,
  ).catch(() => {
    const wanted = { status, powerState, taskState: null, fault }
    expect(last, JSON.stringify(last)).toMatchObject(wanted)
  })
  const { fault: said } = last as unknown as ServerView
  if (said) expectWords(said.message)
}

/** Of a machine in this state (null: none) a server may say that it is so. */
const truths: Record<string, readonly (string | null)[]> = {
  ACTIVE: ['RUNNING'],
  SHUTOFF: ['SHUTDOWN', 'CRASHED'],
  PAUSED: ['PAUSED'],
  SUSPENDED: ['SUSPENDED'],
  SHELVED_OFFLOADED: [null],
}
const anywhere = ['RESCUE', 'VERIFY_RESIZE', 'ERROR']

/** S1, S2: what the row says of its machine is what the host says of it. */
async function isTrue(stage: Stage, id: string): Promise<void> {
  let last: [ServerView | null, Machine | null] = [null, null]
  const agree = async (): Promise<boolean> => {
    const server = await getServer(stage.cloud, stage.token, id)
    const machine = server?.host ? await stage.machineOn(server.host.name, id) : null
    last = [server, machine]
    if (!server || server.taskState) return false
    const { status, powerState, fault } = server
    const seen = machine?.powerState ?? null
    if (anywhere.includes(status)) return (seen ?? 'NOSTATE') === powerState && explained(server)
    if (!truths[status]?.includes(seen)) return false
    return powerState === (seen ?? 'NOSTATE') && (powerState !== 'CRASHED' || fault !== null)
  }
  await until('row and machine agree', agree, REST_MS).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(last, null, 1)}`)
  })
  const { fault } = last[0] as unknown as ServerView
  if (fault) expectWords(fault.message)
}

const explained = ({ status, fault }: ServerView): boolean => status !== 'ERROR' || fault !== null

function expectWords(message: string): void {
  expect(message).not.toBe('')
  expect(message).not.toMatch(/(^|[\s'"(])\/[\w.-]+\//)
  expect(message).not.toMatch(/agent\.compute|\bat \w+ \(|undefined|\[object|ENOSPC|E[A-Z]{4,}:/)
}

/** S4 */
async function goes(stage: Stage, id: string): Promise<void> {
  await ask(stage.cloud, stage.token, 'serverDelete', { id })
  await until(
    'it is gone',
    async () => (await stage.cloud.cloud.db.server.count({ where: { id } })) === 0,
    REST_MS,
  )
}
