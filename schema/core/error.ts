import { Field, Float, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql'
import { type ErrorCode, errorCodes } from '../../services/errors.ts'
import { enumOf } from '../enums.ts'

export const ErrorCodeEnum = enumOf(
  'ErrorCode',
  'What went wrong: `extensions.code` of an error, and `code` of what failed after the answer. A code is never renamed.',
  errorCodes,
)

@ObjectType({
  description: 'How a placement filter treated the hosts that reached it.',
  simpleResolvers: true,
})
export class FilterCount {
  @Field(() => String, { description: 'The name of the filter, for example `RamFilter`.' })
  name!: string

  @Field(() => Int, { description: 'Hosts that it let through.' })
  passed!: number

  @Field(() => Int, { description: 'Hosts that it refused.' })
  refused!: number
}

@ObjectType({ description: 'What a host lacks of a resource.', simpleResolvers: true })
export class Shortfall {
  @Field(() => String, { description: 'The resource class: VCPU, MEMORY_MB or DISK_GB.' })
  resource!: string

  @Field(() => Float, { description: 'How much more of it there would have to be.' })
  amount!: number
}

@ObjectType({
  description: 'The host that lacked least of what a server asked for.',
  simpleResolvers: true,
})
export class NearestMiss {
  @Field(() => [Shortfall], { description: 'What it lacks, where that is a matter of amounts.' })
  shortBy!: Shortfall[]

  @Field(() => [String], { description: 'What would make it fit, in words: all of these.' })
  remedies!: string[]
}

@ObjectType({ description: 'A value of the input that is wrong.', simpleResolvers: true })
export class FieldProblem {
  @Field(() => String, { description: 'Where in the input, for example `input.name`.' })
  path!: string

  @Field(() => String, { description: 'What is wrong with it.' })
  message!: string
}

@ObjectType({ description: 'A resource that stands in the way.', simpleResolvers: true })
export class Dependent {
  @Field(() => String, { description: 'Its type, for example `server`.' })
  type!: string

  @Field(() => ID, { description: 'Its id.' })
  id!: string

  @Field(() => String, { description: 'Its name.' })
  name!: string
}

@ObjectType({
  description:
    'The facts of a refusal, also in `extensions.details` of an error. Which fields are set depends on the code.',
  simpleResolvers: true,
})
export class ErrorDetails {
  @Field(() => String, { nullable: true, description: 'FORBIDDEN: the access rule that refused.' })
  rule?: string

  @Field(() => String, { nullable: true, description: 'TOO_COMPLEX: what there was too much of.' })
  what?: string

  @Field(() => String, { nullable: true, description: 'QUOTA_EXCEEDED: the counted resource.' })
  resource?: string

  @Field(() => Float, { nullable: true, description: 'What is allowed at most.' })
  limit?: number

  @Field(() => Float, { nullable: true, description: 'What is in use already.' })
  used?: number

  @Field(() => Float, { nullable: true, description: 'What was asked for.' })
  requested?: number

  @Field(() => [String], {
    nullable: true,
    description: 'INVALID_STATE: statuses that would allow it.',
  })
  allowedStatuses?: string[]

  @Field(() => [String], {
    nullable: true,
    description: 'UNAUTHENTICATED: what the sign-in still needs: `totp` or `newPassword`.',
  })
  missing?: string[]

  @Field(() => [Dependent], {
    nullable: true,
    description: 'IN_USE: what still depends on it, the first of them.',
  })
  resources?: Dependent[]

  @Field(() => [FilterCount], {
    nullable: true,
    description: 'NO_VALID_HOST: what each filter did.',
  })
  filters?: FilterCount[]

  @Field(() => Int, { nullable: true, description: 'NO_VALID_HOST: hosts of the cloud.' })
  hostsTotal?: number

  @Field(() => Int, { nullable: true, description: 'NO_VALID_HOST: hosts that passed.' })
  hostsPassed?: number

  @Field(() => NearestMiss, {
    nullable: true,
    description: 'NO_VALID_HOST: the host that lacked least.',
  })
  nearestMiss?: NearestMiss

  @Field(() => [FieldProblem], {
    nullable: true,
    description: 'BAD_INPUT: the values that are wrong.',
  })
  fields?: FieldProblem[]
}

@ObjectType({ description: 'Why a resource is not as it should be.', simpleResolvers: true })
export class Fault {
  @Field(() => ErrorCodeEnum, { description: 'The kind of failure.' })
  code!: ErrorCode

  @Field(() => String, { description: 'The failure in words.' })
  message!: string

  @Field(() => GraphQLISODateTime, { description: 'When it was found.' })
  at!: Date
}

@ObjectType({ description: 'Why a task failed.', simpleResolvers: true })
export class TaskError {
  @Field(() => ErrorCodeEnum, { description: 'The kind of failure.' })
  code!: ErrorCode

  @Field(() => String, { description: 'The failure in words.' })
  message!: string

  @Field(() => String, { nullable: true, description: 'The step that failed.' })
  step!: string | null

  @Field(() => ErrorDetails, { nullable: true, description: 'The facts of the failure.' })
  details?: ErrorDetails
}
