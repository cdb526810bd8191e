import {
  IsInt,
  IsOptional,
  IsUUID,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator'
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql'
import { isStorable } from '../../services/storable.ts'
import { enumOf } from '../enums.ts'

export const DEFAULT_FIRST = 50
export const MAX_FIRST = 200
/** The longest name of a resource, as OpenStack has it. */
export const MAX_NAME_LENGTH = 255
/** A cursor may hold the longest name, in the script that takes the most bytes. */
const MAX_CURSOR_LENGTH = 4096
const MAX_KEY_LENGTH = 255

/** What names must not hold: they are shown on terminals and written to logs. */
const CONTROL = /\p{Cc}/u

/** Text of `min` to `max` characters that can be stored. */
export function IsText(min: number, max: number, options?: { each: true }): PropertyDecorator {
  const validate = isStorable
  const message = '$property must be text without NUL and half characters'
  return (target, key) => {
    Length(min, max, options)(target, key)
    const validator = { validate, defaultMessage: () => message }
    ValidateBy({ name: 'isText', validator }, options)(target, key)
  }
}

/** A name that a person gave: not blank, on one line. */
export function IsName(): PropertyDecorator {
  const validate = (text: unknown) =>
    typeof text === 'string' && text.trim() !== '' && !CONTROL.test(text)
  const message = '$property must be a name: not blank, without control characters'
  return (target, key) => {
    IsText(1, MAX_NAME_LENGTH)(target, key)
    ValidateBy({ name: 'isName', validator: { validate, defaultMessage: () => message } })(
      target,
      key,
    )
  }
}

export const OrderDirectionEnum = enumOf('OrderDirection', 'Upwards or downwards.', {
  ASC: 'The smallest, oldest or first of the alphabet comes first.',
  DESC: 'The largest, newest or last of the alphabet comes first.',
})

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    defaultValue: DEFAULT_FIRST,
    description: `Rows of the page, 1 to ${MAX_FIRST}.`,
  })
  @IsInt()
  @Min(1)
  @Max(MAX_FIRST)
  first!: number

  @Field(() => String, { nullable: true, description: 'The cursor behind which the page begins.' })
  @IsOptional()
  @MaxLength(MAX_CURSOR_LENGTH)
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
  @IsText(1, MAX_KEY_LENGTH)
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
  @Min(1)
  ifVersion?: number | null
}

@InputType({ description: 'What every change without work behind it takes.' })
export class ChangeInput extends KeyedInput {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Checks all and changes nothing.',
  })
  dryRun?: boolean | null
}

@InputType({ description: 'What every change of a resource takes.' })
export class UpdateInput extends ActionInput {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Checks all and changes nothing.',
  })
  dryRun?: boolean | null
}

export const MAX_DESCRIPTION_LENGTH = 1024

/** Text about a thing: optional, may be empty, may have lines. */
export function IsDescription(): PropertyDecorator {
  return (target, key) => {
    IsOptional()(target, key)
    IsText(0, MAX_DESCRIPTION_LENGTH)(target, key)
  }
}

/** Beside what else is asked of it: left out it stays, and the empty text takes it away. */
export function MayBeEmptied(): PropertyDecorator {
  return ValidateIf((_, value) => value != null && value !== '')
}

/** Optional id of another resource. */
export function IsOptionalId(): PropertyDecorator {
  return (target, key) => {
    IsOptional()(target, key)
    IsUUID()(target, key)
  }
}
