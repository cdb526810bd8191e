import { ArrayMaxSize, IsOptional } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import type { PowerState, ServerStatus } from '../../services/compute/server.states.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ActionInput,
  IsOptionalId,
  IsText,
  OrderDirectionEnum,
  StringFilterInput,
} from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Quota } from '../identity/quota.ts'
import { Resource } from '../resource.ts'
import { StringMapScalar } from '../string-map.ts'
import { Placement } from './placement.ts'

/** Of a filter. */
const MAX_FILTER_TAGS = 50
const MAX_TAG = 60

export const ServerStatusEnum = enumOf(
  'ServerStatus',
  "Where a server is in its life; OpenStack's words.",
  {
    BUILD: 'It is being made.',
    ACTIVE: 'It runs.',
    PAUSED: 'It is held in the memory of its host, without processor time.',
    SUSPENDED: 'Its memory is on the disk of its host; it goes on from there.',
    SHUTOFF: 'It is turned off; it keeps its disk and its place.',
    REBOOT: 'Its guest was asked to boot anew.',
    HARD_REBOOT: 'Its machine is being reset.',
    RESCUE: 'It runs from another disk, so that its own can be mended.',
    REBUILD: 'It gets a new disk, or is brought up on another host.',
    RESIZE: 'It gets another size or moves to another host.',
    VERIFY_RESIZE: 'It has the new size or host, which awaits its confirmation.',
    REVERT_RESIZE: 'It goes back to the size and host that it had.',
    MIGRATING: 'It moves to another host while it runs.',
    SHELVED: 'It is turned off and put away; it keeps its place.',
    SHELVED_OFFLOADED: 'It is an image and takes no place on any host.',
    SOFT_DELETED: 'It was deleted, and can be restored for a while.',
    ERROR: 'Something failed for good; `fault` says what.',
  } satisfies Record<ServerStatus, string>,
)
export const PowerStateEnum = enumOf('PowerState', 'What the hypervisor says of the machine.', {
  NOSTATE: 'There is no machine yet, or nothing is known of it.',
  RUNNING: 'It runs.',
  PAUSED: 'It is held: in memory, without processor time.',
  SUSPENDED: 'It is off, with its memory on the disk.',
  SHUTDOWN: 'It is off.',
  CRASHED: 'It ended by a failure.',
} satisfies Record<PowerState, string>)
const ServerOrderFieldEnum = enumOf('ServerOrderField', 'What servers can be ordered by.', {
  CREATED_AT: 'When they were asked for.',
  NAME: 'Their names; equal ones by when they were asked for.',
})

@ObjectType({ implements: Resource, description: 'A virtual machine.', simpleResolvers: true })
export class Server extends Resource {
  @Field(() => String, { description: 'Need not be unique.' })
  name!: string

  @Field(() => ServerStatusEnum, { description: 'Where it is in its life.' })
  status!: ServerStatus

  @Field(() => PowerStateEnum, { description: 'What the hypervisor says of the machine.' })
  powerState!: PowerState

  @Field(() => String, {
    nullable: true,
    description: 'The action that runs now, for example `stop`; null when none does.',
  })
  taskState!: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null

  @Field(() => StringMapScalar, { description: 'Words for its guest and its users.' })
  metadata!: unknown

  @Field(() => [String], { description: 'Words to find it by.' })
  tags!: string[]

  @Field(() => String, {
    nullable: true,
    description: 'The name of the key pair that it was made with.',
  })
  keypairName!: string | null

  @Field(() => String, {
    nullable: true,
    description: 'The zone that was asked for; null: any.',
  })
  availabilityZone!: string | null

  @Field(() => Boolean, {
    description: 'Whether it has a disk that tells its guest name, keys and user data.',
  })
  configDrive!: boolean

  @Field(() => Boolean, { description: 'Locked against changes.' })
  locked!: boolean

  @Field(() => String, { nullable: true, description: 'Why it is locked.' })
  lockedReason!: string | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it first ran.' })
  launchedAt!: Date | null
}

export const ServerConnection = connectionOf('Server', () => Server)
export const ServerChange = changeOf('Server', () => Server)

@InputType({ description: 'Which servers; all that is given must hold.' })
export class ServerFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => [ServerStatusEnum], { nullable: true, description: 'By status: one of these.' })
  @IsOptional()
  status?: ServerStatus[] | null

  @Field(() => [PowerStateEnum], {
    nullable: true,
    description: 'By what the hypervisor says: one of these.',
  })
  @IsOptional()
  powerState?: PowerState[] | null

  @Field(() => ID, { nullable: true, description: 'Those on this host. For operators.' })
  @IsOptionalId()
  hostId?: string | null

  @Field(() => ID, { nullable: true, description: 'Those of this size.' })
  @IsOptionalId()
  flavorId?: string | null

  @Field(() => ID, { nullable: true, description: 'Those that started from this image.' })
  @IsOptionalId()
  imageId?: string | null

  @Field(() => ID, { nullable: true, description: 'The members of this server group.' })
  @IsOptionalId()
  groupId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are locked.' })
  @IsOptional()
  locked?: boolean | null

  @Field(() => [String], { nullable: true, description: 'By tags: has all of these.' })
  @IsOptional()
  @ArrayMaxSize(MAX_FILTER_TAGS)
  @IsText(1, MAX_TAG, { each: true })
  tags?: string[] | null

  @Field(() => [String], { nullable: true, description: 'By tags: has one of these.' })
  @IsOptional()
  @ArrayMaxSize(MAX_FILTER_TAGS)
  @IsText(1, MAX_TAG, { each: true })
  tagsAny?: string[] | null
}

@InputType({ description: 'In which order servers come.' })
export class ServerOrderInput {
  @Field(() => ServerOrderFieldEnum, { description: 'By what.' })
  field!: 'CREATED_AT' | 'NAME'

  @Field(() => OrderDirectionEnum, { defaultValue: 'ASC', description: 'Upwards or downwards.' })
  direction!: 'ASC' | 'DESC'
}

@InputType({ description: 'A server to act on.' })
export class ServerActionInput extends ActionInput {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Change nothing; answer whether it would be accepted.',
  })
  dryRun?: boolean | null
}

@ObjectType({ description: 'What a dry run found: nothing was changed.', simpleResolvers: true })
export class Plan {
  @Field(() => Boolean, { description: 'Whether it would succeed as things are now.' })
  allowed!: boolean

  @Field(() => [Quota], { description: "The project's quotas as they would be." })
  quotas!: Quota[]

  @Field(() => Placement, {
    nullable: true,
    description: 'Where it would go; null when nothing is placed.',
  })
  placement!: Placement | null
}

@ObjectType({ description: 'The answer to a mutation of a server.', simpleResolvers: true })
export class ServerPayload {
  serverId!: string | null
  taskId!: string | null

  @Field(() => Plan, { nullable: true, description: 'Only of a dry run.' })
  plan!: Plan | null
}
