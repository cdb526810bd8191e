/** Every resolver of the API. What is not in this table does not exist. */
import 'reflect-metadata'
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchema } from 'type-graphql'
import { ErrorDetails } from '../schema/core/error.ts'
import { FlavorResolver } from './compute/flavor.ts'
import { HostResolver } from './compute/host.ts'
import { ServerPayloadResolver, ServerResolver } from './compute/server.ts'
import { EventResolver } from './core/event.ts'
import { NodeResolver } from './core/node.ts'
import { TaskResolver } from './core/task.ts'
import { DomainResolver } from './identity/domain.ts'
import { ProjectResolver } from './identity/project.ts'
import { SessionResolver, TokenResolver } from './identity/token.ts'
import { ImageCreatePayloadResolver, ImagePayloadResolver, ImageResolver } from './image/image.ts'

const resolvers = [
  NodeResolver,
  EventResolver,
  TaskResolver,
  TokenResolver,
  SessionResolver,
  DomainResolver,
  ProjectResolver,
  ImageResolver,
  ImageCreatePayloadResolver,
  ImagePayloadResolver,
  FlavorResolver,
  HostResolver,
  ServerResolver,
  ServerPayloadResolver,
] as const

/** type-graphql wants one; our watches have sources of their own. */
const unused = {
  publish: () => {
    throw new Error('events are published by services/core/event.ts')
  },
  subscribe: () => {
    throw new Error('watches read from resolvers/watch.ts')
  },
}

/** type-graphql has no place to say it. */
const rootDescriptions = {
  Query: 'What can be read: at once, and as the caller may see it.',
  Mutation: 'What can be changed. An answer never waits for work: that is the task in it.',
  Subscription: 'What can be watched: how things are, then every change, resumable by cursor.',
}

export async function buildApi(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers,
    orphanedTypes: [ErrorDetails],
    validate: { forbidUnknownValues: false },
    emitSchemaFile: false,
    pubSub: unused,
  })
  for (const [name, description] of Object.entries(rootDescriptions)) {
    Object.assign(schema.getType(name) ?? {}, { description })
  }
  return schema
}

/** The API as schema/schema.graphql holds it. */
export const apiText = async (): Promise<string> =>
  `${printSchema(lexicographicSortSchema(await buildApi()))}\n`
