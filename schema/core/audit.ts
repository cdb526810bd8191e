import { IsDate, IsOptional, ValidateBy } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import type { AuditOutcome } from '../../services/core/audit.ts'
import type { ErrorCode } from '../../services/errors.ts'
import { connectionOf } from '../connection.ts'
import { enumOf } from '../enums.ts'
import { JsonScalar } from '../json.ts'
import { ErrorCodeEnum } from './error.ts'
import { IsOptionalId, IsText } from './input.ts'

const MAX_ACTION_LENGTH = 100
const MAX_TYPE_LENGTH = 50
const MAX_REQUEST_ID_LENGTH = 200

export const AuditOutcomeEnum = enumOf('AuditOutcome', 'How what somebody did ended.', {
  SUCCESS: 'It was done.',
  FAILURE: 'It was refused; `code` and `reason` say why.',
} satisfies Record<AuditOutcome, string>)

@ObjectType({ description: 'Who somebody is: no more than that.', simpleResolvers: true })
export class Person {
  @Field(() => ID, { description: 'The id of the user.' })
  id!: string

  @Field(() => String, { description: "The user's name; in the audit log: at that time." })
  name!: string
}

@ObjectType({
  description: 'What somebody did, or was refused. Entries never change.',
  simpleResolvers: true,
})
export class AuditEvent {
  @Field(() => ID, { description: 'Its id; later entries have higher ones.' })
  id!: string

  @Field(() => GraphQLISODateTime, { description: 'When it happened.' })
  at!: Date

  @Field(() => String, {
    description:
      'What was done, by the access rule that guards it, such as `identity.user.update`.',
  })
  action!: string

  @Field(() => AuditOutcomeEnum, { description: 'How it ended.' })
  outcome!: AuditOutcome

  @Field(() => ErrorCodeEnum, {
    nullable: true,
    description: 'The error code of what was refused.',
  })
  code!: ErrorCode | null

  @Field(() => String, { nullable: true, description: 'Why it was refused, in words.' })
  reason!: string | null

  @Field(() => String, { nullable: true, description: 'What the resource is, such as `server`.' })
  resourceType!: string | null

  @Field(() => ID, { nullable: true, description: 'The resource that it was about.' })
  resourceId!: string | null

  @Field(() => String, { nullable: true, description: "The resource's name at that time." })
  resourceName!: string | null

  @Field(() => String, {
    nullable: true,
    description: 'The request that it was part of; its answer and the log name it too.',
  })
  requestId!: string | null

  @Field(() => String, { nullable: true, description: 'Where the request came from.' })
  address!: string | null

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'What changed, as it was before; all of it when it was deleted.',
  })
  before!: unknown

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'What changed, as it was afterwards; all of it when it was made.',
  })
  after!: unknown
}

export const AuditEventConnection = connectionOf('AuditEvent', () => AuditEvent)

/** Exactly, or all that begin with what stands before a star. */
function IsPattern(): PropertyDecorator {
  const validate = (text: unknown) => typeof text === 'string' && /^[\w.-]+(\.\*)?$/.test(text)
  const message =
    '$property must be the name of a rule, such as a.b.c, or a beginning such as a.b.*'
  return ValidateBy({ name: 'isPattern', validator: { validate, defaultMessage: () => message } })
}

@InputType({ description: 'Which entries; all that is given must hold.' })
export class AuditEventFilterInput {
  @Field(() => ID, { nullable: true, description: 'About this resource, also when it is gone.' })
  @IsOptionalId()
  resourceId?: string | null

  @Field(() => String, { nullable: true, description: 'About this kind of resource.' })
  @IsOptional()
  @IsText(1, MAX_TYPE_LENGTH)
  resourceType?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'What was done: `identity.user.update`, or all of a kind: `identity.user.*`.',
  })
  @IsOptional()
  @IsText(1, MAX_ACTION_LENGTH)
  @IsPattern()
  action?: string | null

  @Field(() => ID, { nullable: true, description: 'Done by this user.' })
  @IsOptionalId()
  actorId?: string | null

  @Field(() => AuditOutcomeEnum, { nullable: true, description: 'With this outcome.' })
  @IsOptional()
  outcome?: AuditOutcome | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'At this time or later.' })
  @IsOptional()
  @IsDate()
  since?: Date | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'Before this time.' })
  @IsOptional()
  @IsDate()
  until?: Date | null

  @Field(() => ID, { nullable: true, description: 'About what is in this project.' })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => ID, { nullable: true, description: 'About what is in this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => String, { nullable: true, description: 'Of this request.' })
  @IsOptional()
  @IsText(1, MAX_REQUEST_ID_LENGTH)
  requestId?: string | null
}
