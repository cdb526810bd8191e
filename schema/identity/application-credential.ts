import { ArrayMaxSize, IsDate, IsOptional, IsUUID } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsOptionalId,
  IsText,
  MAX_NAME_LENGTH,
} from '../core/input.ts'
import { Node } from '../node.ts'
import { payloadOf } from '../payload.ts'

@ObjectType({
  implements: Node,
  description:
    'What a program signs in with instead of its user’s password: some of the user’s roles in one project.',
  simpleResolvers: true,
})
export class ApplicationCredential extends Node {
  @Field(() => String, { description: 'Unique among those of its user, whatever the case.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string

  @Field(() => ID, { description: 'Whose it is.' })
  userId!: string

  @Field(() => ID, { description: 'The project that its tokens are for.' })
  projectId!: string

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it ends, and its tokens with it; null: never.',
  })
  expiresAt!: Date | null

  @Field(() => Boolean, {
    description: 'Whether its tokens may make and delete application credentials and trusts.',
  })
  unrestricted!: boolean

  @Field(() => [String], {
    description: 'The access rules that its tokens are good for, with `*`; none: all.',
  })
  accessRules!: string[]

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date
}

export const ApplicationCredentialConnection = connectionOf(
  'ApplicationCredential',
  () => ApplicationCredential,
)
export const ApplicationCredentialPayload = payloadOf(
  'ApplicationCredential',
  () => ApplicationCredential,
)

@InputType({ description: 'Which application credentials; all that is given must hold.' })
export class ApplicationCredentialFilterInput {
  @Field(() => ID, { nullable: true, description: 'Those of this user.' })
  @IsOptionalId()
  userId?: string | null
}

export const MAX_ROLES = 50
const MAX_RULES = 100

@InputType({
  description:
    'A new application credential for the user and the project of the token. Its secret is shown once: the same idempotency key again gives CONFLICT.',
})
export class ApplicationCredentialCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => [String], {
    nullable: true,
    description: 'Names of roles that your token has; by default all of them.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_ROLES)
  @IsText(1, MAX_NAME_LENGTH, { each: true })
  roles?: string[] | null

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it shall end; by default never.',
  })
  @IsOptional()
  @IsDate()
  expiresAt?: Date | null

  @Field(() => [String], {
    nullable: true,
    description:
      'The access rules that it shall be good for: names as `session { rules }` has them, or beginnings such as `compute.server.*`. By default all.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_RULES)
  @IsText(1, MAX_NAME_LENGTH, { each: true })
  accessRules?: string[] | null

  @Field(() => Boolean, {
    nullable: true,
    description:
      'True: its tokens may make and delete application credentials and trusts. Dangerous: whoever has it can make more of it.',
  })
  @IsOptional()
  unrestricted?: boolean | null
}

@InputType({ description: 'An application credential to delete; its tokens end at once.' })
export class ApplicationCredentialDeleteInput extends ChangeInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string
}

@ObjectType({
  description: 'The answer to `applicationCredentialCreate`.',
  simpleResolvers: true,
})
export class ApplicationCredentialCreatePayload {
  @Field(() => ApplicationCredential, {
    nullable: true,
    simple: false,
    description: 'The new application credential; null in a dry run.',
  })
  applicationCredential!: ApplicationCredential | null

  @Field(() => String, {
    nullable: true,
    description: 'Its secret, shown only here; null in a dry run.',
  })
  secret!: string | null
}
