import { ArrayMaxSize, IsOptional } from 'class-validator'
import { Field, InputType } from 'type-graphql'
import { IsDescription, IsName, IsText, MAX_NAME_LENGTH, UpdateInput } from '../core/input.ts'
import { StringMapScalar } from '../string-map.ts'

/** More than may be given: what is right is said by the command, in better words. */
const MAX_GIVEN_TAGS = 200
const MAX_GIVEN_TAG = 255

@InputType({ description: 'What shall change of a server; what is left out stays.' })
export class ServerUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for; empty takes it away.' })
  @IsDescription()
  description?: string | null

  @Field(() => StringMapScalar, {
    nullable: true,
    description: 'All of its metadata, instead of what it has: at most 128 pairs.',
  })
  @IsOptional()
  metadata?: Record<string, string> | null

  @Field(() => [String], {
    nullable: true,
    description: 'All of its tags, instead of those it has: at most 50, without comma and slash.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_GIVEN_TAGS)
  @IsText(0, MAX_GIVEN_TAG, { each: true })
  tags?: string[] | null
}
