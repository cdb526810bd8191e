import {
  ArrayMaxSize,
  IsInt,
  IsNumber,
  IsOptional,
  Max,
  Min,
  ValidateNested,
} from 'class-validator'
import { Field, Float, GraphQLISODateTime, InputType, Int, ObjectType } from 'type-graphql'
import type { MoveWay } from '../../services/compute/host-plan.ts'
import { MAX_ALLOCATION_RATIO, MAX_CUSTOM_TRAITS } from '../../services/compute/host-update.ts'
import { BigIntScalar } from '../bigint.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { IsText, StringFilterInput, UpdateInput } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

export const HostStatusEnum = enumOf('HostStatus', 'Whether its agent reports.', {
  UP: 'Its agent reports.',
  DOWN: 'Its agent has been silent for too long, or an operator said that it is dead.',
})

@ObjectType({ description: 'How much of a resource class a host has.', simpleResolvers: true })
export class HostInventory {
  @Field(() => String, { description: 'VCPU, MEMORY_MB (in MiB) or DISK_GB (in GiB).' })
  resource!: string

  @Field(() => BigIntScalar, { description: 'What the host has.' })
  total!: bigint

  @Field(() => BigIntScalar, { description: 'What servers hold of it.' })
  used!: bigint

  @Field(() => BigIntScalar, { description: 'What is kept for the host itself.' })
  reserved!: bigint

  @Field(() => Float, { description: '(total - reserved) times this can be promised to servers.' })
  allocationRatio!: number
}

@ObjectType({ description: 'A fact about a host, found by trying.', simpleResolvers: true })
export class Capability {
  @Field(() => String, { description: 'What the fact is about, for example `accelerator`.' })
  name!: string

  @Field(() => String, { description: 'What was found.' })
  value!: string
}

@ObjectType({
  implements: Resource,
  description: 'A machine that runs servers.',
  simpleResolvers: true,
})
export class Host extends Resource {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => HostStatusEnum, { description: 'Whether its agent reports.' })
  status!: 'UP' | 'DOWN'

  @Field(() => Boolean, { description: 'A disabled host gets no new servers.' })
  enabled!: boolean

  @Field(() => String, { nullable: true, description: 'Why it is disabled.' })
  disabledReason!: string | null

  @Field(() => Boolean, {
    description: 'An operator said that it is dead: it counts as DOWN whatever it reports.',
  })
  forcedDown!: boolean

  @Field(() => Boolean, { description: 'It is being emptied, or kept empty.' })
  maintenance!: boolean

  @Field(() => [String], {
    description: 'What it can, as its agent found: the names of os-traits, and CUSTOM_ ones.',
  })
  traits!: string[]

  @Field(() => [String], { description: 'Traits that operators gave it.' })
  customTraits!: string[]

  @Field(() => String, { description: 'Its compute driver, for example `qemu`.' })
  driver!: string

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When its agent reported last.' })
  heartbeatAt!: Date | null

  @Field(() => [Capability], { description: 'What it can and can not do.' })
  capabilities!: Capability[]
}

export const HostConnection = connectionOf('Host', () => Host)
export const HostChange = changeOf('Host', () => Host)

@InputType({ description: 'Which hosts; all that is given must hold.' })
export class HostFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => HostStatusEnum, { nullable: true, description: 'By whether their agents report.' })
  @IsOptional()
  status?: 'UP' | 'DOWN' | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they take new servers.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are in maintenance.' })
  @IsOptional()
  maintenance?: boolean | null
}

const MAX_REASON_LENGTH = 255
/** As many as there are resource classes. */
const MAX_INVENTORY = 3

@InputType({ description: 'What of a resource class a host keeps, and how often it is promised.' })
export class HostInventoryInput {
  @Field(() => String, { description: 'VCPU, MEMORY_MB (in MiB) or DISK_GB (in GiB).' })
  @IsText(1, MAX_REASON_LENGTH)
  resource!: string

  @Field(() => Float, {
    nullable: true,
    description: `How often what is not reserved is promised; above 0, at most ${MAX_ALLOCATION_RATIO}.`,
  })
  @IsOptional()
  @IsNumber()
  @Max(MAX_ALLOCATION_RATIO)
  allocationRatio?: number | null

  @Field(() => Int, { nullable: true, description: 'What is kept for the host itself.' })
  @IsOptional()
  @IsInt()
  @Min(0)
  reserved?: number | null
}

@InputType({ description: 'What operators say of a host; what is left out stays as it is.' })
export class HostUpdateInput extends UpdateInput {
  @Field(() => Boolean, { nullable: true, description: 'A disabled host gets no new servers.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => String, { nullable: true, description: 'Why it is disabled.' })
  @IsOptional()
  @IsText(0, MAX_REASON_LENGTH)
  disabledReason?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description:
      'It is dead, whatever it reports: its servers can be evacuated. Make sure that it really is.',
  })
  @IsOptional()
  forcedDown?: boolean | null

  @Field(() => [String], {
    nullable: true,
    description: `All traits of its own, such as CUSTOM_SSD; at most ${MAX_CUSTOM_TRAITS}.`,
  })
  @IsOptional()
  @ArrayMaxSize(MAX_CUSTOM_TRAITS)
  @IsText(1, MAX_REASON_LENGTH, { each: true })
  customTraits?: string[] | null

  @Field(() => [HostInventoryInput], { nullable: true, description: 'By resource class.' })
  @IsOptional()
  @ArrayMaxSize(MAX_INVENTORY)
  @ValidateNested({ each: true })
  inventory?: HostInventoryInput[] | null
}

@InputType({ description: 'A host to empty.' })
export class HostMaintainInput extends UpdateInput {
  @Field(() => String, {
    nullable: true,
    description: 'Why; shown as the reason of its being off.',
  })
  @IsOptional()
  @IsText(1, MAX_REASON_LENGTH)
  reason?: string | null
}

@InputType({ description: 'A host to act on.' })
export class HostActionInput extends UpdateInput {}

export const HostPayload = payloadOf('Host', () => Host)

export const MoveWayEnum = enumOf('MoveWay', 'In which way a server leaves a host.', {
  LIVE: 'While it runs.',
  COLD: 'Turned off on the way.',
  EVACUATION: 'With a new disk of its image.',
  NONE: 'Not at all.',
} satisfies Record<MoveWay, string>)

@ObjectType({ description: 'How one server would leave a host.', simpleResolvers: true })
export class PlannedMove {
  serverId!: string
  hostId!: string | null

  @Field(() => MoveWayEnum, { description: 'In which way.' })
  way!: MoveWay

  @Field(() => String, { nullable: true, description: 'Why there is no way, or no place.' })
  reason!: string | null
}

@ObjectType({ description: 'The answer to the emptying of a host.', simpleResolvers: true })
export class HostMaintainPayload {
  id!: string
  taskId!: string | null

  @Field(() => [PlannedMove], {
    description: 'Where its servers would go as things are now, at most 1000.',
  })
  moves!: PlannedMove[]
}

@ObjectType({
  description: 'What would become of the servers of a host that dies.',
  simpleResolvers: true,
})
export class HostFailurePlan {
  @Field(() => Int, { description: 'Servers that would have a place elsewhere.' })
  fit!: number

  @Field(() => Int, { description: 'Servers that would not.' })
  lost!: number

  @Field(() => [PlannedMove], { description: 'Each of its servers, at most 1000.' })
  moves!: PlannedMove[]
}
