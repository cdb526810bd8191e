import { Field, ObjectType } from 'type-graphql'

/** The answer to what changes a resource: `<Name>Payload { <field> }`. */
export function payloadOf<T extends object>(name: string, node: () => new () => T) {
  const field = name[0]?.toLowerCase() + name.slice(1)

  @ObjectType(`${name}Payload`, {
    description: `The answer to what changes a ${name}.`,
    simpleResolvers: true,
  })
  class Payload {
    @Field(node, {
      name: field,
      simple: false,
      nullable: true,
      description: `The ${name} as it is now; null once it is gone, and in a dry run of its making.`,
    })
    row!: T | null
  }
  return Payload
}
