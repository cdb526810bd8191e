import { Field, GraphQLISODateTime, Int, InterfaceType } from 'type-graphql'
import { Node } from './node.ts'

@InterfaceType({
  implements: Node,
  description:
    'Anything that is made and changed: with a version, which tells one change from the next.',
  resolveType: (value: { typeName?: string }) => value.typeName,
})
export abstract class Resource extends Node {
  @Field(() => Int, { description: 'Goes up with every change; give it as `ifVersion`.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}
