/** Mutations that make images and copies of servers, put them away, and bring them back. */
import { Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql'
import { Server, ServerActionInput, ServerPayload } from '../../schema/compute/server.ts'
import {
  ServerBackupInput,
  ServerBackupPayload,
  ServerCloneInput,
  ServerSnapshotInput,
  ServerSnapshotPayload,
} from '../../schema/compute/server-image.ts'
import { Task } from '../../schema/core/task.ts'
import { Image } from '../../schema/image/image.ts'
import { serverClone } from '../../services/compute/server-clone.ts'
import { serverBackup, serverSnapshot } from '../../services/compute/server-image.ts'
import {
  serverShelve,
  serverShelveInPlace,
  serverShelveOffload,
  serverUnshelve,
} from '../../services/compute/server-shelve.ts'
import { InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerImageResolver {
  @Mutation(() => ServerSnapshotPayload, {
    description:
      'Makes an image of the disk of a server as it is at one moment; the server goes on meanwhile.',
  })
  serverSnapshot(
    @Ctx() ctx: Request,
    @InputArg(() => ServerSnapshotInput) input: ServerSnapshotInput,
  ) {
    return serverSnapshot(ctx, input)
  }

  @Mutation(() => ServerBackupPayload, {
    description:
      'As `serverSnapshot`, of which so many are kept: the oldest backups of the same type are deleted.',
  })
  serverBackup(@Ctx() ctx: Request, @InputArg(() => ServerBackupInput) input: ServerBackupInput) {
    return serverBackup(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Makes a new server of the same size with a copy of the disk; the answer is about the new one.',
  })
  serverClone(@Ctx() ctx: Request, @InputArg(() => ServerCloneInput) input: ServerCloneInput) {
    return serverClone(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Turns a server off and puts it away as an image: it takes no place on any host, and keeps its quota.',
  })
  serverShelve(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverShelve(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Turns a server off and marks it as put away; it keeps its disk and its place.',
  })
  serverShelveInPlace(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverShelveInPlace(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Takes a server that is shelved in place off its host, into an image.',
  })
  serverShelveOffload(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverShelveOffload(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Brings a shelved server back, on whichever host has room, and boots it.',
  })
  serverUnshelve(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverUnshelve(ctx, input)
  }
}

type ImagePayload = Pick<ServerSnapshotPayload, 'serverId' | 'taskId' | 'imageId'>

/** The fields of an answer that is about a server and an image. */
function payloadFields(type: () => new () => ImagePayload) {
  @Resolver(type)
  class ServerImagePayloadResolver {
    @FieldResolver(() => Server, { nullable: true, description: 'The server as it is now.' })
    server(@Ctx() ctx: Request, @Root() { serverId }: ImagePayload) {
      return serverId ? fresh(ctx.load.server, serverId) : null
    }

    @FieldResolver(() => Task, { nullable: true, description: 'The work that goes on.' })
    task(@Ctx() ctx: Request, @Root() { taskId }: ImagePayload) {
      return taskId ? ctx.load.task.load(taskId) : null
    }

    @FieldResolver(() => Image, {
      nullable: true,
      description: 'The image, which is ACTIVE once the work is done. Null of a dry run.',
    })
    image(@Ctx() ctx: Request, @Root() { imageId }: ImagePayload) {
      return imageId ? fresh(ctx.load.image, imageId) : null
    }
  }
  return ServerImagePayloadResolver
}

export const serverImagePayloadResolvers = [
  payloadFields(() => ServerSnapshotPayload),
  payloadFields(() => ServerBackupPayload),
]
