import { Field, Float, GraphQLISODateTime, Int, ObjectType } from 'type-graphql'
import { BigIntScalar } from '../bigint.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'

export const HostStatusEnum = enumOf('HostStatus', 'Whether its agent reports.', {
  UP: 'Its agent reports.',
  DOWN: 'Its agent has been silent for too long.',
})

@ObjectType({ description: 'How much of a resource class a host has.', simpleResolvers: true })
export class HostInventory {
  @Field(() => String, { description: 'VCPU, MEMORY_MB (in MiB) or DISK_GB (in GiB).' })
  resource!: string

  @Field(() => BigIntScalar, { description: 'What the host has.' })
  total!: bigint

  @Field(() => BigIntScalar, { description: 'What servers hold of it.' })
  used!: bigint

  @Field(() => BigIntScalar, { description: 'What is kept for the host itself.' })
  reserved!: bigint

  @Field(() => Float, { description: '(total - reserved) times this can be promised to servers.' })
  allocationRatio!: number
}

@ObjectType({ description: 'A fact about a host, found by trying.', simpleResolvers: true })
export class Capability {
  @Field(() => String, { description: 'What the fact is about, for example `accelerator`.' })
  name!: string

  @Field(() => String, { description: 'What was found.' })
  value!: string
}

@ObjectType({
  implements: Node,
  description: 'A machine that runs servers.',
  simpleResolvers: true,
})
export class Host extends Node {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => HostStatusEnum, { description: 'Whether its agent reports.' })
  status!: 'UP' | 'DOWN'

  @Field(() => Boolean, { description: 'A disabled host gets no new servers.' })
  enabled!: boolean

  @Field(() => String, { nullable: true, description: 'Why it is disabled.' })
  disabledReason!: string | null

  @Field(() => String, { description: 'Its compute driver, for example `qemu`.' })
  driver!: string

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When its agent reported last.' })
  heartbeatAt!: Date | null

  @Field(() => [Capability], { description: 'What it can and can not do.' })
  capabilities!: Capability[]

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it joined.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

export const HostConnection = connectionOf('Host', () => Host)
export const HostChange = changeOf('Host', () => Host)
