import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql'
import { enumOf } from '../enums.ts'

export const changeKinds = {
  SNAPSHOT: 'How the resource is as the watch begins.',
  CREATED: 'It is new.',
  UPDATED: 'Something of it changed.',
  DELETED: 'It is gone; only its id is left.',
} as const
export type ChangeKind = keyof typeof changeKinds

export const ChangeKindEnum = enumOf('ChangeKind', 'What a watch tells of a resource.', changeKinds)

@ObjectType({
  description: 'Something that happened to a resource of the project.',
  simpleResolvers: true,
})
export class Event {
  @Field(() => String, { description: 'Give it as `after` to resume the watch behind this event.' })
  cursor!: string

  @Field(() => String, { description: 'For example `server.updated`.' })
  type!: string

  @Field(() => String, { description: 'The type of the resource, for example `server`.' })
  resourceType!: string

  @Field(() => ID, { description: 'The id of the resource.' })
  resourceId!: string

  @Field(() => ID, { nullable: true, description: 'Who caused it, when it was a request.' })
  userId!: string | null

  @Field(() => String, { nullable: true, description: 'The request that caused it.' })
  requestId!: string | null

  @Field(() => GraphQLISODateTime, { description: 'When it happened.' })
  at!: Date
}

/** The change type of a resource: `<Name>Change { cursor kind id <field> }`. */
export function changeOf<T extends object>(name: string, node: () => new () => T) {
  const field = name[0]?.toLowerCase() + name.slice(1)

  @ObjectType(`${name}Change`, {
    description: `What a watch tells of one ${name}.`,
    simpleResolvers: true,
  })
  class Change {
    @Field(() => String, {
      description: 'Give it as `after` to resume the watch behind this change.',
    })
    cursor!: string

    @Field(() => ChangeKindEnum, { description: 'What happened.' })
    kind!: ChangeKind

    @Field(() => ID, { description: `The id of the ${name}.` })
    id!: string

    @Field(node, {
      name: field,
      simple: false,
      nullable: true,
      description: `The ${name} as it is now; null once it is deleted.`,
    })
    row!: T | null
  }
  return Change
}
