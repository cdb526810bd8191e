import { IsInt, IsOptional, IsUUID, Min } from 'class-validator'
import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql'
import { ChangeInput, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { payloadOf } from '../payload.ts'

@ObjectType({
  description: 'What a project may have of a resource, and has.',
  simpleResolvers: true,
})
export class Quota {
  @Field(() => ID, { description: 'The project whose it is.' })
  projectId!: string

  @Field(() => String, { description: 'For example `compute.instances`.' })
  resource!: string

  @Field(() => Int, {
    description:
      'What the project and those below it may have in all; -1 is no limit. It may be less than what is used: then nothing more can be had until enough is gone.',
  })
  limit!: number

  @Field(() => Boolean, {
    description: 'The project has no limit of its own: it is the registered one.',
  })
  default!: boolean

  @Field(() => Int, { description: 'In use now.' })
  used!: number

  @Field(() => Int, { description: 'Held for what is being made.' })
  reserved!: number

  @Field(() => Int, {
    description: 'Used and reserved in the project and all below it: what the limit is about.',
  })
  treeUsed!: number
}

export const QuotaPayload = payloadOf('Quota', () => Quota)

@InputType({ description: 'A limit of a project.' })
export class QuotaSetInput extends ChangeInput {
  @Field(() => ID, { description: 'The project.' })
  @IsUUID()
  projectId!: string

  @Field(() => String, { description: 'One that has a registered limit: `compute.instances`.' })
  @IsText(1, MAX_NAME_LENGTH)
  resource!: string

  @Field(() => Int, {
    nullable: true,
    description:
      '-1 is no limit, null resets it to the registered one. At most what the project above may have; less than what is used is accepted, and then nothing more can be had until enough is gone.',
  })
  @IsOptional()
  @IsInt()
  @Min(-1)
  limit!: number | null
}

@ObjectType({
  description:
    'Something in the books of quotas that is not as it must be. Counters are mended by themselves within minutes; each finding is a defect to report.',
  simpleResolvers: true,
})
export class QuotaFinding {
  @Field(() => ID, { description: 'The project whose books they are.' })
  projectId!: string

  @Field(() => String, { description: 'For example `compute.instances`.' })
  resource!: string

  @Field(() => String, {
    description:
      'What is wrong: a counter (`used`, `reserved`, `treeUsed`), a claim that is not what its owner takes (`owner`), or one that is still reserved though its owner is made (`state`).',
  })
  what!: string

  @Field(() => Float, { description: 'What the counter says, or what the owner takes.' })
  counter!: number

  @Field(() => Float, { description: 'What the claims add up to.' })
  claimed!: number

  @Field(() => ID, { nullable: true, description: 'Whose claim it is; null for a counter.' })
  ownerId!: string | null
}
