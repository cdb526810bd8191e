import { IsInt, IsOptional, IsUUID, Length, Max, MaxLength, Min } from 'class-validator'
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql'
import { enumOf } from '../enums.ts'

export const DEFAULT_FIRST = 50
export const MAX_FIRST = 200
/** The longest name of a resource, as OpenStack has it. */
export const MAX_NAME_LENGTH = 255

export const OrderDirectionEnum = enumOf('OrderDirection', 'Upwards or downwards.', ['ASC', 'DESC'])

@ArgsType()
export class PageArgs {
  @Field(() => Int, { defaultValue: DEFAULT_FIRST, description: `Rows of the page, 1 to ${MAX_FIRST}.` })
  @IsInt()
  @Min(1)
  @Max(MAX_FIRST)
  first!: number

  @Field(() => String, { nullable: true, description: 'The cursor behind which the page begins.' })
  @IsOptional()
  @MaxLength(1024)
  after?: string | null
}

@InputType({ description: 'Conditions on a text; all that are given must hold.' })
export class StringFilterInput {
  @Field(() => String, { nullable: true, description: 'Equals.' })
  eq?: string | null

  @Field(() => [String], { nullable: true, description: 'Is one of these.' })
  in?: string[] | null

  @Field(() => String, { nullable: true, description: 'Contains, whatever the case.' })
  contains?: string | null
}

@InputType({ description: 'What every keyed mutation takes.' })
export class KeyedInput {
  @Field(() => String, {
    nullable: true,
    description:
      'Chosen by the client: a repetition with the same key and arguments gets the first answer again, with others CONFLICT.',
  })
  @IsOptional()
  @Length(1, 255)
  idempotencyKey?: string | null
}

@InputType({ description: 'What every action on a resource takes.' })
export class ActionInput extends KeyedInput {
  @Field(() => ID, { description: 'The id of the resource.' })
  @IsUUID()
  id!: string

  @Field(() => Int, {
    nullable: true,
    description: 'Only if the resource is still at this version; otherwise CONFLICT.',
  })
  @IsOptional()
  @IsInt()
  ifVersion?: number | null
}
