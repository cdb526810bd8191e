import { IsOptional, IsUUID } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsName,
  IsText,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'
import { StringMapScalar } from '../string-map.ts'

const METADATA =
  'What placement reads: `filter_tenant_id` keeps its hosts for projects, other keys answer extra specs of flavors and properties of images.'

@ObjectType({
  implements: Resource,
  description: 'Hosts with something in common; with a zone they are an availability zone.',
  simpleResolvers: true,
})
export class Aggregate extends Resource {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => String, { nullable: true, description: 'The zone of its hosts; null: none.' })
  availabilityZone!: string | null

  @Field(() => StringMapScalar, { description: METADATA })
  metadata!: unknown
}

export const AggregateConnection = connectionOf('Aggregate', () => Aggregate)
export const AggregateChange = changeOf('Aggregate', () => Aggregate)
export const AggregatePayload = payloadOf('Aggregate', () => Aggregate)

@InputType({ description: 'Which aggregates; all that is given must hold.' })
export class AggregateFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => StringFilterInput, { nullable: true, description: 'By zone.' })
  @IsOptional()
  availabilityZone?: StringFilterInput | null
}

@InputType({ description: 'A new aggregate, without hosts.' })
export class AggregateCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters; unique.` })
  @IsName()
  name!: string

  @Field(() => String, { nullable: true, description: 'Makes it an availability zone.' })
  @IsOptional()
  @IsText(0, MAX_NAME_LENGTH)
  availabilityZone?: string | null

  @Field(() => StringMapScalar, { nullable: true, description: METADATA })
  @IsOptional()
  metadata?: Record<string, string> | null
}

@InputType({ description: 'What shall change of an aggregate; what is left out stays.' })
export class AggregateUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, {
    nullable: true,
    description:
      'Another zone; an empty text takes it away. Refused while servers are there that asked for the old one.',
  })
  @IsOptional()
  @IsText(0, MAX_NAME_LENGTH)
  availabilityZone?: string | null

  @Field(() => StringMapScalar, {
    nullable: true,
    description: 'All of it: what is left out goes.',
  })
  @IsOptional()
  metadata?: Record<string, string> | null
}

@InputType({ description: 'An aggregate to delete: one without hosts.' })
export class AggregateDeleteInput extends UpdateInput {}

@InputType({ description: 'An aggregate, and a host that comes into it.' })
export class AggregateHostAddInput extends UpdateInput {
  @Field(() => ID, { description: 'The id of the host.' })
  @IsUUID()
  hostId!: string
}

@InputType({ description: 'An aggregate, and a host that leaves it.' })
export class AggregateHostRemoveInput extends UpdateInput {
  @Field(() => ID, { description: 'The id of the host.' })
  @IsUUID()
  hostId!: string
}
