import { IsInt, IsOptional, Matches, Min } from 'class-validator'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import {
  ChangeInput,
  IsDescription,
  IsText,
  KeyedInput,
  MAX_NAME_LENGTH,
  MayBeEmptied,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

const REGION_ID = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,62}$/u

const REGION_WORDS = '1 to 63 letters, digits, dots, dashes and underscores.'

/** The id of a region, chosen by people. */
export function IsRegionId(): PropertyDecorator {
  return Matches(REGION_ID, { message: `$property must have ${REGION_WORDS.slice(0, -1)}` })
}

@ObjectType({
  implements: Resource,
  description: 'A part of the cloud that has endpoints of its own. Regions form trees.',
  simpleResolvers: true,
})
export class Region extends Resource {
  @Field(() => String, { description: 'What it is.' })
  description!: string

  @Field(() => ID, { nullable: true, description: 'The region that it is part of.' })
  parentRegionId!: string | null
}

export const RegionConnection = connectionOf('Region', () => Region)

export const RegionPayload = payloadOf('Region', () => Region)

@InputType({ description: 'Which regions; all that is given must hold.' })
export class RegionFilterInput {
  @Field(() => ID, { nullable: true, description: 'Those just below this region.' })
  @IsOptional()
  @IsRegionId()
  parentRegionId?: string | null
}

@InputType({ description: 'A new region.' })
export class RegionCreateInput extends ChangeInput {
  @Field(() => ID, { description: `Its id, which stays: ${REGION_WORDS}` })
  @IsRegionId()
  id!: string

  @Field(() => String, { nullable: true, description: 'What it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => ID, { nullable: true, description: 'The region that it is part of.' })
  @IsOptional()
  @IsRegionId()
  parentRegionId?: string | null
}

/** As UpdateInput, but that the id of a region is a name. */
@InputType({ description: 'What every change of a region takes.' })
class RegionInput extends KeyedInput {
  @Field(() => ID, { description: 'The id of the region.' })
  @IsText(1, MAX_NAME_LENGTH)
  id!: string

  @Field(() => Int, {
    nullable: true,
    description: 'Only if the region is still at this version; otherwise CONFLICT.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  ifVersion?: number | null

  @Field(() => Boolean, { nullable: true, description: 'Checks all and changes nothing.' })
  dryRun?: boolean | null
}

@InputType({ description: 'What shall change of a region; what is left out stays.' })
export class RegionUpdateInput extends RegionInput {
  @Field(() => String, { nullable: true, description: 'What it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => ID, {
    nullable: true,
    description: 'The region that it is part of; empty for none.',
  })
  @MayBeEmptied()
  @IsRegionId()
  parentRegionId?: string | null
}

@InputType({ description: 'A region to delete: one with nothing in it.' })
export class RegionDeleteInput extends RegionInput {}
