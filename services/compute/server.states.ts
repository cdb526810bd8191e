/** The life of a server: the only statement of what may be done when. OpenStack's statuses. */
import { type ActionTable, checkTable } from '../transition.ts'

export const serverStatuses = [
  'BUILD',
  'ACTIVE',
  'REBOOT',
  'HARD_REBOOT',
  'SHUTOFF',
  'ERROR',
] as const
export type ServerStatus = (typeof serverStatuses)[number]

export const powerStates = ['NOSTATE', 'RUNNING', 'PAUSED', 'SHUTDOWN', 'CRASHED'] as const
export type PowerState = (typeof powerStates)[number]

export type ServerAction = 'create' | 'start' | 'stop' | 'reboot' | 'rebootHard' | 'delete'

export const serverActions: ActionTable<ServerAction, ServerStatus> = {
  create: {
    rule: 'compute.server.create',
    from: ['BUILD'],
    during: 'BUILD',
    to: 'ACTIVE',
    onFailure: 'ERROR',
  },
  start: {
    rule: 'compute.server.start',
    from: ['SHUTOFF'],
    during: null,
    to: 'ACTIVE',
    onFailure: null,
    placed: true,
  },
  stop: {
    rule: 'compute.server.stop',
    from: ['ACTIVE'],
    during: null,
    to: 'SHUTOFF',
    onFailure: null,
    placed: true,
  },
  reboot: {
    rule: 'compute.server.reboot',
    from: ['ACTIVE'],
    during: 'REBOOT',
    to: 'ACTIVE',
    onFailure: 'ERROR',
    placed: true,
  },
  rebootHard: {
    rule: 'compute.server.reboot',
    from: ['ACTIVE', 'SHUTOFF', 'ERROR'],
    during: 'HARD_REBOOT',
    to: 'ACTIVE',
    onFailure: 'ERROR',
    placed: true,
  },
  delete: {
    rule: 'compute.server.delete',
    from: serverStatuses,
    during: null,
    to: null,
    onFailure: null,
    interrupts: true,
  },
}

checkTable('server', serverStatuses, 'BUILD', serverActions)

/** What a user can ask for, in the order in which people look for it. */
export const offeredServerActions = ['start', 'stop', 'reboot', 'rebootHard', 'delete'] as const
