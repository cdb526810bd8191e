import { IsOptional, IsUUID } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsOptionalId,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

@ObjectType({
  implements: Resource,
  description: 'Users of a domain who are given roles together.',
  simpleResolvers: true,
})
export class Group extends Resource {
  @Field(() => String, { description: 'Unique in its domain, whatever the case.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string
}

export const GroupConnection = connectionOf('Group', () => Group)
export const GroupChange = changeOf('Group', () => Group)
export const GroupPayload = payloadOf('Group', () => Group)

@InputType({ description: 'Which groups; all that is given must hold.' })
export class GroupFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => ID, { nullable: true, description: 'Those of this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => ID, { nullable: true, description: 'Those that this user is in.' })
  @IsOptionalId()
  userId?: string | null
}

@InputType({ description: 'A new group.' })
export class GroupCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ID, {
    nullable: true,
    description: "The domain that it is in; by default that of your token's scope, or your own.",
  })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({ description: 'What shall change of a group; what is left out stays.' })
export class GroupUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({ description: 'A group to delete, with the roles that it gives.' })
export class GroupDeleteInput extends UpdateInput {}

@InputType({ description: 'A group and a user.' })
class GroupUserInput extends ChangeInput {
  @Field(() => ID, { description: 'The group.' })
  @IsUUID()
  groupId!: string

  @Field(() => ID, { description: 'The user, of the same domain as the group.' })
  @IsUUID()
  userId!: string
}

@InputType({ description: 'Who shall be in which group.' })
export class GroupUserAddInput extends GroupUserInput {}

@InputType({ description: 'Who shall no longer be in which group.' })
export class GroupUserRemoveInput extends GroupUserInput {}
