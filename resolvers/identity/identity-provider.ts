import { Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { IdentityProvider as Row } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import {
  IdentityProvider,
  IdentityProviderConnection,
  IdentityProviderCreateInput,
  IdentityProviderDeleteInput,
  IdentityProviderPayload,
  IdentityProviderUpdateInput,
} from '../../schema/identity/identity-provider.ts'
import { allow } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  callbackPath,
  identityProviderCreate,
  identityProviderDelete,
  identityProviderUpdate,
} from '../../services/identity/identity-provider.ts'
import { IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'identity.identity-provider.list'

@Resolver(() => IdentityProvider)
export class IdentityProviderResolver {
  @Query(() => IdentityProviderConnection, {
    description: 'The identity providers. For operators.',
  })
  async identityProviders(@Ctx() ctx: Request, @Args(() => PageArgs) page: PageArgs) {
    allow(ctx, RULE, {})
    const rows = await pageOf<IdentityProvider>(ctx.db.identityProvider, {}, page)
    return IdentityProviderConnection.of(rows)
  }

  @Query(() => IdentityProvider, {
    nullable: true,
    description: 'One identity provider, or null. For operators.',
  })
  identityProvider(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, RULE, {})
    return isId(id) ? ctx.load.identityProvider.load(id) : null
  }

  @Mutation(() => IdentityProviderPayload, {
    description: 'Lets people sign in through a provider of OpenID Connect. For operators.',
  })
  async identityProviderCreate(
    @Ctx() ctx: Request,
    @InputArg(() => IdentityProviderCreateInput) input: IdentityProviderCreateInput,
  ) {
    const { id } = await identityProviderCreate(ctx, input)
    return { row: await fresh(ctx.load.identityProvider, id) }
  }

  @Mutation(() => IdentityProviderPayload, {
    description: 'Changes, enables or disables an identity provider. For operators.',
  })
  async identityProviderUpdate(
    @Ctx() ctx: Request,
    @InputArg(() => IdentityProviderUpdateInput) input: IdentityProviderUpdateInput,
  ) {
    const { id } = await identityProviderUpdate(ctx, input)
    return { row: await fresh(ctx.load.identityProvider, id) }
  }

  @Mutation(() => IdentityProviderPayload, {
    description:
      'Deletes an identity provider. Its users stay, without a way in unless they have another. For operators.',
  })
  async identityProviderDelete(
    @Ctx() ctx: Request,
    @InputArg(() => IdentityProviderDeleteInput) input: IdentityProviderDeleteInput,
  ) {
    const { id } = await identityProviderDelete(ctx, input)
    return { row: await fresh(ctx.load.identityProvider, id) }
  }

  @FieldResolver(() => Domain, { nullable: true, description: 'The domain of its users.' })
  domain(@Ctx() ctx: Request, @Root() { domainId }: Row) {
    return ctx.load.domain.load(domainId)
  }

  @FieldResolver(() => String, {
    description:
      'The path to register at the provider as where it sends people back to, behind the public address of this cloud.',
  })
  callbackPath(@Root() { name }: Row): string {
    return callbackPath(name)
  }
}
