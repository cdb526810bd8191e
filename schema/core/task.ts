import { Field, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql'
import type { StepStatus, TaskStatus } from '../../services/core/task.ts'
import { BigIntScalar } from '../bigint.ts'
import { connectionOf } from '../connection.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'
import { changeOf } from './change.ts'
import { TaskError } from './error.ts'

export const TaskStatusEnum = enumOf(
  'TaskStatus',
  'How far a task is: QUEUED, RUNNING, perhaps UNWINDING, and one of three ends.',
  {
    QUEUED: 'Nobody works on it yet.',
    RUNNING: 'Its steps are being done, or wait for their next try.',
    UNWINDING: 'It failed; what its steps did is being taken back.',
    SUCCEEDED: 'All of its steps are done.',
    FAILED: 'It gave up; `error` says why.',
    CANCELLED: 'A later task interrupted it and took over.',
  } satisfies Record<TaskStatus, string>,
)
export const TaskStepStatusEnum = enumOf('TaskStepStatus', 'How far a step is.', {
  PENDING: 'Its turn has not come.',
  RUNNING: 'It is being done.',
  DONE: 'It is done.',
  FAILED: 'It could not be done.',
  UNDOING: 'What it did is being taken back.',
  UNDONE: 'What it did is taken back.',
} satisfies Record<StepStatus, string>)

@ObjectType({ description: 'A step of a task.', simpleResolvers: true })
export class TaskStep {
  @Field(() => String, { description: 'What it does, in a word.' })
  name!: string

  @Field(() => TaskStepStatusEnum, { description: 'How far it is.' })
  status!: StepStatus

  @Field(() => Int, { description: 'Tries that failed so far.' })
  attempts!: number

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it began.' })
  startedAt!: Date | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ended.' })
  finishedAt!: Date | null

  @Field(() => String, { nullable: true, description: 'What it found or why it failed, in words.' })
  message!: string | null
}

@ObjectType({
  description: 'How far the step at hand is, of those steps that can tell.',
  simpleResolvers: true,
})
export class TaskProgress {
  @Field(() => BigIntScalar, { description: 'What is done, in bytes.' })
  doneBytes!: number

  @Field(() => BigIntScalar, {
    description:
      'What there is to do, in bytes, as far as is known: of a running guest it may grow.',
  })
  totalBytes!: number
}

@ObjectType({
  implements: Node,
  description:
    'Work that goes on after a mutation answered: durable, in steps, with a deadline and an undo.',
  simpleResolvers: true,
})
export class Task extends Node {
  @Field(() => String, { description: 'What it does, for example `server.create`.' })
  kind!: string

  @Field(() => TaskStatusEnum, { description: 'How far it is.' })
  status!: TaskStatus

  @Field(() => String, { description: 'The type of the resource that it works on.' })
  resourceType!: string

  @Field(() => ID, { description: 'The id of the resource that it works on.' })
  resourceId!: string

  @Field(() => String, { nullable: true, description: 'What it waits for now, in words.' })
  waitingFor!: string | null

  @Field(() => TaskProgress, {
    nullable: true,
    description: 'How far the step at hand is; null when it does not tell.',
  })
  progress!: unknown

  @Field(() => TaskError, {
    nullable: true,
    description: 'Why it failed, or what it unwinds from.',
  })
  error!: TaskError | null

  @Field(() => String, { nullable: true, description: 'The request that asked for it.' })
  requestId!: string | null

  @Field(() => GraphQLISODateTime, { description: 'When it gives up.' })
  deadlineAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it was asked for.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When work on it began.' })
  startedAt!: Date | null

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ended.' })
  finishedAt!: Date | null

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number
}

export const TaskConnection = connectionOf('Task', () => Task)
export const TaskChange = changeOf('Task', () => Task)
