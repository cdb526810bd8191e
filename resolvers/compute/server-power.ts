/** Mutations that turn servers on, off and over, hold them, and lock them. */
import { Ctx, Mutation, Resolver } from 'type-graphql'
import { ServerActionInput, ServerPayload } from '../../schema/compute/server.ts'
import {
  ServerForceStopInput,
  ServerLockInput,
  ServerRebootInput,
} from '../../schema/compute/server-power.ts'
import { serverDelete, serverForceDelete } from '../../services/compute/server-delete.ts'
import { serverLock, serverUnlock } from '../../services/compute/server-lock.ts'
import {
  serverForceStop,
  serverPause,
  serverReboot,
  serverResume,
  serverStart,
  serverStop,
  serverSuspend,
  serverUnpause,
} from '../../services/compute/server-power.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerPowerResolver {
  @Mutation(() => ServerPayload, { description: 'Boots a server that is SHUTOFF.' })
  serverStart(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverStart(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Asks the guest to shut down, and turns the machine off when it does not.',
  })
  serverStop(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverStop(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Turns a server off: at once, or after its guest was asked for a given time.',
  })
  serverForceStop(
    @Ctx() ctx: Request,
    @InputArg(() => ServerForceStopInput) input: ServerForceStopInput,
  ) {
    return serverForceStop(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'Boots a server anew.' })
  serverReboot(@Ctx() ctx: Request, @InputArg(() => ServerRebootInput) input: ServerRebootInput) {
    return serverReboot(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Holds a running server in the memory of its host: PAUSED.',
  })
  serverPause(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverPause(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'Lets a paused server go on.' })
  serverUnpause(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverUnpause(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Writes the memory of a running server to the disk of its host: SUSPENDED.',
  })
  serverSuspend(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverSuspend(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'Lets a suspended server go on where it was.' })
  serverResume(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverResume(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Keeps a server as it is: until it is unlocked, only managers of the project and operators may change it.',
  })
  serverLock(@Ctx() ctx: Request, @InputArg(() => ServerLockInput) input: ServerLockInput) {
    return serverLock(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Takes a lock away: one’s own, or as a manager of the project anybody’s.',
  })
  serverUnlock(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverUnlock(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Removes a server and its disks, whatever its status; what runs on it is cancelled. Where the cloud keeps deleted servers for a while, it is SOFT_DELETED first, and one that is so already goes for good.',
  })
  serverDelete(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverDelete(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Removes a server for good, also one that is locked or was deleted already.',
  })
  serverForceDelete(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverForceDelete(ctx, input)
  }
}
