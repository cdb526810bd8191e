import { Args, Ctx, Query, Resolver } from 'type-graphql'
import { PageArgs } from '../../schema/core/input.ts'
import { type Process, ProcessConnection } from '../../schema/core/process.ts'
import { allow } from '../../services/access/allow.ts'
import { processSource } from '../../services/core/process.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

@Resolver()
export class ProcessResolver {
  @Query(() => ProcessConnection, {
    description:
      'The processes of the cloud and whether they are alive: those of the control plane, and the agents of hosts. For operators.',
  })
  async processes(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    allow(ctx, 'compute.process.list')
    return ProcessConnection.of(await pageOf<Process>(processSource(ctx.db), {}, page))
  }
}
