import { Field, ID, InterfaceType } from 'type-graphql'

@InterfaceType({
  description: 'Anything that has an id of its own.',
  resolveType: (value: { typeName?: string }) => value.typeName,
})
export abstract class Node {
  @Field(() => ID, { description: 'A UUIDv7; treat it as opaque.' })
  id!: string
}
