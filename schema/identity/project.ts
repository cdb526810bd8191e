import { Field, GraphQLISODateTime, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { Node } from '../node.ts'

@ObjectType({
  implements: Node,
  description: 'A container of projects and users.',
  simpleResolvers: true,
})
export class Domain extends Node {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => Boolean, { description: 'Nobody of a disabled domain can sign in.' })
  enabled!: boolean
}

@ObjectType({
  implements: Node,
  description: 'The owner of resources and the unit of quota.',
  simpleResolvers: true,
})
export class Project extends Node {
  @Field(() => String, { description: 'Unique in its domain.' })
  name!: string

  @Field(() => Boolean, { description: 'Nobody can get a token for a disabled project.' })
  enabled!: boolean

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date
}

export const ProjectConnection = connectionOf('Project', () => Project)

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
}
