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
  description:
    'What may be done, by name: access rules ask for it. A domain role is seen and given in its domain only, and counts by what it implies.',
  simpleResolvers: true,
})
export class Role extends Resource {
  @Field(() => String, { description: 'Unique in its domain, or among those of no domain.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string
}

export const RoleConnection = connectionOf('Role', () => Role)
export const RoleChange = changeOf('Role', () => Role)
export const RolePayload = payloadOf('Role', () => Role)

@InputType({ description: 'Which roles; all that is given must hold.' })
export class RoleFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => ID, { nullable: true, description: 'The domain roles of this domain.' })
  @IsOptionalId()
  domainId?: string | null
}

@InputType({ description: 'A new role.' })
export class RoleCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ID, { nullable: true, description: 'For a domain role: its domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({ description: 'What shall change of a role; what is left out stays.' })
export class RoleUpdateInput extends UpdateInput {
  @Field(() => String, {
    nullable: true,
    description: 'Ends the tokens of all who have it. The built-in roles keep their names.',
  })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null
}

@InputType({ description: 'A role to delete: one that was given to nobody, and is not built in.' })
export class RoleDeleteInput extends UpdateInput {}

@InputType({ description: 'Two roles, of which the first implies the second.' })
class RoleImplicationInput extends ChangeInput {
  @Field(() => ID, { description: 'Who has this role has the other one too.' })
  @IsUUID()
  priorRoleId!: string

  @Field(() => ID, { description: 'The role that comes with it.' })
  @IsUUID()
  impliedRoleId!: string
}

@InputType({ description: 'An implication to make.' })
export class RoleImplicationCreateInput extends RoleImplicationInput {}

@InputType({ description: 'An implication to take back.' })
export class RoleImplicationDeleteInput extends RoleImplicationInput {}
