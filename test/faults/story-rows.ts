/** The table of the stories of faults: stories.ts says how a row is read. */
import {
  type Act,
  backup,
  crash,
  full,
  gracefulStop,
  hardReboot,
  liveMigrate,
  migrate,
  mute,
  password,
  pause,
  rebuild,
  rescue,
  resize,
  type Story,
  shelve,
  snapshot,
  softReboot,
  stop,
  suspend,
} from './stories.ts'

const CRASHED = 'CRASHED'
const well = (status: string, powerState = 'RUNNING') => ({ status, powerState, fault: null })

const killed = { status: 'SHUTOFF', powerState: CRASHED, fault: /killed by signal 9|unexpectedly/i }

/** The machine is lost, or goes by itself, while nothing is done to it. */
const atRest: Story[] = [
  { fault: 'killed', moment: 'at rest', strike: crash, ends: killed },
  { fault: 'killed', moment: 'paused', before: [pause, 'PAUSED'], strike: crash, ends: killed },
  {
    ...{ fault: 'killed', moment: 'rescued', before: [rescue, 'RESCUE'], strike: crash },
    ends: { ...killed, status: 'RESCUE' },
  },
  {
    ...{ fault: 'killed', moment: 'resized', before: [resize, 'VERIFY_RESIZE'], strike: crash },
    ends: { ...killed, status: 'VERIFY_RESIZE' },
  },
  {
    ...{ fault: 'powered off by its guest', moment: 'at rest', guest: 'powers-off' },
    ends: well('SHUTOFF', 'SHUTDOWN'),
  },
  {
    ...{ fault: 'panicked', moment: 'at rest', guest: 'panics' },
    ends: { status: 'SHUTOFF', powerState: CRASHED, fault: /guest panicked/ },
  },
]

const unknown = { status: 'ACTIVE', powerState: 'NOSTATE', fault: /does not answer/ }

/** What needs the answer of its hypervisor fails, and says so; it is as it was, as far as is known. */
const refusedByMute = (moment: string, act: Act, ...verbs: Parameters<typeof mute>): Story => ({
  ...{ fault: 'mute', moment, act, strike: mute(...verbs) },
  ends: { ...unknown, error: { code: 'TIMEOUT', message: /not answered in time/ } },
  mended: well('ACTIVE'),
})

/** What can end a QEMU by force does its work. The simulator would only do nothing. */
const forced = (moment: string, act: Act, ends: Story['ends']): Story => ({
  ...{ fault: 'mute', moment, act, strike: mute(), only: 'qemu' as const, ends },
})

const silent: Story[] = [
  {
    ...{ fault: 'mute', moment: 'at rest', strike: mute(), ends: unknown },
    mended: well('ACTIVE'),
  },
  // A QEMU that wakes does what it was asked for meanwhile.
  { ...refusedByMute('pause', pause, 'pause'), mended: 'any' },
  refusedByMute('suspend', suspend, 'suspend'),
  refusedByMute('snapshot', snapshot, 'exportDisk'),
  refusedByMute('backup', backup, 'exportDisk'),
  refusedByMute('live migrate', liveMigrate, 'send'),
  {
    ...refusedByMute('change password', password, 'setPassword'),
    only: 'qemu',
    ends: { ...unknown, error: { code: 'INVALID_STATE', message: /guest does not answer/ } },
  },
  forced('forced stop', stop, well('SHUTOFF', 'SHUTDOWN')),
  forced('graceful stop', gracefulStop, well('SHUTOFF', 'SHUTDOWN')),
  forced('hard reboot', hardReboot, well('ACTIVE')),
  forced('soft reboot', softReboot, well('ACTIVE')),
  forced('rescue', rescue, well('RESCUE')),
  forced('rebuild', rebuild, well('ACTIVE')),
  forced('resize', resize, well('VERIFY_RESIZE')),
  forced('migrate', migrate, well('VERIFY_RESIZE')),
  forced('shelve', shelve, well('SHELVED_OFFLOADED', 'NOSTATE')),
]

const moments: [moment: string, act: Act, goal: Exclude<Story['ends'], 'any'>][] = [
  ['stop', stop, well('SHUTOFF', 'SHUTDOWN')],
  ['reboot', hardReboot, well('ACTIVE')],
  ['pause', pause, well('PAUSED', 'PAUSED')],
  ['suspend', suspend, well('SUSPENDED', 'SUSPENDED')],
  ['snapshot', snapshot, well('ACTIVE')],
  ['rebuild', rebuild, well('ACTIVE')],
  ['rescue', rescue, well('RESCUE')],
  ['shelve', shelve, well('SHELVED_OFFLOADED', 'NOSTATE')],
  ['resize', resize, well('VERIFY_RESIZE')],
  ['migrate', migrate, well('VERIFY_RESIZE')],
]

/** Whatever is under way is done all the same. */
const restarts: Story[] = moments.map(([moment, act, ends]) => ({
  ...{ fault: 'agent restart', moment, act, ends, during: (stage) => stage.restart() },
}))

/** The agents and all machines end at once: what was under way may be done or not. */
const hostCrashes: Story[] = [
  {
    ...{ fault: 'host crash', moment: 'at rest', ends: { ...killed, fault: /killed|ended/i } },
    strike: async (stage) => {
      await stage.restart({ machines: true })
      return async () => {}
    },
  },
  ...[...moments, ['live migrate', liveMigrate] as const].map(
    ([moment, act]): Story => ({
      ...{ fault: 'host crash', moment, act, ends: 'any' },
      during: (stage) => stage.restart({ machines: true }),
    }),
  ),
]

const FULL = { code: 'HYPERVISOR_FAILED', message: /full|MiB left|simulated/ }
const noRoom = (status: string, powerState: string): Exclude<Story['ends'], 'any'> => ({
  ...{ status, powerState, fault: FULL.message, error: FULL },
})

const fullDisk: Story[] = [
  {
    ...{ fault: 'full disk', moment: 'at rest, its guest writes', guest: 'writes' },
    strike: (stage, id) => stage.fillUnder(id),
    ends: { status: 'ACTIVE', powerState: 'PAUSED', fault: /held still: the host's disk is full/ },
    mended: well('ACTIVE'),
  },
  {
    ...{ fault: 'full disk', moment: 'create', making: true, guest: 'obedient' },
    strike: full('create'),
    // Every host was tried, and what each said is told.
    ends: {
      ...noRoom('ERROR', 'NOSTATE'),
      error: { code: 'NO_VALID_HOST', message: /tried already: .*(full|MiB left|simulated)/ },
    },
  },
  {
    ...{ fault: 'full disk', moment: 'suspend', act: suspend, strike: full('suspend') },
    ends: noRoom('ACTIVE', 'RUNNING'),
  },
  {
    ...{ fault: 'full disk', moment: 'snapshot', act: snapshot, strike: full('exportDisk') },
    ends: noRoom('ACTIVE', 'RUNNING'),
  },
  {
    ...{ fault: 'full disk', moment: 'rebuild', act: rebuild, strike: full('rebuild') },
    ends: noRoom('ERROR', 'RUNNING'),
  },
  {
    ...{ fault: 'full disk', moment: 'rescue', act: rescue, strike: full('rescue') },
    ends: noRoom('ACTIVE', 'RUNNING'),
  },
  {
    ...{ fault: 'full disk', moment: 'forced stop', act: stop, strike: full() },
    ends: well('SHUTOFF', 'SHUTDOWN'),
  },
]

const INVALID = { code: 'IMAGE_INVALID', message: /./ }

const corruptImages: Story[] = [
  {
    ...{ fault: 'corrupt image', moment: 'create', making: true, guest: 'chatters' },
    strike: (stage, imageId) => stage.corrupt(imageId, ['create']),
    ends: { status: 'ERROR', powerState: 'NOSTATE', fault: INVALID.message, error: INVALID },
  },
  {
    ...{ fault: 'corrupt image', moment: 'rebuild' },
    act: async (stage, id) => [
      'serverRebuild',
      { id, imageId: await stage.image('counts') },
      'ServerRebuildInput',
    ],
    strike: async (stage) => stage.corrupt(await stage.image('counts'), ['rebuild']),
    ends: { status: 'ERROR', powerState: 'RUNNING', fault: INVALID.message, error: INVALID },
  },
]

const whileMade: Story[] = [
  {
    ...{ fault: 'agent restart', moment: 'create', making: true, ends: well('ACTIVE') },
    during: (stage) => stage.restart(),
  },
  {
    ...{ fault: 'host crash', moment: 'create', making: true, ends: 'any' },
    during: (stage) => stage.restart({ machines: true }),
  },
]

export const storyRows: Story[] = [
  ...atRest,
  ...silent,
  ...fullDisk,
  ...corruptImages,
  ...whileMade,
  ...restarts,
  ...hostCrashes,
]
export const isFull = ({ fault }: Story): boolean => fault === 'full disk'
