/**
 * Images of servers: snapshots, backups, and the disks of what is shelved or copied.
 *
 * M1 The row of the image is there with the task that fills it. Its bytes come from the host, by a
 *    ticket: nobody uploads into it.
 * M2 It is of its server until it is ACTIVE: when the task comes to no good end, or the server goes, the
 *    image goes too. An ACTIVE snapshot or backup is of nobody but its project.
 * M3 One of kind SHELVED is seen by nobody, and goes with its server.
 */
import { type Command, command } from '../command.ts'
import { emit } from '../core/event.ts'
import { newId } from '../id.ts'
import type { ImageKind } from '../image/image.states.ts'
import { imageEvent } from '../image/image.ts'
import { serverActions } from './server.states.ts'
import type { LockedServer, ServerResult, ServerTaskInput } from './server.ts'
import { begin, type ServerActionRequest, serverFor } from './server-action.ts'

export interface ServerImageResult extends ServerResult {
  imageId: string | null
}

export interface SnapshotTaskInput extends ServerTaskInput {
  imageId: string
}

export interface BackupTaskInput extends SnapshotTaskInput {
  backupType: string
  rotation: number
}

export interface ServerSnapshot extends ServerActionRequest {
  name: string
}

export interface ServerBackup extends ServerSnapshot {
  /** Of which rotation it is: `daily`, `weekly`. */
  backupType: string
  /** How many of that rotation are kept, this one among them. */
  rotation: number
}

export const MAX_ROTATION = 365

export const serverSnapshot = command(
  serverActions.snapshot.rule,
  async (c, input: ServerSnapshot): Promise<ServerImageResult> => {
    const server = await serverFor(c, input)
    const imageId = newId()
    const result = await begin(c, 'snapshot', 'server.snapshot', server, async () => {
      await imageFor(c, server, { id: imageId, name: input.name, kind: 'SNAPSHOT' })
      return { task: { imageId }, audit: { imageId, image: input.name } }
    })
    return { ...result, imageId: c.dryRun ? null : imageId }
  },
  'compute.server.snapshot',
)

export const serverBackup = command(
  serverActions.backup.rule,
  async (c, input: ServerBackup): Promise<ServerImageResult> => {
    const { name, backupType, rotation } = input
    const server = await serverFor(c, input)
    const imageId = newId()
    const result = await begin(c, 'backup', 'server.backup', server, async () => {
      await imageFor(c, server, { id: imageId, name, kind: 'BACKUP', backupType })
      return {
        task: { imageId, backupType, rotation },
        audit: { imageId, image: name, backupType, rotation },
      }
    })
    return { ...result, imageId: c.dryRun ? null : imageId }
  },
  'compute.server.backup',
)

export interface NewImage {
  id: string
  name: string
  kind: Exclude<ImageKind, 'IMAGE'>
  backupType?: string
  /** Whose it is, where that is not the server whose disk it becomes. */
  serverId?: string
}

/** Writes the row of an image that a task will fill with the disk of the server. */
export async function imageFor(c: Command, server: LockedServer, image: NewImage): Promise<void> {
  const { id, name, kind, backupType = null, serverId = server.id } = image
  const { projectId, diskGiB } = server
  const row = await c.tx.server.findUniqueOrThrow({
    where: { id: server.id },
    select: { imageProperties: true, image: { select: { minMemoryMiB: true } } },
  })
  await c.tx.image.create({
    select: { id: true },
    data: {
      id,
      projectId,
      name,
      status: 'QUEUED',
      diskFormat: 'QCOW2',
      visibility: 'PRIVATE',
      kind,
      backupType,
      serverId,
      properties: row.imageProperties ?? {},
      minDiskGiB: diskGiB,
      minMemoryMiB: row.image?.minMemoryMiB ?? 0,
      createdAt: c.at,
      updatedAt: c.at,
    },
  })
  if (kind === 'SHELVED') return
  const event = imageEvent({ id, projectId, requestId: c.requestId }, 'created')
  await emit(c.tx, { ...event, userId: c.actor.userId })
}
