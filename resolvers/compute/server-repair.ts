/** Mutations that mend servers, and bring deleted ones back. */
import { Ctx, Mutation, Resolver } from 'type-graphql'
import { ServerActionInput, ServerPayload } from '../../schema/compute/server.ts'
import {
  ServerChangePasswordInput,
  ServerRebuildInput,
  ServerRescueWithInput,
} from '../../schema/compute/server-repair.ts'
import { serverChangePassword } from '../../services/compute/server-password.ts'
import {
  serverRebuild,
  serverRescue,
  serverRescueWith,
  serverUnrescue,
} from '../../services/compute/server-repair.ts'
import { serverRestore } from '../../services/compute/server-shelve.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerRepairResolver {
  @Mutation(() => ServerPayload, {
    description:
      'Gives a server a new disk of an image; what was on the old one is gone. Id, host and addresses stay.',
  })
  serverRebuild(
    @Ctx() ctx: Request,
    @InputArg(() => ServerRebuildInput) input: ServerRebuildInput,
  ) {
    return serverRebuild(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Boots a server from a fresh disk of the image that it was made of, with its own disk as the second one.',
  })
  serverRescue(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverRescue(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'As `serverRescue`, from an image of your choice.',
  })
  serverRescueWith(
    @Ctx() ctx: Request,
    @InputArg(() => ServerRescueWithInput) input: ServerRescueWithInput,
  ) {
    return serverRescueWith(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Ends a rescue: boots the server from its own disk again.',
  })
  serverUnrescue(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverUnrescue(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Changes a password inside a running server, through the agent in its guest.',
  })
  serverChangePassword(
    @Ctx() ctx: Request,
    @InputArg(() => ServerChangePasswordInput) input: ServerChangePasswordInput,
  ) {
    return serverChangePassword(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Brings a server back that is SOFT_DELETED, and boots it.',
  })
  serverRestore(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverRestore(ctx, input)
  }
}
