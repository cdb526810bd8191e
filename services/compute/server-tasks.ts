/** The tasks of servers: their steps, and how long they may take in all. workers/ fills in the deeds. */

const MINUTE_MS = 60_000
/** Of what copies disks: an hour for each of their ways. */
const COPY_DEADLINE_MS = 4 * 60 * MINUTE_MS

export const serverTasks = {
  'server.create': { steps: ['place', 'disk', 'boot'], deadlineMs: 15 * MINUTE_MS },
  'server.start': { steps: ['boot'], deadlineMs: 5 * MINUTE_MS },
  'server.stop': { steps: ['shutdown'], deadlineMs: 65 * MINUTE_MS },
  'server.reboot': { steps: ['reboot'], deadlineMs: 5 * MINUTE_MS },
  'server.pause': { steps: ['pause'], deadlineMs: 5 * MINUTE_MS },
  'server.unpause': { steps: ['unpause'], deadlineMs: 5 * MINUTE_MS },
  'server.suspend': { steps: ['suspend'], deadlineMs: 60 * MINUTE_MS },
  'server.resume': { steps: ['resume'], deadlineMs: 60 * MINUTE_MS },
  'server.rescue': { steps: ['rescue'], deadlineMs: 30 * MINUTE_MS },
  'server.unrescue': { steps: ['unrescue'], deadlineMs: 15 * MINUTE_MS },
  'server.rebuild': { steps: ['rebuild', 'boot'], deadlineMs: 30 * MINUTE_MS },
  'server.change-password': { steps: ['password'], deadlineMs: 5 * MINUTE_MS },
  'server.snapshot': { steps: ['snapshot'], deadlineMs: COPY_DEADLINE_MS },
  'server.backup': { steps: ['snapshot', 'rotate'], deadlineMs: COPY_DEADLINE_MS },
  'server.clone': {
    steps: ['snapshot', 'place', 'disk', 'boot', 'tidy'],
    deadlineMs: COPY_DEADLINE_MS,
  },
  'server.shelve': {
    steps: ['shutdown', 'snapshot', 'destroy', 'offload'],
    deadlineMs: COPY_DEADLINE_MS,
  },
  'server.shelve-in-place': { steps: ['shutdown'], deadlineMs: 65 * MINUTE_MS },
  'server.shelve-offload': {
    steps: ['snapshot', 'destroy', 'offload'],
    deadlineMs: COPY_DEADLINE_MS,
  },
  'server.unshelve': { steps: ['place', 'disk', 'boot', 'tidy'], deadlineMs: COPY_DEADLINE_MS },
  'server.resize': { steps: ['place', 'shutdown', 'move', 'boot'], deadlineMs: COPY_DEADLINE_MS },
  'server.migrate': { steps: ['place', 'shutdown', 'move', 'boot'], deadlineMs: COPY_DEADLINE_MS },
  'server.resize-confirm': { steps: ['tidy'], deadlineMs: 60 * MINUTE_MS },
  'server.resize-revert': { steps: ['return', 'boot'], deadlineMs: 60 * MINUTE_MS },
  'server.live-migrate': { steps: ['place', 'transfer', 'tidy'], deadlineMs: COPY_DEADLINE_MS },
  'server.migration-abort': { steps: ['abort'], deadlineMs: 30 * MINUTE_MS },
  'server.evacuate': { steps: ['place', 'disk', 'boot'], deadlineMs: 30 * MINUTE_MS },
  'server.soft-delete': { steps: ['shutdown'], deadlineMs: 65 * MINUTE_MS },
  'server.restore': { steps: ['place', 'disk', 'boot', 'tidy'], deadlineMs: COPY_DEADLINE_MS },
  'server.delete': { steps: ['destroy', 'release'], deadlineMs: 60 * MINUTE_MS },
} as const
export type ServerTaskKind = keyof typeof serverTasks
