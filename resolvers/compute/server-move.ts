/** Mutations that give servers another size or another host. */
import { Ctx, Mutation, Resolver } from 'type-graphql'
import { ServerActionInput, ServerPayload } from '../../schema/compute/server.ts'
import {
  ServerEvacuateToInput,
  ServerLiveMigrateInput,
  ServerMigrateToInput,
  ServerResizeInput,
} from '../../schema/compute/server-move.ts'
import { serverEvacuate, serverEvacuateTo } from '../../services/compute/server-evacuate.ts'
import {
  serverLiveMigrate,
  serverMigrate,
  serverMigrateTo,
  serverMigrationAbort,
} from '../../services/compute/server-migrate.ts'
import {
  serverResize,
  serverResizeConfirm,
  serverResizeRevert,
} from '../../services/compute/server-resize.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ServerMoveResolver {
  @Mutation(() => ServerPayload, {
    description:
      'Turns a server off, gives it another size, perhaps on another host, and turns it on again. It then awaits serverResizeConfirm or serverResizeRevert: VERIFY_RESIZE.',
  })
  serverResize(@Ctx() ctx: Request, @InputArg(() => ServerResizeInput) input: ServerResizeInput) {
    return serverResize(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'The new size or host is good: what was kept to go back is removed.',
  })
  serverResizeConfirm(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverResizeConfirm(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Back to the old size and host, with the disk as it was then; what changed since is gone.',
  })
  serverResizeRevert(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverResizeRevert(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Turns a server off and moves it to another host, where it awaits serverResizeConfirm or serverResizeRevert.',
  })
  serverMigrate(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverMigrate(ctx, input)
  }

  @Mutation(() => ServerPayload, { description: 'As `serverMigrate`, to a certain host.' })
  serverMigrateTo(
    @Ctx() ctx: Request,
    @InputArg(() => ServerMigrateToInput) input: ServerMigrateToInput,
  ) {
    return serverMigrateTo(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Moves a server to another host while it runs, with its disk.',
  })
  serverLiveMigrate(
    @Ctx() ctx: Request,
    @InputArg(() => ServerLiveMigrateInput) input: ServerLiveMigrateInput,
  ) {
    return serverLiveMigrate(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'Ends a live migration that is under way: the server goes on where it was.',
  })
  serverMigrationAbort(
    @Ctx() ctx: Request,
    @InputArg(() => ServerActionInput) input: ServerActionInput,
  ) {
    return serverMigrationAbort(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description:
      'Brings a server of a dead host up on another one, with a new disk of its image: what was on the old one is gone. Only where the host is DOWN or said to be. When that host comes back, what it still has of the server is removed. For operators.',
  })
  serverEvacuate(@Ctx() ctx: Request, @InputArg(() => ServerActionInput) input: ServerActionInput) {
    return serverEvacuate(ctx, input)
  }

  @Mutation(() => ServerPayload, {
    description: 'As `serverEvacuate`, to a certain host. For operators.',
  })
  serverEvacuateTo(
    @Ctx() ctx: Request,
    @InputArg(() => ServerEvacuateToInput) input: ServerEvacuateToInput,
  ) {
    return serverEvacuateTo(ctx, input)
  }
}
