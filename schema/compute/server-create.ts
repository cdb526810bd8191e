import {
  ArrayMaxSize,
  IsInt,
  IsOptional,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { MAX_COUNT } from '../../services/compute/servers-create.ts'
import {
  IsDescription,
  IsName,
  IsOptionalId,
  IsText,
  KeyedInput,
  MAX_NAME_LENGTH,
} from '../core/input.ts'
import { StringMapScalar } from '../string-map.ts'
import { Plan } from './server.ts'

/** More than may be given: what is right is said by the command, in better words. */
const MAX_GIVEN_TAGS = 200
const MAX_GIVEN_TAG = 255
const MAX_GIVEN_HINTS = 200
const MAX_USER_DATA = 100_000
const MAX_PASSWORD = 128

@InputType({ description: 'Where a server goes, by where others are.' })
export class ServerHintsInput {
  @Field(() => [ID], { nullable: true, description: 'On a host of one of these servers.' })
  @IsOptional()
  @ArrayMaxSize(MAX_GIVEN_HINTS)
  @IsUUID(undefined, { each: true })
  sameHost?: string[] | null

  @Field(() => [ID], { nullable: true, description: 'On a host that has none of these servers.' })
  @IsOptional()
  @ArrayMaxSize(MAX_GIVEN_HINTS)
  @IsUUID(undefined, { each: true })
  differentHost?: string[] | null
}

@InputType({ description: 'What new servers are given.' })
class NewServerInput extends KeyedInput {
  @Field(() => ID, { description: 'Its size.' })
  @IsUUID()
  flavorId!: string

  @Field(() => ID, { description: 'The disk that it starts from: an image, or a snapshot.' })
  @IsUUID()
  imageId!: string

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => StringMapScalar, {
    nullable: true,
    description: 'Words for its guest and its users: at most 128, of 255 characters each.',
  })
  @IsOptional()
  metadata?: Record<string, string> | null

  @Field(() => [String], {
    nullable: true,
    description: 'Words to find it by: at most 50, of 60 characters, without comma and slash.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_GIVEN_TAGS)
  @IsText(0, MAX_GIVEN_TAG, { each: true })
  tags?: string[] | null

  @Field(() => String, {
    nullable: true,
    description: 'The name of a key pair of yours: the guest lets its public key in.',
  })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  keypairName?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'What the guest runs or reads at its first boot: base64, at most 65,535 letters.',
  })
  @IsOptional()
  @MaxLength(MAX_USER_DATA)
  userData?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether it has a disk (config-2) that tells its guest all this. By default it has one when there is something to tell.',
  })
  @IsOptional()
  configDrive?: boolean | null

  @Field(() => String, {
    nullable: true,
    description: `The password of the guest's administrator, 1 to ${MAX_PASSWORD} characters; told to the guest, and forgotten.`,
  })
  @IsOptional()
  @IsText(1, MAX_PASSWORD)
  @Matches(/^\P{Cc}*$/u, { message: '$property must have no control characters' })
  adminPassword?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'Where it goes: a zone. For operators also `zone:host`.',
  })
  @IsOptional()
  @Length(1, MAX_NAME_LENGTH)
  availabilityZone?: string | null

  @Field(() => ID, { nullable: true, description: 'The host that it goes to. For operators.' })
  @IsOptionalId()
  hostId?: string | null

  @Field(() => ID, { nullable: true, description: 'The server group that it belongs to.' })
  @IsOptionalId()
  groupId?: string | null

  @Field(() => ServerHintsInput, { nullable: true, description: 'Near to others, or not.' })
  @IsOptional()
  @ValidateNested()
  hints?: ServerHintsInput | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'Change nothing; answer with the plan: quota and placement.',
  })
  @IsOptional()
  dryRun?: boolean | null
}

@InputType({ description: 'A new server.' })
export class ServerCreateInput extends NewServerInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string
}

@InputType({ description: 'Several new servers that differ by their names only.' })
export class ServersCreateInput extends NewServerInput {
  @Field(() => String, { description: 'Their names are this and `-1`, `-2` ...' })
  @IsName()
  name!: string

  @Field(() => Int, { description: `How many, 1 to ${MAX_COUNT}.` })
  @IsInt()
  @Min(1)
  @Max(MAX_COUNT)
  count!: number

  @Field(() => Int, {
    nullable: true,
    description:
      'How many at least, when the quota has no room for all; by default all or none. When there is no room for so many either, none is made.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_COUNT)
  minCount?: number | null
}

@ObjectType({ description: 'The answer to `serversCreate`.', simpleResolvers: true })
export class ServersCreatePayload {
  serverIds!: string[]
  taskIds!: string[]

  @Field(() => Plan, {
    nullable: true,
    description: 'Only of a dry run. Placement is what it says of the first of them.',
  })
  plan!: Plan | null
}
