import {
  ArrayMaxSize,
  IsOptional,
  IsUUID,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { ChangeInput, IsDescription, IsText, UpdateInput } from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

const MAX_TEXT_LENGTH = 1024
/** The limits of the rules themselves are those of services/identity/mapping.ts, which says what is wrong. */
const MAX_LISTED = 1000
const MAX_SCOPES = 20
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

@ObjectType({ description: 'A condition on one claim.', simpleResolvers: true })
export class MappingCondition {
  @Field(() => String, { description: 'The name of the claim; dots lead into nested ones.' })
  claim!: string

  @Field(() => [String], { nullable: true, description: 'One of its values is one of these.' })
  anyOneOf?: string[]

  @Field(() => [String], { nullable: true, description: 'None of its values is one of these.' })
  notAnyOf?: string[]

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the values above are regular expressions.',
  })
  regex?: boolean
}

@ObjectType({ description: 'Who somebody is here, of whom a rule holds.', simpleResolvers: true })
export class MappingLocal {
  @Field(() => String, { nullable: true, description: 'The name of the user.' })
  userName?: string

  @Field(() => String, { nullable: true, description: 'The e-mail address of the user.' })
  email?: string

  @Field(() => [String], { nullable: true, description: 'Names of groups of the domain.' })
  groups?: string[]
}

@ObjectType({ description: 'A rule from claims to a user.', simpleResolvers: true })
export class MappingRule {
  @Field(() => [MappingCondition], { description: 'What must hold, all of it.' })
  remote!: MappingCondition[]

  @Field(() => MappingLocal, { description: 'What it gives.' })
  local!: MappingLocal
}

@ObjectType({
  implements: Resource,
  description: 'Somebody else who says who users are, by OpenID Connect.',
  simpleResolvers: true,
})
export class IdentityProvider extends Resource {
  @Field(() => String, { description: 'Unique in the cloud, and part of its addresses.' })
  name!: string

  @Field(() => String, { description: 'What people read on the button.' })
  description!: string

  @Field(() => String, { description: 'The address that the provider says of itself. It stays.' })
  issuer!: string

  @Field(() => String, { description: 'What this cloud is called there.' })
  clientId!: string

  @Field(() => [String], { description: 'What is asked for beside `openid`.' })
  scopes!: string[]

  @Field(() => ID, { description: 'The domain that its users live in. It stays.' })
  domainId!: string

  @Field(() => Boolean, { description: 'Whether people can sign in through it.' })
  enabled!: boolean

  @Field(() => [MappingRule], { description: 'The rules from claims to users and groups.' })
  mapping!: MappingRule[]
}

export const IdentityProviderConnection = connectionOf('IdentityProvider', () => IdentityProvider)
export const IdentityProviderPayload = payloadOf('IdentityProvider', () => IdentityProvider)

@InputType({ description: 'A condition on one claim.' })
export class MappingConditionInput {
  @Field(() => String, { description: 'The name of the claim; dots lead into nested ones.' })
  @IsText(1, MAX_TEXT_LENGTH)
  claim!: string

  @Field(() => [String], { nullable: true, description: 'One of its values is one of these.' })
  @IsOptional()
  @ArrayMaxSize(MAX_LISTED)
  @IsText(0, MAX_TEXT_LENGTH, { each: true })
  anyOneOf?: string[] | null

  @Field(() => [String], {
    nullable: true,
    description: 'None of its values is one of these. Not together with `anyOneOf`.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_LISTED)
  @IsText(0, MAX_TEXT_LENGTH, { each: true })
  notAnyOf?: string[] | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: the values above are regular expressions, tied by `^` and `$` only.',
  })
  regex?: boolean | null
}

@InputType({
  description:
    'Who somebody is here. `{0}`, `{1}` ... stand for the claims of the conditions without values, in their order.',
})
export class MappingLocalInput {
  @Field(() => String, { nullable: true, description: 'The name of the user.' })
  @IsOptional()
  @IsText(1, MAX_TEXT_LENGTH)
  userName?: string | null

  @Field(() => String, { nullable: true, description: 'The e-mail address of the user.' })
  @IsOptional()
  @IsText(1, MAX_TEXT_LENGTH)
  email?: string | null

  @Field(() => [String], {
    nullable: true,
    description:
      'Names of groups of the domain. Into one with rights beyond the domain leads only a name that is written out here, never one from a claim.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_LISTED)
  @IsText(1, MAX_TEXT_LENGTH, { each: true })
  groups?: string[] | null
}

@InputType({ description: 'A rule from claims to a user; all that hold count.' })
export class MappingRuleInput {
  @Field(() => [MappingConditionInput], { description: 'What must hold, all of it.' })
  @ArrayMaxSize(MAX_LISTED)
  @ValidateNested({ each: true })
  remote!: MappingConditionInput[]

  @Field(() => MappingLocalInput, { description: 'What it gives.' })
  @ValidateNested()
  local!: MappingLocalInput
}

@InputType({ description: 'A new identity provider.' })
export class IdentityProviderCreateInput extends ChangeInput {
  @Field(() => String, {
    description: '1 to 63 small letters, digits and dashes: it is part of addresses, and stays.',
  })
  @Matches(NAME, { message: '$property must be small letters, digits and dashes' })
  name!: string

  @Field(() => String, { nullable: true, description: 'What people read on the button.' })
  @IsDescription()
  description?: string | null

  @Field(() => String, {
    description:
      'The address under which the provider describes itself: `<issuer>/.well-known/openid-configuration`.',
  })
  @IsText(1, MAX_TEXT_LENGTH)
  issuer!: string

  @Field(() => String, { description: 'What this cloud is called there.' })
  @IsText(1, MAX_TEXT_LENGTH)
  clientId!: string

  @Field(() => String, {
    nullable: true,
    description: 'The secret of this cloud there; it is never shown again. None: a public client.',
  })
  @IsOptional()
  @MinLength(1)
  @MaxLength(MAX_TEXT_LENGTH)
  clientSecret?: string | null

  @Field(() => [String], {
    nullable: true,
    description: 'What to ask for beside `openid`; `email` and `profile` by default.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_SCOPES)
  @IsText(1, MAX_TEXT_LENGTH, { each: true })
  scopes?: string[] | null

  @Field(() => ID, { description: 'The domain that its users shall live in.' })
  @IsUUID()
  domainId!: string

  @Field(() => [MappingRuleInput], { description: 'The rules from claims to users and groups.' })
  @ArrayMaxSize(MAX_LISTED)
  @ValidateNested({ each: true })
  mapping!: MappingRuleInput[]

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'What shall change of an identity provider; what is left out stays.' })
export class IdentityProviderUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: 'What people read on the button.' })
  @IsDescription()
  description?: string | null

  @Field(() => String, { nullable: true, description: 'What this cloud is called there.' })
  @IsOptional()
  @IsText(1, MAX_TEXT_LENGTH)
  clientId?: string | null

  @Field(() => String, { nullable: true, description: 'A new secret of this cloud there.' })
  @IsOptional()
  @MinLength(1)
  @MaxLength(MAX_TEXT_LENGTH)
  clientSecret?: string | null

  @Field(() => [String], { nullable: true, description: 'What to ask for beside `openid`.' })
  @IsOptional()
  @ArrayMaxSize(MAX_SCOPES)
  @IsText(1, MAX_TEXT_LENGTH, { each: true })
  scopes?: string[] | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'False ends the tokens of its users at once.',
  })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => [MappingRuleInput], {
    nullable: true,
    description: 'All of its rules, instead of those it has.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_LISTED)
  @ValidateNested({ each: true })
  mapping?: MappingRuleInput[] | null
}

@InputType({
  description:
    'An identity provider to delete: its users’ tokens end at once, and what it gave is taken back.',
})
export class IdentityProviderDeleteInput extends UpdateInput {}
