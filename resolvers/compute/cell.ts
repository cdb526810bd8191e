import { Args, Ctx, FieldResolver, Int, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Cell as CellRow } from '../../prisma/generated/client.ts'
import {
  Cell,
  CellConnection,
  CellPayload,
  CellStatusEnum,
  CellUpdateInput,
} from '../../schema/compute/cell.ts'
import { Host } from '../../schema/compute/host.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { allow } from '../../services/access/allow.ts'
import { cellUpdate } from '../../services/cells/cell-update.ts'
import { IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'compute.cell.list'

@Resolver(() => Cell)
export class CellResolver {
  @Query(() => CellConnection, { description: 'The cells of the cloud. For operators.' })
  async cells(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    allow(ctx, RULE)
    return CellConnection.of(await pageOf<Cell>(ctx.db.cell, {}, page))
  }

  @Query(() => Cell, { nullable: true, description: 'One cell, or null. For operators.' })
  cell(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE)
    return ctx.load.cell.load(id)
  }

  @Mutation(() => CellPayload, {
    description: 'Keeps new servers out of a cell, or lets them in again. For operators.',
  })
  async cellUpdate(@Ctx() ctx: Request, @InputArg(() => CellUpdateInput) input: CellUpdateInput) {
    const { id } = await cellUpdate(ctx, input)
    return { row: await fresh(ctx.load.cell, id) }
  }

  @FieldResolver(() => CellStatusEnum, { description: 'Whether it answers now.' })
  status(@Ctx() ctx: Request, @Root() { name }: CellRow): 'UP' | 'DOWN' {
    return ctx.cells?.missing().some(({ cell }) => cell === name) ? 'DOWN' : 'UP'
  }

  @FieldResolver(() => Int, { description: 'How many hosts it has; 0 while it does not answer.' })
  hostCount(@Ctx() ctx: Request, @Root() { id }: CellRow): Promise<number> {
    return ctx.load.hostsOfCell.load(id)
  }

  @FieldResolver(() => Int, { description: 'How many servers it has; 0 while it does not answer.' })
  serverCount(@Ctx() ctx: Request, @Root() { id }: CellRow): Promise<number> {
    return ctx.load.serversOfCell.load(id)
  }
}

@Resolver(() => Host)
export class HostCellResolver {
  @FieldResolver(() => Cell, { nullable: true, description: 'The cell that it is in.' })
  cell(@Ctx() ctx: Request, @Root() { cellId }: { cellId: string }) {
    return ctx.load.cell.load(cellId)
  }
}
