import { Field, GraphQLISODateTime, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { UpdateInput } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { payloadOf } from '../payload.ts'

export const CellStatusEnum = enumOf('CellStatus', 'Whether a cell answers.', {
  UP: 'Its database answers.',
  DOWN: 'It does not answer: what it has is missing from lists.',
})

@ObjectType({
  description:
    'A database, a broker and hosts. A server lives in one cell; the first has what belongs to none.',
  simpleResolvers: true,
})
export class Cell {
  @Field(() => ID, { description: 'Its id.' })
  id!: string

  @Field(() => String, { description: 'As the settings of the API name it.' })
  name!: string

  @Field(() => Boolean, { description: 'New servers may come into it.' })
  enabled!: boolean

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date
}

export const CellConnection = connectionOf('Cell', () => Cell)
export const CellPayload = payloadOf('Cell', () => Cell)

@InputType({ description: 'A change of a cell.' })
export class CellUpdateInput extends UpdateInput {
  @Field(() => Boolean, { description: 'Whether new servers may come into it.' })
  enabled!: boolean
}
