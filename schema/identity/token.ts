import { IsOptional, IsUUID, MaxLength, ValidateNested } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import { IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { Node } from '../node.ts'

@ObjectType({ implements: Node, description: 'Somebody who can sign in.', simpleResolvers: true })
export class User extends Node {
  @Field(() => String, { description: 'Unique in its domain.' })
  name!: string
}

@ObjectType({ description: 'What a user may do in a scope.', simpleResolvers: true })
export class Role {
  @Field(() => String, { description: 'admin, member or reader; each implies the next.' })
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

  @Field(() => [Role], { description: 'The roles that hold in its scope, implied ones included.' })
  roles!: Role[]
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

  @Field(() => [Role], { description: 'The roles that hold in the scope, implied ones included.' })
  roles!: Role[]
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
  @MaxLength(1024)
  password!: string
}

@InputType({
  description: 'What the token shall be for: a project by id or by name; nothing: unscoped.',
})
export class TokenScopeInput {
  @Field(() => String, { nullable: true, description: 'The name of the project.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  project?: string | null

  @Field(() => String, {
    nullable: true,
    description: "The name of the project's domain; `Default` when left out.",
  })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  domain?: string | null

  @Field(() => ID, { nullable: true, description: 'The id of the project, instead of its name.' })
  @IsOptional()
  @IsUUID()
  projectId?: string | null
}

@InputType({ description: 'Exactly one of `password` and `token`.' })
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
  @MaxLength(4096)
  token?: string | null

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
  @Field(() => String, { description: 'The secret of a token of yours.' })
  @MaxLength(4096)
  secret!: string
}

@ObjectType({ description: 'The answer to `tokenRevoke`.', simpleResolvers: true })
export class TokenRevokePayload {
  @Field(() => Boolean, { description: 'False when it was revoked before.' })
  revoked!: boolean
}
