import { Field, Int, ObjectType } from 'type-graphql'
import { FilterCount } from '../core/error.ts'

@ObjectType({
  description: 'Where placement would put a server, and what refused it.',
  simpleResolvers: true,
})
export class Placement {
  @Field(() => Int, { description: 'Hosts of the cloud.' })
  hostsTotal!: number

  @Field(() => Int, { description: 'Hosts that could take the server.' })
  hostsPassed!: number

  @Field(() => [FilterCount], {
    description: 'What each filter did with the hosts that reached it.',
  })
  filters!: FilterCount[]
}
