import { IsInt, IsOptional, Matches, Max, MaxLength, Min } from 'class-validator'
import { Field, GraphQLISODateTime, InputType, Int, ObjectType } from 'type-graphql'
import {
  DEFAULT_JOIN_SECONDS,
  HOST_NAME,
  MAX_JOIN_SECONDS,
} from '../../services/compute/host-join.ts'
import { MAX_NAME_LENGTH } from '../core/input.ts'

@InputType({ description: 'A word with which one host may join.' })
export class HostJoinTokenCreateInput {
  @Field(() => String, {
    nullable: true,
    description:
      'The only host that may use it, also when it is in the cloud and was installed anew.',
  })
  @IsOptional()
  @Matches(HOST_NAME)
  hostName?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'The name of the cell that the host will be in; the first one if not said.',
  })
  @IsOptional()
  @MaxLength(MAX_NAME_LENGTH)
  cell?: string | null

  @Field(() => Int, {
    defaultValue: DEFAULT_JOIN_SECONDS,
    description: `How long it is good, in seconds; at most ${MAX_JOIN_SECONDS}.`,
  })
  @IsInt()
  @Min(60)
  @Max(MAX_JOIN_SECONDS)
  validSeconds!: number
}

@ObjectType({ description: 'A word with which one host may join.', simpleResolvers: true })
export class HostJoinTokenCreatePayload {
  @Field(() => String, { description: 'Shown once: give it to `nepho host join` on the host.' })
  secret!: string

  @Field(() => GraphQLISODateTime, { description: 'Until when it is good.' })
  expiresAt!: Date
}
