import { IsOptional, IsUUID } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { ChangeInput, IsOptionalId, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { Node } from '../node.ts'
import { payloadOf } from '../payload.ts'

@ObjectType({
  implements: Node,
  description:
    'A role that a user or a group has on a project, a domain or the system: as it was given, or (effective) as it comes to a user in the end.',
  simpleResolvers: true,
})
export class RoleAssignment extends Node {
  @Field(() => Boolean, { description: 'Whether it is on the system: the whole cloud.' })
  system!: boolean

  @Field(() => Boolean, {
    description:
      'As given: it holds not there but in the projects below. Effective: it holds by inheritance only.',
  })
  inherited!: boolean

  @Field(() => String, {
    nullable: true,
    description:
      'Effective: by what ways the user has it, for example `direct; group ops, inherited from domain acme, implied by admin`. Null for what was given.',
  })
  via!: string | null

  @Field(() => GraphQLISODateTime, { description: 'When it was given; effective: at first.' })
  createdAt!: Date
}

export const RoleAssignmentChange = changeOf('RoleAssignment', () => RoleAssignment)
export const RoleAssignmentConnection = connectionOf('RoleAssignment', () => RoleAssignment)
export const RoleAssignmentPayload = payloadOf('RoleAssignment', () => RoleAssignment)

@InputType({ description: 'Which role assignments; all that is given must hold.' })
export class RoleAssignmentFilterInput {
  @Field(() => ID, { nullable: true, description: 'Of this user.' })
  @IsOptionalId()
  userId?: string | null

  @Field(() => ID, {
    nullable: true,
    description: 'Of this group; effective: what its users have through it.',
  })
  @IsOptionalId()
  groupId?: string | null

  @Field(() => ID, { nullable: true, description: 'On this project.' })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => ID, { nullable: true, description: 'On this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'By whether it is on the system.' })
  @IsOptional()
  system?: boolean | null

  @Field(() => ID, { nullable: true, description: 'This role.' })
  @IsOptionalId()
  roleId?: string | null
}

@InputType({
  description:
    'A role to give: exactly one of `role` and `roleId`, of `userId` and `groupId`, and of `projectId`, `domainId` and `system`. Giving it again is fine.',
})
export class RoleAssignmentCreateInput extends ChangeInput {
  @Field(() => String, {
    nullable: true,
    description: 'The name of a role: of the whole cloud, or else of the domain in question.',
  })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  role?: string | null

  @Field(() => ID, { nullable: true, description: 'The role by its id.' })
  @IsOptionalId()
  roleId?: string | null

  @Field(() => ID, { nullable: true, description: 'The user who gets it.' })
  @IsOptionalId()
  userId?: string | null

  @Field(() => ID, { nullable: true, description: 'The group that gets it.' })
  @IsOptionalId()
  groupId?: string | null

  @Field(() => ID, { nullable: true, description: 'On this project.' })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => ID, { nullable: true, description: 'On this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'True: on the system, the whole cloud.' })
  @IsOptional()
  system?: boolean | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: it holds not there but in all projects below. Not on the system.',
  })
  @IsOptional()
  inherited?: boolean | null
}

@InputType({ description: 'A role to take away.' })
export class RoleAssignmentDeleteInput extends ChangeInput {
  @Field(() => ID, { description: 'The id of the assignment, not of an effective one.' })
  @IsUUID()
  id!: string
}
