/** server.snapshot and server.backup: an image of a server's disk, which goes on as it was. */
import type { BackupTaskInput } from '../../services/compute/server-image.ts'
import { imagesDrop } from '../../services/image/image-drop.ts'
import { type SaveContext, step, taskKind } from '../conductor/task.ts'
import { settleKept } from './server-settle.ts'
import { snapshot, snapshotFailed } from './snapshot-step.ts'

const SNAPSHOT_TRIES = 4
/** Old backups that one new one pushes out at most; the next one takes the rest. */
const PUSHED_OUT = 50

export const serverSnapshot = taskKind(
  'server.snapshot',
  [step('snapshot', { do: snapshot, save: settleKept('snapshot'), tries: SNAPSHOT_TRIES })],
  { failed: snapshotFailed('snapshot') },
)

export const serverBackup = taskKind(
  'server.backup',
  [step('snapshot', { do: snapshot, tries: SNAPSHOT_TRIES }), step('rotate', { save: rotate })],
  { failed: snapshotFailed('backup') },
)

/** Keeps the newest backups of this rotation of the server. */
async function rotate(c: SaveContext): Promise<void> {
  const { backupType, rotation } = c.task.input as BackupTaskInput
  const old = await c.tx.image.findMany({
    where: { serverId: c.task.resourceId, kind: 'BACKUP', backupType, status: 'ACTIVE' },
    orderBy: { id: 'desc' },
    skip: rotation,
    take: PUSHED_OUT,
    select: { id: true },
  })
  await imagesDrop(c.tx, { id: { in: old.map(({ id }) => id) } }, c.task, c.at)
  await settleKept('backup')(c)
}
