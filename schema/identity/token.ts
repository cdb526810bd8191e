import { IsOptional, IsUUID, MaxLength, ValidateNested } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import type { SignInMethod } from '../../services/context.ts'
import { MAX_TOKEN_LENGTH } from '../../services/identity/token.ts'
import { ChangeInput, IsOptionalId, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'
import { User } from './user.ts'

export const SignInMethodEnum = enumOf('SignInMethod', 'A way of signing in.', {
  PASSWORD: 'A password.',
  TOKEN: 'A token, exchanged for one of another scope.',
  TOTP: 'The code of a second factor.',
  APPLICATION_CREDENTIAL: 'An application credential.',
  TRUST: 'A trust, with the roles of somebody else.',
  OPENID: 'An identity provider, by OpenID Connect.',
} satisfies Record<Uppercase<SignInMethod>, string>)

/** Longer than any of ours; what hashes it should not have to take more. */
const MAX_SECRET_LENGTH = 1024

@ObjectType({ description: 'A role, as a token names it.', simpleResolvers: true })
export class TokenRole {
  @Field(() => String, { description: 'For example admin, manager, member or reader.' })
  name!: string
}

@ObjectType({
  implements: Node,
  description: 'Who the bearer is, in which scope and until when.',
  simpleResolvers: true,
})
export class Token extends Node {
  @Field(() => GraphQLISODateTime, { description: 'When it was issued.' })
  issuedAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it ends.' })
  expiresAt!: Date

  @Field(() => User, { description: 'Whose it is.' })
  user!: User

  @Field(() => [TokenRole], {
    description: 'The roles that hold in its scope, implied ones included.',
  })
  roles!: TokenRole[]

  @Field(() => Boolean, { description: 'Whether its scope is the system.' })
  system!: boolean

  @Field(() => [SignInMethodEnum], { description: 'How the user signed in.' })
  methods!: Uppercase<SignInMethod>[]
}

@ObjectType({
  description: 'The session that the request belongs to: who am I?',
  simpleResolvers: true,
})
export class Session {
  @Field(() => GraphQLISODateTime, { description: 'When the token ends.' })
  expiresAt!: Date

  @Field(() => User, { description: 'Who asks.' })
  user!: User

  @Field(() => [TokenRole], {
    description: 'The roles that hold in the scope, implied ones included.',
  })
  roles!: TokenRole[]

  @Field(() => Boolean, { description: 'Whether its scope is the system.' })
  system!: boolean

  @Field(() => [SignInMethodEnum], { description: 'How the user signed in.' })
  methods!: Uppercase<SignInMethod>[]
}

@InputType({ description: 'A user and the password.' })
export class TokenPasswordInput {
  @Field(() => String, { description: "The user's name." })
  @IsText(1, MAX_NAME_LENGTH)
  user!: string

  @Field(() => String, { defaultValue: 'Default', description: 'The name of its domain.' })
  @IsText(1, MAX_NAME_LENGTH)
  domain!: string

  @Field(() => String, { description: 'The password.' })
  @MaxLength(MAX_SECRET_LENGTH)
  password!: string

  @Field(() => String, {
    nullable: true,
    description: 'The next password: when the sign-in says that one is needed, or to change it.',
  })
  @IsOptional()
  @MaxLength(MAX_SECRET_LENGTH)
  newPassword?: string | null
}

@InputType({ description: 'An application credential, in place of a user and the password.' })
export class TokenApplicationCredentialInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string

  @Field(() => String, { description: 'Its secret, as it was shown when it was made.' })
  @MaxLength(MAX_SECRET_LENGTH)
  secret!: string
}

@InputType({ description: 'What an identity provider gave.' })
export class TokenOpenIdInput {
  @Field(() => String, { description: 'The ticket from its callback: good once, for minutes.' })
  @MaxLength(4096)
  ticket!: string
}

@InputType({ description: 'A trust that you hold.' })
export class TokenTrustInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string
}

@InputType({
  description:
    'What the token shall be for: a project, a domain or the system. Nothing: your default project, or unscoped.',
})
export class TokenScopeInput {
  @Field(() => String, { nullable: true, description: 'The name of the project.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  project?: string | null

  @Field(() => String, {
    nullable: true,
    description:
      'With a project: the name of its domain, `Default` when left out. Alone: the domain itself.',
  })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  domain?: string | null

  @Field(() => ID, { nullable: true, description: 'The id of the domain, instead of its name.' })
  @IsOptional()
  @IsUUID()
  domainId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'True: the system, the whole cloud.' })
  @IsOptional()
  system?: boolean | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: no scope, also when you have a default project.',
  })
  @IsOptional()
  unscoped?: boolean | null

  @Field(() => ID, { nullable: true, description: 'The id of the project, instead of its name.' })
  @IsOptional()
  @IsUUID()
  projectId?: string | null
}

@InputType({
  description: 'Exactly one of `password`, `token`, `applicationCredential` and `openId`.',
})
export class TokenCreateInput {
  @Field(() => TokenPasswordInput, { nullable: true, description: 'Sign in with a password.' })
  @IsOptional()
  @ValidateNested()
  password?: TokenPasswordInput | null

  @Field(() => String, {
    nullable: true,
    description: 'A valid secret, exchanged for one of another scope that ends no later.',
  })
  @IsOptional()
  @MaxLength(MAX_TOKEN_LENGTH)
  token?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'With a password: the code of the second factor, six digits.',
  })
  @IsOptional()
  @MaxLength(16)
  totp?: string | null

  @Field(() => TokenApplicationCredentialInput, {
    nullable: true,
    description: 'Sign in with an application credential; its project is the scope.',
  })
  @IsOptional()
  @ValidateNested()
  applicationCredential?: TokenApplicationCredentialInput | null

  @Field(() => TokenOpenIdInput, {
    nullable: true,
    description: 'Sign in with what an identity provider gave.',
  })
  @IsOptional()
  @ValidateNested()
  openId?: TokenOpenIdInput | null

  @Field(() => TokenTrustInput, {
    nullable: true,
    description: 'With a password or a token: act by this trust; its project is the scope.',
  })
  @IsOptional()
  @ValidateNested()
  trust?: TokenTrustInput | null

  @Field(() => TokenScopeInput, { nullable: true, description: 'What the token shall be for.' })
  @IsOptional()
  @ValidateNested()
  scope?: TokenScopeInput | null
}

@ObjectType({ description: 'A new token.', simpleResolvers: true })
export class TokenCreatePayload {
  @Field(() => String, { description: 'What to send as `Authorization: Bearer`. Shown only here.' })
  secret!: string

  @Field(() => Token, { description: 'What the secret stands for.' })
  token!: Token
}

@InputType({ description: 'A token to take back.' })
export class TokenRevokeInput {
  @Field(() => String, { description: 'The secret of the token.' })
  @MaxLength(MAX_TOKEN_LENGTH)
  secret!: string
}

@InputType({ description: 'Exactly one of `userId` and `projectId`.' })
export class TokensRevokeInput extends ChangeInput {
  @Field(() => ID, { nullable: true, description: 'All tokens of this user.' })
  @IsOptionalId()
  userId?: string | null

  @Field(() => ID, { nullable: true, description: 'All tokens for this project.' })
  @IsOptionalId()
  projectId?: string | null
}

@ObjectType({ description: 'The answer to `tokenRevoke`.', simpleResolvers: true })
export class TokenRevokePayload {
  @Field(() => Boolean, { description: 'False when it was revoked before.' })
  revoked!: boolean
}

@ObjectType({ description: 'The answer to `tokensRevoke`.', simpleResolvers: true })
export class TokensRevokePayload {
  @Field(() => Boolean, { description: 'True: they are good no more, and new ones are.' })
  revoked!: boolean
}
