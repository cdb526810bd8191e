import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'
import { StringMapScalar } from '../string-map.ts'

/** More than any host has; what is counted of a project stays within its counters. */
const MAX_VCPUS = 100_000
const MAX_MEMORY_MIB = 100_000_000
const MAX_DISK_GIB = 10_000_000

const EXTRA_SPECS =
  'What it asks of hosts beyond room, in OpenStack’s names: `trait:HW_CPU_X86_AVX2` is `required`.'

@ObjectType({ implements: Resource, description: 'A size of server.', simpleResolvers: true })
export class Flavor extends Resource {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => String, { nullable: true, description: 'What it is meant for.' })
  description!: string | null

  @Field(() => Int, { description: 'Virtual processors.' })
  vcpus!: number

  @Field(() => Int, { description: 'Memory in MiB.' })
  memoryMiB!: number

  @Field(() => Int, { description: 'Root disk in GiB; 0: as large as the image.' })
  diskGiB!: number

  @Field(() => StringMapScalar, { description: EXTRA_SPECS })
  extraSpecs!: unknown

  @Field(() => Boolean, {
    description: 'All projects may use it; otherwise those of its list only (`flavorAccessAdd`).',
  })
  public!: boolean

  @Field(() => Boolean, { description: 'Servers can get it; those that have it keep it anyway.' })
  enabled!: boolean
}

export const FlavorConnection = connectionOf('Flavor', () => Flavor)
export const FlavorChange = changeOf('Flavor', () => Flavor)
export const FlavorPayload = payloadOf('Flavor', () => Flavor)

@InputType({ description: 'Which flavors; all that is given must hold.' })
export class FlavorFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => Boolean, { nullable: true, description: 'By whether servers can get them.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => Boolean, { nullable: true, description: 'By whether all projects may use them.' })
  @IsOptional()
  public?: boolean | null
}

@InputType({ description: 'A new flavor. Its sizes are for good.' })
export class FlavorCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters; unique.` })
  @IsName()
  name!: string

  @Field(() => Int, { description: `Virtual processors, 1 to ${MAX_VCPUS}.` })
  @IsInt()
  @Min(1)
  @Max(MAX_VCPUS)
  vcpus!: number

  @Field(() => Int, { description: `Memory in MiB, 1 to ${MAX_MEMORY_MIB}.` })
  @IsInt()
  @Min(1)
  @Max(MAX_MEMORY_MIB)
  memoryMiB!: number

  @Field(() => Int, {
    description: `Root disk in GiB, 0 to ${MAX_DISK_GIB}; 0: as large as the image.`,
  })
  @IsInt()
  @Min(0)
  @Max(MAX_DISK_GIB)
  diskGiB!: number

  @Field(() => String, { nullable: true, description: 'What it is meant for.' })
  @IsDescription()
  description?: string | null

  @Field(() => StringMapScalar, { nullable: true, description: EXTRA_SPECS })
  @IsOptional()
  extraSpecs?: Record<string, string> | null

  @Field(() => Boolean, { nullable: true, description: 'All projects may use it: the default.' })
  @IsOptional()
  public?: boolean | null
}

@InputType({
  description: 'What shall change of a flavor; what is left out stays. Its sizes never change.',
})
export class FlavorUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: 'What it is meant for.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'False: no server can get it any more; those that have it keep it.',
  })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => StringMapScalar, {
    nullable: true,
    description: 'All of its extra specs, instead of those it has; for servers made from now on.',
  })
  @IsOptional()
  extraSpecs?: Record<string, string> | null

  @Field(() => Boolean, { nullable: true, description: 'Whether all projects may use it.' })
  @IsOptional()
  public?: boolean | null
}

@InputType({ description: 'A flavor to delete: one that no server has.' })
export class FlavorDeleteInput extends UpdateInput {}

@InputType({ description: 'A project that may use a flavor that is not public.' })
export class FlavorAccessAddInput extends ChangeInput {
  @Field(() => ID, { description: 'The flavor.' })
  @IsUUID()
  flavorId!: string

  @Field(() => ID, { description: 'The project.' })
  @IsUUID()
  projectId!: string
}

@InputType({ description: 'A project that may no longer use a flavor that is not public.' })
export class FlavorAccessRemoveInput extends FlavorAccessAddInput {}
