import {
  ArrayMaxSize,
  IsInt,
  IsOptional,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator'
import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import type { PolicyScope } from '../../services/identity/policy-who.ts'
import { PageInfo } from '../connection.ts'
import { Person } from '../core/audit.ts'
import { DEFAULT_FIRST, IsOptionalId, IsText, MAX_FIRST, MAX_NAME_LENGTH } from '../core/input.ts'
import { enumOf } from '../enums.ts'

const MAX_ACTION_LENGTH = 100
/** Questions that are answered at once: a page of rows with a few actions each. */
export const MAX_POLICY_CHECKS = 200

export const PolicyScopeEnum = enumOf('PolicyScope', 'What a token must be for.', {
  PROJECT: 'The project that was asked about.',
  DOMAIN: 'The domain that was asked about, or that the project is in.',
  OPERATOR: "The operator's own project.",
  SYSTEM: 'The system.',
} satisfies Record<PolicyScope, string>)

@ObjectType({ description: 'What an access rule decides, and why.', simpleResolvers: true })
export class PolicyDecision {
  @Field(() => String, { description: 'What was asked about, such as `compute.server.create`.' })
  action!: string

  @Field(() => Boolean, { description: 'Whether you may.' })
  allowed!: boolean

  @Field(() => String, { description: 'The rule as it is now.' })
  rule!: string

  @Field(() => String, { description: 'What holds, or what is missing in each way to be allowed.' })
  reason!: string
}

@ObjectType({ description: 'An access rule.', simpleResolvers: true })
export class PolicyRule {
  @Field(() => String, { description: 'What it guards, such as `compute.server.create`.' })
  name!: string

  @Field(() => String, { description: 'The check, in the rule language of OpenStack.' })
  check!: string

  @Field(() => String, { description: 'What it guards, in words.' })
  description!: string

  @Field(() => Boolean, { description: "Whether it comes from the operator's files." })
  overridden!: boolean
}

@ObjectType({ description: 'Somebody who may do what was asked about.', simpleResolvers: true })
export class PolicyHolder {
  @Field(() => Person, { description: 'Who.' })
  user!: Person

  @Field(() => PolicyScopeEnum, {
    description: 'What the token must be for; the nearest there is.',
  })
  scope!: PolicyScope

  @Field(() => [String], { description: 'The roles there, implied ones included.' })
  roles!: string[]

  @Field(() => String, { description: 'The way through the rule that allows it.' })
  reason!: string
}

@ObjectType({ description: 'A page of those who may, by user id.', simpleResolvers: true })
export class PolicyHolderPage {
  @Field(() => [PolicyHolder], { description: 'Those of this page.' })
  nodes!: PolicyHolder[]

  @Field(() => PageInfo, { description: 'Where this page lies.' })
  pageInfo!: PageInfo
}

@InputType({
  description:
    'Whose the thing is that something shall be done to. The domain of a project or a user that you see need not be given.',
})
export class PolicyTargetInput {
  @Field(() => ID, { nullable: true, description: 'The project that it is in.' })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => ID, { nullable: true, description: 'The domain that it is in.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => ID, { nullable: true, description: 'The user that it is, or that it belongs to.' })
  @IsOptionalId()
  userId?: string | null

  @Field(() => String, { nullable: true, description: 'The role that shall be given or taken.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  roleName?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it holds rights beyond its domain, so that only operators touch it.',
  })
  privileged?: boolean | null
}

@InputType({ description: 'One question about what you may.' })
export class PolicyCheckInput {
  @Field(() => String, { description: 'For example `compute.server.create`.' })
  @MaxLength(MAX_ACTION_LENGTH)
  action!: string

  @Field(() => PolicyTargetInput, {
    nullable: true,
    description: 'To what; by default to what is in the scope of your token.',
  })
  @IsOptional()
  @ValidateNested()
  target?: PolicyTargetInput | null
}

@ArgsType()
export class PolicyExplainArgs {
  @Field(() => String, { description: 'For example `compute.server.create`.' })
  @MaxLength(MAX_ACTION_LENGTH)
  action!: string

  @Field(() => PolicyTargetInput, {
    nullable: true,
    description: 'To what; by default to what is in the scope of your token.',
  })
  @IsOptional()
  @ValidateNested()
  target?: PolicyTargetInput | null
}

@ArgsType()
export class PolicyCheckArgs {
  @Field(() => [PolicyCheckInput], { description: `At most ${MAX_POLICY_CHECKS} questions.` })
  @ArrayMaxSize(MAX_POLICY_CHECKS)
  @ValidateNested({ each: true })
  checks!: PolicyCheckInput[]
}

@ArgsType()
export class PolicyWhoArgs {
  @Field(() => String, { description: 'For example `compute.server.create`.' })
  @MaxLength(MAX_ACTION_LENGTH)
  action!: string

  @Field(() => ID, { nullable: true, description: 'In this project.' })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => ID, { nullable: true, description: 'In this domain, instead of a project.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => Int, { defaultValue: DEFAULT_FIRST, description: `People, 1 to ${MAX_FIRST}.` })
  @IsInt()
  @Min(1)
  @Max(MAX_FIRST)
  first!: number

  @Field(() => String, { nullable: true, description: 'The `endCursor` behind which to go on.' })
  @IsOptional()
  @MaxLength(MAX_NAME_LENGTH)
  after?: string | null
}
