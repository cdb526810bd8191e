import { Field, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { enumOf } from '../enums.ts'

export const ProcessStateEnum = enumOf('ProcessState', 'Whether a process is alive.', {
  UP: 'It says so.',
  DOWN: 'It has been silent for too long.',
})

@ObjectType({ description: 'A process of the cloud.', simpleResolvers: true })
export class Process {
  @Field(() => ID, { description: 'Another one after each start; of an agent, its host’s.' })
  id!: string

  @Field(() => String, { description: 'The machine that it runs on.' })
  hostName!: string

  @Field(() => Int, { nullable: true, description: 'Its number there; null of an agent.' })
  pid!: number | null

  @Field(() => [String], { description: 'What it does: api, scheduler, conductor, agent.' })
  roles!: string[]

  @Field(() => String, { nullable: true, description: 'Of the software; null of an agent.' })
  version!: string | null

  @Field(() => ProcessStateEnum, { description: 'Whether it is alive.' })
  state!: 'UP' | 'DOWN'

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it started.' })
  startedAt!: Date | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was heard of last.' })
  heartbeatAt!: Date | null
}

export const ProcessConnection = connectionOf('Process', () => Process)
