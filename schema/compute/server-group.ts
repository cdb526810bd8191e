import { IsOptional } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import type { GroupPolicy } from '../../services/compute/placement-view.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsName,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

export const ServerGroupPolicyEnum = enumOf(
  'ServerGroupPolicy',
  'How the servers of a group lie to each other.',
  {
    AFFINITY: 'All on one host, or not at all.',
    ANTI_AFFINITY: 'Each on a host of its own, or not at all.',
    SOFT_AFFINITY: 'On one host where that can be.',
    SOFT_ANTI_AFFINITY: 'On hosts of their own where that can be.',
  } satisfies Record<GroupPolicy, string>,
)

@ObjectType({
  implements: Resource,
  description: 'Servers of a project that belong together on a host, or apart.',
  simpleResolvers: true,
})
export class ServerGroup extends Resource {
  @Field(() => String, { description: 'What the project calls it; need not be unique.' })
  name!: string

  @Field(() => ServerGroupPolicyEnum, { description: 'How its servers lie to each other.' })
  policy!: GroupPolicy

  @Field(() => ID, { description: 'Who made it.' })
  userId!: string
}

export const ServerGroupConnection = connectionOf('ServerGroup', () => ServerGroup)
export const ServerGroupChange = changeOf('ServerGroup', () => ServerGroup)
export const ServerGroupPayload = payloadOf('ServerGroup', () => ServerGroup)

@InputType({ description: 'Which server groups; all that is given must hold.' })
export class ServerGroupFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null
}

@InputType({ description: 'A new server group. Its policy is for good.' })
export class ServerGroupCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ServerGroupPolicyEnum, { description: 'How its servers lie to each other.' })
  policy!: GroupPolicy
}

@InputType({ description: 'A server group to delete; its servers stay where they are.' })
export class ServerGroupDeleteInput extends UpdateInput {}
