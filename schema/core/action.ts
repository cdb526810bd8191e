import { Field, ObjectType } from 'type-graphql'

@ObjectType({
  description: 'Something that can be done with a resource, and whether you may do it now.',
  simpleResolvers: true,
})
export class Action {
  @Field(() => String, { description: 'For example `stop`.' })
  name!: string

  @Field(() => Boolean, { description: 'Whether it would be accepted now.' })
  allowed!: boolean

  @Field(() => String, {
    nullable: true,
    description: 'Why it would be refused; null when allowed.',
  })
  reason!: string | null
}
