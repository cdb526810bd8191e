import { Field, GraphQLISODateTime, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { Node } from '../node.ts'

@ObjectType({ implements: Node, description: 'A size of server.', simpleResolvers: true })
export class Flavor extends Node {
  @Field(() => String, { description: 'Unique in the cloud.' })
  name!: string

  @Field(() => String, { nullable: true, description: 'What it is meant for.' })
  description!: string | null

  @Field(() => Int, { description: 'Virtual processors.' })
  vcpus!: number

  @Field(() => Int, { description: 'Memory in MiB.' })
  memoryMiB!: number

  @Field(() => Int, { description: 'Root disk in GiB; 0: as large as the image.' })
  diskGiB!: number

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

export const FlavorConnection = connectionOf('Flavor', () => Flavor)
