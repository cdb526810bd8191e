import { ArrayMaxSize, IsOptional, IsUUID } from 'class-validator'
import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql'
import { FilterCount, NearestMiss, Shortfall } from '../core/error.ts'
import { IsName, IsOptionalId } from '../core/input.ts'

const MAX_HINTED = 50

@ObjectType({
  description: 'What placement found of one host.',
  simpleResolvers: true,
})
export class PlacementHost {
  @Field(() => String, {
    nullable: true,
    description: 'Its name; null for those who may not see hosts.',
  })
  name!: string | null

  @Field(() => Boolean, { description: 'It could take the server.' })
  passed!: boolean

  @Field(() => String, { nullable: true, description: 'The first filter that refused it.' })
  refusedBy!: string | null

  @Field(() => String, { nullable: true, description: 'Why it was refused, in words.' })
  reason!: string | null

  @Field(() => [Shortfall], {
    description: 'What it lacks by that filter, where that is a matter of amounts.',
  })
  shortBy!: Shortfall[]

  @Field(() => Float, {
    nullable: true,
    description: 'How well it would do among those that passed; the highest is the best.',
  })
  weight!: number | null
}

@ObjectType({
  description: 'Where placement would put a server, and what refused it.',
  simpleResolvers: true,
})
export class Placement {
  @Field(() => Int, { description: 'Hosts of the cloud.' })
  hostsTotal!: number

  @Field(() => Int, { description: 'Hosts that could take the server, of those looked at.' })
  hostsPassed!: number

  @Field(() => [FilterCount], {
    description: 'What each filter did with the hosts that reached it.',
  })
  filters!: FilterCount[]

  @Field(() => NearestMiss, {
    nullable: true,
    description: 'When no host passed: the one that lacked least, and what would make it fit.',
  })
  nearestMiss!: NearestMiss | null

  @Field(() => Int, {
    nullable: true,
    description:
      'The host is drawn from so many of the best, so that schedulers side by side differ.',
  })
  drawnFrom!: number | null

  @Field(() => Int, {
    nullable: true,
    description: 'Of what a task keeps: in which attempt it was, from 1.',
  })
  attempt!: number | null
}

@InputType({ description: 'A server that might be made, or one that might move.' })
export class PlacementExplainInput {
  @Field(() => ID, {
    nullable: true,
    description: 'Its flavor; needed unless `serverId` is given, whose size is taken otherwise.',
  })
  @IsOptionalId()
  flavorId?: string | null

  @Field(() => ID, {
    nullable: true,
    description: 'Its image, whose properties count, and whose size if the flavor has no disk.',
  })
  @IsOptionalId()
  imageId?: string | null

  @Field(() => ID, {
    nullable: true,
    description: 'A server of the project: where it could go from where it is.',
  })
  @IsOptionalId()
  serverId?: string | null

  @Field(() => String, { nullable: true, description: 'The availability zone that is asked for.' })
  @IsOptional()
  @IsName()
  availabilityZone?: string | null

  @Field(() => ID, { nullable: true, description: 'The server group that it would join.' })
  @IsOptionalId()
  groupId?: string | null

  @Field(() => [ID], { nullable: true, description: 'Servers on one of whose hosts it has to be.' })
  @IsOptional()
  @ArrayMaxSize(MAX_HINTED)
  @IsUUID(undefined, { each: true })
  sameHost?: string[] | null

  @Field(() => [ID], { nullable: true, description: 'Servers on whose hosts it must not be.' })
  @IsOptional()
  @ArrayMaxSize(MAX_HINTED)
  @IsUUID(undefined, { each: true })
  differentHost?: string[] | null
}
