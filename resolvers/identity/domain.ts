import { Args, Ctx, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { Domain as DomainRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import {
  Domain,
  DomainChange,
  DomainConnection,
  DomainCreateInput,
  DomainDeleteInput,
  DomainFilterInput,
  DomainPayload,
  DomainUpdateInput,
} from '../../schema/identity/domain.ts'
import { reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { domainCreate, domainsWithin, domainUpdate } from '../../services/identity/domain.ts'
import { domainDelete } from '../../services/identity/domain-delete.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'
import { watchWithin } from './watch-within.ts'

const RULE = 'identity.domain.list'

@Resolver(() => Domain)
export class DomainResolver {
  @Query(() => DomainConnection, { description: 'The domains that you may see.' })
  async domains(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => DomainFilterInput) filter?: DomainFilterInput,
  ) {
    const where = {
      AND: [domainsWithin(reach(ctx, RULE))],
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.enabled != null && { enabled: filter.enabled }),
    }
    return DomainConnection.of(await pageOf<Domain>(ctx.db.domain, where, page))
  }

  @Query(() => Domain, { nullable: true, description: 'One domain that you may see, or null.' })
  domain(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = domainsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.domain.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => DomainPayload, { description: 'Makes a domain. For operators.' })
  async domainCreate(
    @Ctx() ctx: Request,
    @InputArg(() => DomainCreateInput) input: DomainCreateInput,
  ) {
    const { id } = await domainCreate(ctx, input)
    return { row: await fresh(ctx.load.domain, id) }
  }

  @Mutation(() => DomainPayload, {
    description: 'Changes, enables or disables a domain. For operators.',
  })
  async domainUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => DomainUpdateInput) input: DomainUpdateInput,
  ) {
    const { id } = await domainUpdate(ctx, input)
    return { row: await fresh(ctx.load.domain, id) }
  }

  @Mutation(() => DomainPayload, {
    description:
      'Deletes a disabled domain without projects, with its users and groups. For operators.',
  })
  async domainDelete(
    @Ctx() ctx: Request,
    @InputArg(() => DomainDeleteInput) input: DomainDeleteInput,
  ) {
    const { id } = await domainDelete(ctx, input)
    return { row: await fresh(ctx.load.domain, id) }
  }

  @Subscription(() => DomainChange, {
    description: 'The domains that you may see, then every change; one with `id`.',
    subscribe: watchWithin<DomainRow>({
      resource: 'domain',
      rule: RULE,
      rows: (ctx) => ctx.db.domain,
      within: domainsWithin,
      domainOf: (domain) => domain.id,
      load: (load, id) => load.domain.load(id),
    }),
  })
  domainChanged(
    @Root() change: ChangeOf<DomainRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<DomainRow> {
    return change
  }
}
