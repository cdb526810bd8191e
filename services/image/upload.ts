/**
 * The rows behind an upload and a download; the bytes themselves are the data plane's.
 *
 * U1 Only one upload of an image runs: `taskState` is the lock, `taskId` its owner's mark, renewed
 *    while bytes move. What stands still may be taken over, what is deleted is lost.
 * U2 An image becomes ACTIVE only with its size, checksum and virtual size, after inspection.
 * U3 An upload that is refused or breaks off goes back to QUEUED, with the reason as its fault.
 */
import { allowInProject } from '../access/allow.ts'
import type { Cloud, Context, Db, Tx } from '../context.ts'
import { auditFailure, auditSuccess } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { CloudError, type ErrorCode, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { ticketUse } from '../identity/ticket.ts'
import { change, requireState, transition } from '../transition.ts'
import { type DiskFormat, imageActions } from './image.states.ts'
import { imageEvent } from './image.ts'

export interface Upload {
  /** The mark of this upload: what it writes is refused once another one has taken over. */
  mark: string
  imageId: string
  imageName: string
  projectId: string
  diskFormat: DiskFormat
}

const RULE = 'image.image.upload'
const doingOf = ({ actor, requestId, address }: Context) => ({
  action: RULE,
  actor,
  requestId,
  address,
})

/** An upload that stands still this long may be taken over. */
const ABANDONED_MS = 60_000

/** Begins or goes on with an upload: QUEUED or SAVING to SAVING. */
export const uploadBegin = (ctx: Context, id: string): Promise<Upload> =>
  audited(ctx, id, () => {
    const { projectId } = allowInProject(ctx, RULE)
    return begin(ctx, { id, projectId })
  })

/**
 * The same for an agent: its ticket for `image-upload/<id>`, which is used up by this, stands for the
 * command that gave it. There is no actor.
 */
export async function uploadBeginByTicket(
  ctx: Context,
  id: string,
  secret: string,
): Promise<Upload> {
  await ticketUse(ctx, secret, `image-upload/${id}`)
  return audited(ctx, id, () => begin(ctx, { id }))
}

async function audited(ctx: Context, id: string, work: () => Promise<Upload>): Promise<Upload> {
  try {
    return await work()
  } catch (error) {
    await auditFailure(ctx, doingOf(ctx), error, { resourceType: 'image', resourceId: id })
    throw error
  }
}

async function begin(ctx: Context, where: { id: string; projectId?: string }): Promise<Upload> {
  const { id } = where
  const image = await ctx.db.image.findFirst({ where })
  if (!image) throw notFound('image', id)
  if (where.projectId !== undefined) requireOwnBytes(image)
  const { projectId } = image
  const at = ctx.now()
  const abandoned =
    image.taskState === 'upload' && at.getTime() - image.updatedAt.getTime() > ABANDONED_MS
  requireState('upload', imageActions.upload, {
    ...image,
    taskState: abandoned ? null : image.taskState,
  })
  const mark = newId()
  await ctx.db.$transaction((tx) =>
    transition(
      tx,
      {
        resource: 'image',
        id,
        where: { version: image.version },
        set: { status: 'SAVING', taskState: 'upload', taskId: mark, fault: null },
        at,
      },
      imageEvent({ ...image, requestId: ctx.requestId }, 'updated'),
    ),
  )
  const { name: imageName, diskFormat } = image
  return { mark, imageId: id, imageName, projectId, diskFormat: diskFormat as DiskFormat }
}

/** What is made of a server gets its bytes from the server's host, and from nobody else. */
function requireOwnBytes({ id, kind }: { id: string; kind: string }): void {
  if (kind === 'SHELVED') throw notFound('image', id)
  if (kind !== 'IMAGE') {
    throw new CloudError('INVALID_STATE', 'Its bytes come from a server: none can be uploaded')
  }
}

/** Says that the upload goes on; false when it is not this one's any more. */
export async function uploadRenew(ctx: Context, { imageId, mark }: Upload): Promise<boolean> {
  const { count } = await ctx.db.image.updateMany({
    where: { id: imageId, taskState: 'upload', taskId: mark },
    data: { updatedAt: ctx.now() },
  })
  return count === 1
}

/** Who looks after the bytes: this upload, a later one, or nobody because the image goes. */
export async function uploadOwner(
  ctx: Context,
  upload: Upload,
): Promise<'this' | 'another' | 'nobody'> {
  if (await uploadRenew(ctx, upload)) return 'this'
  const image = await ctx.db.image.findUnique({ where: { id: upload.imageId } })
  return image && image.taskState !== 'delete' ? 'another' : 'nobody'
}

/** A part has arrived, or was refused: the upload stays open for the next one. */
export const uploadPause = (ctx: Context, upload: Upload, stagedBytes: number): Promise<void> =>
  uploadSet(ctx, upload, {
    status: stagedBytes > 0 ? 'SAVING' : 'QUEUED',
    taskState: null,
    taskId: null,
  })

export const uploadFinish = (
  ctx: Context,
  upload: Upload,
  found: { sizeBytes: number; virtualSizeBytes: number; checksum: string },
): Promise<void> =>
  uploadSet(
    ctx,
    upload,
    { ...found, status: 'ACTIVE', fault: null, taskState: null, taskId: null },
    (tx) =>
      auditSuccess(tx, doingOf(ctx), [
        {
          resourceType: 'image',
          resourceId: upload.imageId,
          resourceName: upload.imageName,
          projectId: upload.projectId,
          after: { status: 'ACTIVE', ...found },
        },
      ]),
  )

export async function uploadFail(
  ctx: Context,
  upload: Upload,
  code: ErrorCode,
  message: string,
): Promise<void> {
  await uploadSet(ctx, upload, {
    status: 'QUEUED',
    fault: { code, message, at: ctx.now().toISOString() },
    taskState: null,
    taskId: null,
  })
  await auditFailure(ctx, doingOf(ctx), new CloudError(code, message), {
    resourceType: 'image',
    resourceId: upload.imageId,
    resourceName: upload.imageName,
  })
}

async function uploadSet(
  ctx: Context,
  upload: Upload,
  set: Record<string, unknown>,
  also: (tx: Tx) => Promise<void> = async () => {},
): Promise<void> {
  const { imageId: id, projectId, mark } = upload
  await ctx.db.$transaction(async (tx) => {
    await transition(
      tx,
      {
        resource: 'image',
        id,
        where: { taskState: 'upload', taskId: mark },
        set,
        at: ctx.now(),
      },
      imageEvent({ id, projectId, requestId: ctx.requestId }, 'updated'),
    )
    await also(tx)
  })
}

/** Uploads that have not moved since then: no process renews them any more. */
export const abandonedSince = (at: Date): Date => new Date(at.getTime() - ABANDONED_MS)
/** How long the next part of an upload may let wait for itself. */
const NEXT_PART_MS = 24 * 60 * 60_000

/** Ends what a dead process was receiving, and parts that nobody went on with (U3). */
export async function uploadsBreakOff(
  { db, now }: Pick<Cloud, 'db' | 'now'>,
  since: Date,
): Promise<void> {
  const at = now()
  const lastPart = new Date(at.getTime() - NEXT_PART_MS)
  const message = 'The process that received it came to its end'
  const fault = { code: 'UNAVAILABLE', message, at: at.toISOString() }
  const broken = await db.image.findMany({
    where: {
      status: 'SAVING',
      OR: [
        { taskState: 'upload', updatedAt: { lte: since } },
        { taskState: null, updatedAt: { lte: lastPart } },
      ],
    },
  })
  for (const image of broken) {
    await db.$transaction(async (tx) => {
      const where = { taskState: image.taskState, taskId: image.taskId, updatedAt: image.updatedAt }
      const set = { status: 'QUEUED', fault, taskState: null, taskId: null }
      if (await change(tx, { resource: 'image', id: image.id, where, set, at })) {
        await emit(tx, imageEvent({ ...image, requestId: null }, 'updated'))
      }
    })
  }
}

/** Whether the project's image waits for bytes. */
export async function uploadIsOpen(ctx: Context, id: string): Promise<boolean> {
  const { projectId } = allowInProject(ctx, 'image.image.download')
  const where = { id, projectId, status: { not: 'ACTIVE' }, kind: 'IMAGE' }
  return (await ctx.db.image.findFirst({ where })) !== null
}

export interface Download {
  id: string
  sizeBytes: number
  checksum: string
  name: string
  diskFormat: string
}

/** The image behind a download that a token asks for. */
export async function downloadByToken(ctx: Context, id: string): Promise<Download> {
  const { projectId } = allowInProject(ctx, 'image.image.download')
  return readable(ctx.db, id, {
    OR: [{ projectId }, { visibility: 'PUBLIC' }],
    kind: { not: 'SHELVED' },
  })
}

/** The image behind a ticket, which is used up by this. */
export async function downloadByTicket(
  cloud: Cloud,
  id: string,
  secret: string,
): Promise<Download> {
  await ticketUse(cloud, secret, `image/${id}`)
  return readable(cloud.db, id, {})
}

async function readable(db: Db, id: string, where: object): Promise<Download> {
  const image = await db.image.findFirst({ where: { ...where, id } })
  if (!image) throw notFound('image', id)
  if (image.status !== 'ACTIVE' || !image.checksum) {
    throw new CloudError('INVALID_STATE', `The image is ${image.status}: it has no bytes yet`, {
      allowedStatuses: ['ACTIVE'],
    })
  }
  return { ...image, checksum: image.checksum, sizeBytes: Number(image.sizeBytes) }
}
