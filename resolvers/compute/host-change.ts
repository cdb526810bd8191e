/** What operators do with hosts: say how they are, empty them, remove them; and what would be if one died. */
import { Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import {
  Host,
  HostActionInput,
  HostFailurePlan,
  HostMaintainInput,
  HostMaintainPayload,
  HostPayload,
  HostUpdateInput,
  PlannedMove,
} from '../../schema/compute/host.ts'
import { Server } from '../../schema/compute/server.ts'
import { Task } from '../../schema/core/task.ts'
import { allow } from '../../services/access/allow.ts'
import { hostMaintain, hostMaintainEnd } from '../../services/compute/host-maintain.ts'
import { movesAway } from '../../services/compute/host-plan.ts'
import { hostDelete, hostUpdate } from '../../services/compute/host-update.ts'
import { IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import type { Request } from '../request.ts'

const changed = async (ctx: Request, made: Promise<{ id: string }>) => ({
  row: await fresh(ctx.load.host, (await made).id),
})

@Resolver(() => Host)
export class HostChangeResolver {
  @Mutation(() => HostPayload, {
    description: 'Enables, disables and describes a host, or says that it is dead. For operators.',
  })
  hostUpdate(@Ctx() ctx: Request, @InputArg(() => HostUpdateInput) input: HostUpdateInput) {
    const { inventory, ...rest } = input
    const amounts = inventory?.map(({ resource, allocationRatio, reserved }) => ({
      ...{ resource, allocationRatio: allocationRatio ?? null },
      reserved: reserved == null ? null : BigInt(reserved),
    }))
    return changed(ctx, hostUpdate(ctx, { ...rest, inventory: amounts ?? null }))
  }

  @Mutation(() => HostMaintainPayload, {
    description:
      'Disables a host and moves its servers away, running ones live; `dryRun` gives the plan alone. It stays in maintenance until hostMaintainEnd. For operators.',
  })
  hostMaintain(@Ctx() ctx: Request, @InputArg(() => HostMaintainInput) input: HostMaintainInput) {
    return hostMaintain(ctx, input)
  }

  @Mutation(() => HostPayload, {
    description: 'Ends the maintenance of a host: it gets servers again. For operators.',
  })
  hostMaintainEnd(@Ctx() ctx: Request, @InputArg(() => HostActionInput) input: HostActionInput) {
    return changed(ctx, hostMaintainEnd(ctx, input))
  }

  @Mutation(() => HostPayload, {
    description:
      'Removes a host that is DOWN and has no servers. It comes back only with a word (hostJoinTokenCreate). For operators.',
  })
  hostDelete(@Ctx() ctx: Request, @InputArg(() => HostActionInput) input: HostActionInput) {
    return changed(ctx, hostDelete(ctx, input))
  }

  @Query(() => HostFailurePlan, {
    nullable: true,
    description:
      'What would become of the servers of a host if it died now: which would fit elsewhere, and why others would not. For operators.',
  })
  async hostFailurePlan(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, 'compute.host.list')
    if (!(await ctx.load.host.load(id))) return null
    const cell = await ctx.cells?.find('host', id)
    const moves = await movesAway(cell?.db ?? ctx.db, ctx.placement.settings, id, 'failure')
    const fit = moves.filter(({ hostId }) => hostId !== null).length
    return { fit, lost: moves.length - fit, moves }
  }
}

@Resolver(() => HostMaintainPayload)
export class HostMaintainPayloadResolver {
  @FieldResolver(() => Host, { nullable: true, description: 'The host as it is now.' })
  host(@Ctx() ctx: Request, @Root() { id }: HostMaintainPayload) {
    return fresh(ctx.load.host, id)
  }

  @FieldResolver(() => Task, {
    nullable: true,
    description: 'The task that empties it; null in a dry run.',
  })
  task(@Ctx() ctx: Request, @Root() { taskId }: HostMaintainPayload) {
    return taskId ? ctx.load.task.load(taskId) : null
  }
}

@Resolver(() => PlannedMove)
export class PlannedMoveResolver {
  @FieldResolver(() => Server, { nullable: true, description: 'The server.' })
  server(@Ctx() ctx: Request, @Root() { serverId }: PlannedMove) {
    return ctx.load.server.load(serverId)
  }

  @FieldResolver(() => Host, { nullable: true, description: 'Where to; null: there is no place.' })
  host(@Ctx() ctx: Request, @Root() { hostId }: PlannedMove) {
    return hostId ? ctx.load.host.load(hostId) : null
  }
}
