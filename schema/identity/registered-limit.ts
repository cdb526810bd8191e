import { IsInt, IsOptional, IsUUID, Matches, Min } from 'class-validator'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { ChangeInput, IsDescription, IsText, MAX_NAME_LENGTH, UpdateInput } from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

const RESOURCE = /^[a-z][a-z0-9-]*(\.[A-Za-z][A-Za-z0-9-]*)+$/

@ObjectType({
  implements: Resource,
  description:
    'What a project may have of a resource when it has no limit of its own. One of a region goes before the one of none.',
  simpleResolvers: true,
})
export class RegisteredLimit extends Resource {
  @Field(() => ID, { description: 'The service whose resource it is.' })
  serviceId!: string

  @Field(() => ID, {
    nullable: true,
    description: 'The region in which it holds; null: in each that has none of its own.',
  })
  regionId!: string | null

  @Field(() => String, { description: 'For example `compute.instances`.' })
  resource!: string

  @Field(() => Int, { description: '-1 is no limit.' })
  defaultLimit!: number

  @Field(() => String, { description: 'What it is for.' })
  description!: string
}

export const RegisteredLimitConnection = connectionOf('RegisteredLimit', () => RegisteredLimit)
export const RegisteredLimitPayload = payloadOf('RegisteredLimit', () => RegisteredLimit)

@InputType({ description: 'Which registered limits; all that is given must hold.' })
export class RegisteredLimitFilterInput {
  @Field(() => String, { nullable: true, description: 'Those of services of this type.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  service?: string | null

  @Field(() => String, { nullable: true, description: 'Those of this resource.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  resource?: string | null
}

@InputType({ description: 'A new registered limit.' })
export class RegisteredLimitCreateInput extends ChangeInput {
  @Field(() => ID, { description: 'The service whose resource it is.' })
  @IsUUID()
  serviceId!: string

  @Field(() => ID, {
    nullable: true,
    description: 'The region in which it holds; by default in each that has none of its own.',
  })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  regionId?: string | null

  @Field(() => String, {
    description: 'Begins with the type of the service: `compute.instances`.',
  })
  @IsText(1, MAX_NAME_LENGTH)
  @Matches(RESOURCE, { message: '$property must be words with dots between: compute.instances' })
  resource!: string

  @Field(() => Int, { description: '-1 is no limit.' })
  @IsInt()
  @Min(-1)
  defaultLimit!: number

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({
  description:
    'What shall change of a registered limit; what is left out stays. It holds at once for every project without a limit of its own.',
})
export class RegisteredLimitUpdateInput extends UpdateInput {
  @Field(() => Int, {
    nullable: true,
    description:
      '-1 is no limit. Less than what is used is accepted; less than what a project has of its own below one that has none is IN_USE.',
  })
  @IsOptional()
  @IsInt()
  @Min(-1)
  defaultLimit?: number | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({
  description:
    'A registered limit to delete. What the cloud counts keeps the one of no region; what projects have, or have limits of, keeps its last.',
})
export class RegisteredLimitDeleteInput extends UpdateInput {}
