import {
  Args,
  Ctx,
  FieldResolver,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { Image as ImageRow } from '../../prisma/generated/client.ts'
import { Server } from '../../schema/compute/server.ts'
import { Action } from '../../schema/core/action.ts'
import { Fault } from '../../schema/core/error.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Task } from '../../schema/core/task.ts'
import { Project } from '../../schema/identity/project.ts'
import {
  Image,
  ImageActionInput,
  ImageChange,
  ImageConnection,
  ImageCreateInput,
  ImageCreatePayload,
  ImageFilterInput,
  ImagePayload,
} from '../../schema/image/image.ts'
import { allowInProject, may } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { imageActions, offeredImageActions } from '../../services/image/image.states.ts'
import { imageCreate, imageDelete } from '../../services/image/image.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { actionsOf } from '../core/action.ts'
import { faultOf } from '../core/fault.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

/** What a project sees: its own images and the public ones, but no disks of what is shelved. */
export const visibleImages = (projectId: string) => ({
  OR: [{ projectId }, { visibility: 'PUBLIC' }],
  kind: { not: 'SHELVED' },
})

/** Where the bytes of an image are written and read, relative to the API. */
const bytesPath = (id: string): string => `/v1/images/${id}/file`

@Resolver(() => Image)
export class ImageResolver {
  @Query(() => ImageConnection, { description: "The project's images and the public ones." })
  async images(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => ImageFilterInput) filter?: ImageFilterInput,
  ) {
    const { projectId } = allowInProject(ctx, 'image.image.list')
    const where = {
      AND: [visibleImages(projectId)],
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.status && { status: { in: [...new Set(filter.status)] } }),
      ...(filter?.kind && { kind: { in: [...new Set(filter.kind)] } }),
      ...(filter?.serverId && { serverId: filter.serverId }),
    }
    return ImageConnection.of(await pageOf<Image>(ctx.db.image, where, page))
  }

  @Query(() => Image, { nullable: true, description: 'One image that the project sees, or null.' })
  image(@Ctx() ctx: Request, @IdArg() id: string) {
    const { projectId } = allowInProject(ctx, 'image.image.list')
    return isId(id) ? ctx.db.image.findFirst({ where: { id, ...visibleImages(projectId) } }) : null
  }

  @Mutation(() => ImageCreatePayload, {
    description: 'Makes an image without bytes; PUT them to `uploadUrl` then.',
  })
  imageCreate(@Ctx() ctx: Request, @InputArg(() => ImageCreateInput) input: ImageCreateInput) {
    return imageCreate(ctx, input)
  }

  @Mutation(() => ImagePayload, {
    description: 'Removes an image and its bytes. Servers keep their disks.',
  })
  imageDelete(@Ctx() ctx: Request, @InputArg(() => ImageActionInput) input: ImageActionInput) {
    return imageDelete(ctx, input)
  }

  @Subscription(() => ImageChange, {
    description: 'The images that the project sees, then every change; one with `id`.',
    subscribe: ({ context, args }: { context: Request; args: { id?: string; after?: string } }) => {
      const { projectId } = allowInProject(context, 'image.image.list')
      const { id, after } = args
      const visible = visibleImages(projectId)
      return watch<ImageRow>(context, {
        resource: 'image',
        id,
        after,
        // Changes of public images are told to everybody: whether it is one, `maySee` finds out; the
        // end of one is an event of no project.
        visible: ({ projectId: whose, type }) =>
          whose === projectId || whose === null || type !== 'image.deleted',
        snapshot: () =>
          pagesOf((behind, take) =>
            context.db.image.findMany({
              where: { AND: [visible, behind, ...(id ? [{ id }] : [])] },
              orderBy: { id: 'asc' },
              take,
            }),
          ),
        load: (load, imageId) => load.image.load(imageId),
        maySee: (image) =>
          image.kind !== 'SHELVED' &&
          (image.projectId === projectId || image.visibility === 'PUBLIC'),
      })
    },
  })
  imageChanged(
    @Root() change: ChangeOf<ImageRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<ImageRow> {
    return change
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: "Whose it is; null when it is not the caller's.",
  })
  project(@Ctx() ctx: Request, @Root() image: ImageRow) {
    return image.projectId === ctx.actor?.projectId ? ctx.load.project.load(image.projectId) : null
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Where to PUT the bytes; null once they are there, or when a server gives them.',
  })
  uploadUrl(@Root() image: ImageRow): string | null {
    return image.status === 'ACTIVE' || image.kind !== 'IMAGE' ? null : bytesPath(image.id)
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Where to GET the bytes; null before they are there.',
  })
  downloadUrl(@Root() image: ImageRow): string | null {
    return image.status === 'ACTIVE' ? bytesPath(image.id) : null
  }

  @FieldResolver(() => Fault, { nullable: true, description: 'Why the last upload was refused.' })
  fault(@Root() image: ImageRow) {
    return faultOf(image.fault)
  }

  @FieldResolver(() => [Action], { description: 'What can be done with it, and why not.' })
  actions(@Ctx() ctx: Request, @Root() image: ImageRow): Action[] {
    const actions = actionsOf(ctx, image, imageActions, offeredImageActions)
    if (image.kind === 'IMAGE') return actions
    const reason = 'its bytes come from a server'
    return actions.map(({ name, allowed, reason: why }) =>
      name === 'upload' && allowed
        ? { name, allowed: false, reason }
        : { name, allowed, reason: why },
    )
  }

  @FieldResolver(() => Server, {
    nullable: true,
    description: 'The server that it was made of; null for others, and once that is gone.',
  })
  async server(@Ctx() ctx: Request, @Root() image: ImageRow) {
    if (!image.serverId || image.projectId !== ctx.actor?.projectId) return null
    if (!may(ctx, 'compute.server.list', { project_id: image.projectId })) return null
    return ctx.load.server.load(image.serverId)
  }
}

@Resolver(() => ImageCreatePayload)
export class ImageCreatePayloadResolver {
  @FieldResolver(() => Image, { nullable: true, description: 'The image, without bytes yet.' })
  image(@Ctx() ctx: Request, @Root() payload: ImageCreatePayload) {
    return payload.imageId ? ctx.load.image.clear(payload.imageId).load(payload.imageId) : null
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'PUT the bytes here, with the same token.',
  })
  uploadUrl(@Root() payload: ImageCreatePayload): string | null {
    return payload.imageId && bytesPath(payload.imageId)
  }
}

@Resolver(() => ImagePayload)
export class ImagePayloadResolver {
  @FieldResolver(() => Image, {
    nullable: true,
    description: 'The image as it is now; null once it is gone.',
  })
  image(@Ctx() ctx: Request, @Root() payload: ImagePayload) {
    return payload.imageId ? ctx.load.image.clear(payload.imageId).load(payload.imageId) : null
  }

  @FieldResolver(() => Task, { nullable: true, description: 'The work that goes on.' })
  task(@Ctx() ctx: Request, @Root() payload: ImagePayload) {
    return payload.taskId ? ctx.load.task.load(payload.taskId) : null
  }
}
