import { Field, Int, ObjectType } from 'type-graphql'

@ObjectType({
  description: 'A part of the cloud that fails by itself: servers can ask for it.',
  simpleResolvers: true,
})
export class AvailabilityZone {
  @Field(() => String, { description: 'Its name, unique in the cloud.' })
  name!: string

  @Field(() => Boolean, { description: 'A host of it can take servers.' })
  available!: boolean

  @Field(() => Int, { description: 'Its hosts.' })
  hosts!: number
}
