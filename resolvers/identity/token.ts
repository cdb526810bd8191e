import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import { Domain } from '../../schema/identity/domain.ts'
import { Project } from '../../schema/identity/project.ts'
import {
  Session,
  Token,
  TokenCreateInput,
  TokenCreatePayload,
  TokenRevokeInput,
  TokenRevokePayload,
  TokensRevokeInput,
  TokensRevokePayload,
} from '../../schema/identity/token.ts'
import { allow, may } from '../../services/access/allow.ts'
import { ruleNames } from '../../services/access/rules.ts'
import type { Actor } from '../../services/context.ts'
import { tokenCreate } from '../../services/identity/sign-in.ts'
import { tokenRevoke, tokensRevoke, tokenValidate } from '../../services/identity/token-revoke.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'
import { userOfToken } from './user.ts'

/** A token as the API shows it: all of it is in the token itself. */
const tokenOf = (actor: Actor) => ({
  id: actor.tokenId,
  issuedAt: actor.issuedAt,
  expiresAt: actor.expiresAt,
  projectId: actor.projectId,
  domainId: actor.domainId,
  system: actor.system,
  methods: actor.methods.map((method) => method.toUpperCase()),
  user: userOfToken(actor),
  roles: actor.roles.map((name) => ({ name })),
})

@Resolver(() => Token)
export class TokenResolver {
  @Mutation(() => TokenCreatePayload, { description: 'Signs in. Needs no token.' })
  async tokenCreate(
    @Ctx() ctx: Request,
    @InputArg(() => TokenCreateInput) input: TokenCreateInput,
  ) {
    const { secret, actor } = await tokenCreate(ctx, input)
    return { secret, token: tokenOf(actor) }
  }

  @Mutation(() => TokenRevokePayload, {
    description:
      'Takes a token back, at once and everywhere: one of yours, or one of somebody all of whose tokens you may take back.',
  })
  tokenRevoke(@Ctx() ctx: Request, @InputArg(() => TokenRevokeInput) input: TokenRevokeInput) {
    return tokenRevoke(ctx, input)
  }

  @Mutation(() => TokensRevokePayload, {
    description: 'Takes all tokens of a user, or all for a project, back: at once and everywhere.',
  })
  tokensRevoke(@Ctx() ctx: Request, @InputArg(() => TokensRevokeInput) input: TokensRevokeInput) {
    return tokensRevoke(ctx, input)
  }

  @Query(() => Token, {
    description: 'What a secret stands for: one of yours, or any for operators and services.',
  })
  tokenValidate(
    @Ctx() ctx: Request,
    @Arg('secret', () => String, { description: 'The secret of a token.' }) secret: string,
  ) {
    return tokenOf(tokenValidate(ctx, secret))
  }

  @FieldResolver(() => Domain, {
    nullable: true,
    description: 'The domain it is for; null when it is for something else.',
  })
  domain(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.domainId ? ctx.load.domain.load(token.domainId) : null
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project it is for; null when it is for something else.',
  })
  project(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.projectId ? ctx.load.project.load(token.projectId) : null
  }
}

@Resolver(() => Session)
export class SessionResolver {
  @Query(() => Session, { description: 'Who am I?' })
  session(@Ctx() ctx: Request) {
    return tokenOf(allow(ctx, 'identity.session.get'))
  }

  @FieldResolver(() => [String], {
    description: 'The access rules that let the caller through, by name: what may I do?',
  })
  rules(@Ctx() ctx: Request): string[] {
    allow(ctx, 'identity.session.get')
    return ruleNames.filter((name) => may(ctx, name))
  }

  @FieldResolver(() => Domain, {
    nullable: true,
    description: 'The domain of the token; null when it is for something else.',
  })
  domain(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.domainId ? ctx.load.domain.load(token.domainId) : null
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project of the token; null when it is for something else.',
  })
  project(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.projectId ? ctx.load.project.load(token.projectId) : null
  }
}
