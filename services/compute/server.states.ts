/** The life of a server: the only statement of what may be done when. OpenStack's statuses. */
import { type ActionRow, type ActionTable, checkTable } from '../transition.ts'

export const serverStatuses = [
  'BUILD',
  'ACTIVE',
  'PAUSED',
  'SUSPENDED',
  'SHUTOFF',
  'REBOOT',
  'HARD_REBOOT',
  'RESCUE',
  'REBUILD',
  'RESIZE',
  'VERIFY_RESIZE',
  'REVERT_RESIZE',
  'MIGRATING',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SOFT_DELETED',
  'ERROR',
] as const
export type ServerStatus = (typeof serverStatuses)[number]

export const powerStates = [
  'NOSTATE',
  'RUNNING',
  'PAUSED',
  'SUSPENDED',
  'SHUTDOWN',
  'CRASHED',
] as const
export type PowerState = (typeof powerStates)[number]

/** In which nothing moves: an action that leaves the status as it was ends in one of these. */
const resting = ['ACTIVE', 'PAUSED', 'SUSPENDED', 'SHUTOFF'] as const
/**
 * Of which a dead host leaves nothing but the image. What moves has another end, where its disk is: it
 * comes to its own end, or is reverted. What is SHELVED is no loss while it is not wanted.
 */
const evacuable = [...resting, 'RESCUE', 'ERROR', 'REBOOT', 'HARD_REBOOT', 'REBUILD'] as const
/** Where locking has a meaning: what is on its way out needs none. */
const lockable = serverStatuses.filter((status) => status !== 'SOFT_DELETED')

const row = (
  verb: string,
  from: readonly ServerStatus[],
  to: ServerStatus | 'SAME' | null,
  rest: Partial<ActionRow<ServerStatus>> = {},
): ActionRow<ServerStatus> => ({
  rule: `compute.server.${verb}` as ActionRow<ServerStatus>['rule'],
  from,
  during: null,
  to,
  onFailure: null,
  ...rest,
})

const placed = { placed: true } as const
/** What `moveAction` makes: operators move servers of every project. */
const moving = { placed: true, acrossProjects: true } as const
const failing = (during: ServerStatus) => ({ placed: true, during, onFailure: 'ERROR' }) as const

/** Action: rule, from which statuses, to which; what is more. */
export const serverActions = {
  create: row('create', ['BUILD'], 'ACTIVE', { during: 'BUILD', onFailure: 'ERROR' }),
  start: row('start', ['SHUTOFF'], 'ACTIVE', placed),
  stop: row('stop', ['ACTIVE', 'PAUSED', 'SUSPENDED'], 'SHUTOFF', placed),
  reboot: row('reboot', ['ACTIVE'], 'ACTIVE', failing('REBOOT')),
  rebootHard: row(
    'reboot',
    ['ACTIVE', 'PAUSED', 'SUSPENDED', 'SHUTOFF', 'ERROR'],
    'ACTIVE',
    failing('HARD_REBOOT'),
  ),
  pause: row('pause', ['ACTIVE'], 'PAUSED', placed),
  unpause: row('pause', ['PAUSED'], 'ACTIVE', placed),
  suspend: row('suspend', ['ACTIVE', 'PAUSED'], 'SUSPENDED', placed),
  resume: row('suspend', ['SUSPENDED'], 'ACTIVE', placed),
  lock: row('lock', lockable, 'SAME', { immediate: true, evenLocked: true }),
  unlock: row('lock', lockable, 'SAME', { immediate: true, evenLocked: true }),
  rescue: row('rescue', ['ACTIVE', 'SHUTOFF', 'ERROR'], 'RESCUE', placed),
  unrescue: row('rescue', ['RESCUE'], 'ACTIVE', placed),
  rebuild: row('rebuild', ['ACTIVE', 'SHUTOFF', 'ERROR'], 'SAME', failing('REBUILD')),
  resize: row('resize', ['ACTIVE', 'SHUTOFF'], 'VERIFY_RESIZE', { ...moving, during: 'RESIZE' }),
  resizeConfirm: row('resize', ['VERIFY_RESIZE'], 'ACTIVE', moving),
  resizeRevert: row('resize', ['VERIFY_RESIZE'], 'ACTIVE', {
    ...moving,
    ...failing('REVERT_RESIZE'),
  }),
  migrate: row('migrate', ['ACTIVE', 'SHUTOFF'], 'VERIFY_RESIZE', { ...moving, during: 'RESIZE' }),
  liveMigrate: row('migrate', ['ACTIVE'], 'SAME', { ...moving, during: 'MIGRATING' }),
  /** Of a live migration: it goes on where it was. */
  migrationAbort: row('migrate', ['MIGRATING'], 'ACTIVE', { ...moving, interrupts: true }),
  /** Only where the host is dead; what runs on it will never answer, so it is no hindrance. */
  evacuate: row('evacuate', evacuable, 'ACTIVE', {
    ...moving,
    ...failing('REBUILD'),
    interrupts: true,
  }),
  shelve: row('shelve', resting, 'SHELVED_OFFLOADED', placed),
  /** Keeps its place and its disk on the host. */
  shelveInPlace: row('shelve', resting, 'SHELVED', placed),
  shelveOffload: row('shelve', ['SHELVED'], 'SHELVED_OFFLOADED', placed),
  unshelve: row('shelve', ['SHELVED', 'SHELVED_OFFLOADED'], 'ACTIVE'),
  snapshot: row('snapshot', resting, 'SAME', placed),
  backup: row('snapshot', resting, 'SAME', placed),
  clone: row('create', resting, 'SAME', placed),
  changePassword: row('change-password', ['ACTIVE'], 'SAME', placed),
  delete: row('delete', serverStatuses, null, { interrupts: true }),
  softDelete: row(
    'delete',
    [...resting, 'RESCUE', 'SHELVED', 'SHELVED_OFFLOADED', 'ERROR'],
    'SOFT_DELETED',
    { interrupts: true },
  ),
  restore: row('restore', ['SOFT_DELETED'], 'ACTIVE'),
  forceDelete: row('force-delete', serverStatuses, null, { interrupts: true }),
} satisfies ActionTable<string, ServerStatus> as ActionTable<ServerActionName, ServerStatus>

type ServerActionName =
  | 'create'
  | 'start'
  | 'stop'
  | 'reboot'
  | 'rebootHard'
  | 'pause'
  | 'unpause'
  | 'suspend'
  | 'resume'
  | 'lock'
  | 'unlock'
  | 'rescue'
  | 'unrescue'
  | 'rebuild'
  | 'resize'
  | 'resizeConfirm'
  | 'resizeRevert'
  | 'migrate'
  | 'liveMigrate'
  | 'migrationAbort'
  | 'evacuate'
  | 'shelve'
  | 'shelveInPlace'
  | 'shelveOffload'
  | 'unshelve'
  | 'snapshot'
  | 'backup'
  | 'clone'
  | 'changePassword'
  | 'delete'
  | 'softDelete'
  | 'restore'
  | 'forceDelete'
export type ServerAction = ServerActionName

checkTable('server', serverStatuses, 'BUILD', serverActions)

/** The status in which an action leaves a server that was in `before`; null: it is gone. */
export function statusAfter(action: ServerAction, before: ServerStatus): ServerStatus | null {
  const { to } = serverActions[action]
  if (to !== 'SAME') return to
  return before === 'ERROR' ? 'ACTIVE' : before
}

const powerOf: Partial<Record<ServerStatus, PowerState>> = {
  ACTIVE: 'RUNNING',
  RESCUE: 'RUNNING',
  VERIFY_RESIZE: 'RUNNING',
  PAUSED: 'PAUSED',
  SUSPENDED: 'SUSPENDED',
  SHUTOFF: 'SHUTDOWN',
  SHELVED: 'SHUTDOWN',
  SOFT_DELETED: 'SHUTDOWN',
}

/** What the machine of a server in this status does, where that is known. */
export const powerStateOf = (status: ServerStatus): PowerState => powerOf[status] ?? 'NOSTATE'

/** What a user can ask for, in the order in which people look for it. */
export const offeredServerActions = [
  'start',
  'stop',
  'reboot',
  'rebootHard',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'lock',
  'unlock',
  'snapshot',
  'backup',
  'clone',
  'shelve',
  'shelveInPlace',
  'shelveOffload',
  'unshelve',
  'resize',
  'resizeConfirm',
  'resizeRevert',
  'rebuild',
  'rescue',
  'unrescue',
  'changePassword',
  'migrate',
  'liveMigrate',
  'migrationAbort',
  'evacuate',
  'delete',
  'restore',
  'forceDelete',
] as const satisfies readonly ServerAction[]
