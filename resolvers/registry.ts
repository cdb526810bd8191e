/** Every resolver of the API. What is not in this table does not exist. */
import 'reflect-metadata'
import {
  GraphQLID,
  type GraphQLScalarType,
  type GraphQLSchema,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { buildSchema } from 'type-graphql'
import { ErrorDetails } from '../schema/core/error.ts'
import { isId } from '../services/id.ts'
import { AggregateResolver, HostAggregatesResolver } from './compute/aggregate.ts'
import { AvailabilityZoneResolver } from './compute/availability-zone.ts'
import { CellResolver, HostCellResolver } from './compute/cell.ts'
import { ConsoleResolver } from './compute/console.ts'
import { FlavorResolver } from './compute/flavor.ts'
import { HostResolver } from './compute/host.ts'
import {
  HostChangeResolver,
  HostMaintainPayloadResolver,
  PlannedMoveResolver,
} from './compute/host-change.ts'
import { HostJoinResolver } from './compute/host-join.ts'
import { KeypairResolver } from './compute/keypair.ts'
import { MigrationResolver, ServerMigrationsResolver } from './compute/migration.ts'
import { NearestMissResolver, PlacementResolver } from './compute/placement.ts'
import { ServerResolver } from './compute/server.ts'
import { ServerCreateResolver, ServersCreatePayloadResolver } from './compute/server-create.ts'
import { ServerFieldsResolver, ServerPayloadResolver } from './compute/server-fields.ts'
import { ServerGroupOfServerResolver, ServerGroupResolver } from './compute/server-group.ts'
import { ServerImageResolver, serverImagePayloadResolvers } from './compute/server-image.ts'
import { ServerMoveResolver } from './compute/server-move.ts'
import { ServerPowerResolver } from './compute/server-power.ts'
import { ServerRepairResolver } from './compute/server-repair.ts'
import { ServerUpdateResolver } from './compute/server-update.ts'
import { AuditResolver } from './core/audit.ts'
import { EventResolver } from './core/event.ts'
import { historyResolvers } from './core/histories.ts'
import { NodeResolver } from './core/node.ts'
import { ProcessResolver } from './core/process.ts'
import { TaskResolver } from './core/task.ts'
import { ApplicationCredentialResolver } from './identity/application-credential.ts'
import { SessionCatalogResolver, TokenCatalogResolver } from './identity/catalog.ts'
import { DomainResolver } from './identity/domain.ts'
import { Ec2CredentialResolver } from './identity/ec2-credential.ts'
import { EndpointResolver } from './identity/endpoint.ts'
import { GroupResolver } from './identity/group.ts'
import { IdentityProviderResolver } from './identity/identity-provider.ts'
import { PolicyResolver } from './identity/policy.ts'
import { ProjectResolver } from './identity/project.ts'
import { QuotaResolver } from './identity/quota.ts'
import { RegionResolver } from './identity/region.ts'
import { RegisteredLimitResolver } from './identity/registered-limit.ts'
import { RoleResolver } from './identity/role.ts'
import { RoleAssignmentResolver } from './identity/role-assignment.ts'
import { ServiceResolver } from './identity/service.ts'
import { SessionResolver, TokenResolver } from './identity/token.ts'
import { TotpResolver } from './identity/totp.ts'
import { TrustResolver } from './identity/trust.ts'
import { UserResolver } from './identity/user.ts'
import { ImageCreatePayloadResolver, ImagePayloadResolver, ImageResolver } from './image/image.ts'

const resolvers = [
  NodeResolver,
  EventResolver,
  TaskResolver,
  ProcessResolver,
  TokenResolver,
  SessionResolver,
  SessionCatalogResolver,
  TokenCatalogResolver,
  AuditResolver,
  PolicyResolver,
  RegionResolver,
  ServiceResolver,
  EndpointResolver,
  DomainResolver,
  ProjectResolver,
  UserResolver,
  GroupResolver,
  RoleResolver,
  RoleAssignmentResolver,
  QuotaResolver,
  RegisteredLimitResolver,
  ApplicationCredentialResolver,
  TrustResolver,
  Ec2CredentialResolver,
  TotpResolver,
  IdentityProviderResolver,
  ImageResolver,
  ImageCreatePayloadResolver,
  ImagePayloadResolver,
  FlavorResolver,
  KeypairResolver,
  HostResolver,
  HostJoinResolver,
  HostAggregatesResolver,
  AggregateResolver,
  AvailabilityZoneResolver,
  CellResolver,
  HostCellResolver,
  ServerGroupResolver,
  ServerGroupOfServerResolver,
  PlacementResolver,
  NearestMissResolver,
  ServerResolver,
  ServerFieldsResolver,
  ServerCreateResolver,
  ServersCreatePayloadResolver,
  ServerUpdateResolver,
  ServerPowerResolver,
  ServerMoveResolver,
  HostChangeResolver,
  HostMaintainPayloadResolver,
  PlannedMoveResolver,
  MigrationResolver,
  ServerMigrationsResolver,
  ServerImageResolver,
  ServerRepairResolver,
  ...serverImagePayloadResolvers,
  ConsoleResolver,
  ServerPayloadResolver,
  ...historyResolvers,
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
  readIdsInLowerCase(schema)
  for (const [name, description] of Object.entries(rootDescriptions)) {
    Object.assign(schema.getType(name) ?? {}, { description })
  }
  return schema
}

/**
 * A UUID means the same in whatever case (RFC 9562, 4), PostgreSQL answers in lower case, and code compares
 * texts. Other ids are names, and stay.
 */
function readIdsInLowerCase(schema: GraphQLSchema): void {
  const type = schema.getType('ID') as GraphQLScalarType
  const lower = (id: unknown) => (isId(id) ? id.toLowerCase() : id)
  const { parseValue, parseLiteral } = GraphQLID
  type.parseValue = (value) => lower(parseValue(value))
  type.parseLiteral = (node, variables) => lower(parseLiteral(node, variables))
}

/** The API as schema/schema.graphql holds it. */
export const apiText = async (): Promise<string> =>
  `${printSchema(lexicographicSortSchema(await buildApi()))}\n`
