import { Field, Int, ObjectType } from 'type-graphql'

@ObjectType({
  description: 'What a project may have of a resource, and has.',
  simpleResolvers: true,
})
export class Quota {
  @Field(() => String, { description: 'For example `compute.instances`.' })
  resource!: string

  @Field(() => Int, { description: '-1 is no limit.' })
  limit!: number

  @Field(() => Int, { description: 'In use now.' })
  used!: number

  @Field(() => Int, { description: 'Held for what is being made.' })
  reserved!: number
}
