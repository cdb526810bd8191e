import { IsInt, IsOptional, IsUUID, Matches, Min } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, Int, ObjectType } from 'type-graphql'
import { type EndpointInterface, MAX_URL_LENGTH } from '../../services/identity/endpoint.ts'
import { connectionOf } from '../connection.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsOptionalId,
  IsText,
  KeyedInput,
  MAX_NAME_LENGTH,
  UpdateInput,
} from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'
import { payloadOf } from '../payload.ts'

export const EndpointInterfaceEnum = enumOf('EndpointInterface', 'Who an endpoint is meant for.', {
  PUBLIC: 'Everybody.',
  INTERNAL: 'Services and servers inside of the cloud.',
  ADMIN: 'Operators.',
} satisfies Record<EndpointInterface, string>)

const REGION_ID = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,62}$/u
const REGION_WORDS = '1 to 63 letters, digits, dots, dashes and underscores.'

function IsRegionId(): PropertyDecorator {
  return Matches(REGION_ID, { message: `$property must have ${REGION_WORDS.slice(0, -1)}` })
}

@ObjectType({
  implements: Node,
  description: 'A part of the cloud that has endpoints of its own. Regions form trees.',
  simpleResolvers: true,
})
export class Region extends Node {
  @Field(() => String, { description: 'What it is.' })
  description!: string

  @Field(() => ID, { nullable: true, description: 'The region that it is part of.' })
  parentRegionId!: string | null

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

@ObjectType({
  implements: Node,
  description: 'A service of the catalog.',
  simpleResolvers: true,
})
export class Service extends Node {
  @Field(() => String, { description: 'What it does, for example `compute`.' })
  type!: string

  @Field(() => String, { description: 'Unique among the services of its type.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string

  @Field(() => Boolean, { description: 'A disabled one is in no catalog.' })
  enabled!: boolean

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

@ObjectType({
  implements: Node,
  description: 'Where a service is reached.',
  simpleResolvers: true,
})
export class Endpoint extends Node {
  @Field(() => ID, { description: 'The service that is reached.' })
  serviceId!: string

  @Field(() => ID, { nullable: true, description: 'The region in which it is; null: in none.' })
  regionId!: string | null

  @Field(() => EndpointInterfaceEnum, { description: 'Who it is meant for.' })
  interface!: EndpointInterface

  @Field(() => String, {
    description: 'The address; `$(project_id)s` in it stands for the project of the token.',
  })
  url!: string

  @Field(() => Boolean, { description: 'A disabled one is in no catalog.' })
  enabled!: boolean

  @Field(() => Boolean, {
    description: "It follows the cloud's own address at every start, until somebody edits it.",
  })
  managed!: boolean

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

export const RegionConnection = connectionOf('Region', () => Region)
export const ServiceConnection = connectionOf('Service', () => Service)
export const EndpointConnection = connectionOf('Endpoint', () => Endpoint)
export const RegionPayload = payloadOf('Region', () => Region)
export const ServicePayload = payloadOf('Service', () => Service)
export const EndpointPayload = payloadOf('Endpoint', () => Endpoint)

@ObjectType({ description: 'An endpoint in a catalog.', simpleResolvers: true })
export class CatalogEndpoint {
  @Field(() => ID, { description: 'The id of the endpoint.' })
  id!: string

  @Field(() => EndpointInterfaceEnum, { description: 'Who it is meant for.' })
  interface!: EndpointInterface

  @Field(() => String, { nullable: true, description: 'The id of its region; null: in none.' })
  region!: string | null

  @Field(() => String, { description: 'The address, with the project of the token filled in.' })
  url!: string
}

@ObjectType({ description: 'A service in a catalog.', simpleResolvers: true })
export class CatalogService {
  @Field(() => ID, { description: 'The id of the service.' })
  id!: string

  @Field(() => String, { description: 'What it does, for example `compute`.' })
  type!: string

  @Field(() => String, { description: 'Its name.' })
  name!: string

  @Field(() => [CatalogEndpoint], { description: 'Where it is reached.' })
  endpoints!: CatalogEndpoint[]
}

@InputType({ description: 'Which regions; all that is given must hold.' })
export class RegionFilterInput {
  @Field(() => ID, { nullable: true, description: 'Those just below this region.' })
  @IsOptional()
  @IsRegionId()
  parentRegionId?: string | null
}

@InputType({ description: 'Which services; all that is given must hold.' })
export class ServiceFilterInput {
  @Field(() => String, { nullable: true, description: 'Of this type.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  type?: string | null

  @Field(() => String, { nullable: true, description: 'Of this name.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  name?: string | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are enabled.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'Which endpoints; all that is given must hold.' })
export class EndpointFilterInput {
  @Field(() => ID, { nullable: true, description: 'Those of this service.' })
  @IsOptionalId()
  serviceId?: string | null

  @Field(() => ID, { nullable: true, description: 'Those in this region.' })
  @IsOptional()
  @IsRegionId()
  regionId?: string | null

  @Field(() => EndpointInterfaceEnum, { nullable: true, description: 'Those meant for these.' })
  @IsOptional()
  interface?: EndpointInterface | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are enabled.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'A new region.' })
export class RegionCreateInput extends ChangeInput {
  @Field(() => ID, { description: `Its id, which stays: ${REGION_WORDS}` })
  @IsRegionId()
  id!: string

  @Field(() => String, { nullable: true, description: 'What it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => ID, { nullable: true, description: 'The region that it is part of.' })
  @IsOptional()
  @IsRegionId()
  parentRegionId?: string | null
}

/** As UpdateInput, but that the id of a region is a name. */
@InputType({ isAbstract: true })
class RegionInput extends KeyedInput {
  @Field(() => ID, { description: 'The id of the region.' })
  @IsText(1, MAX_NAME_LENGTH)
  id!: string

  @Field(() => Int, {
    nullable: true,
    description: 'Only if the region is still at this version; otherwise CONFLICT.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  ifVersion?: number | null

  @Field(() => Boolean, { nullable: true, description: 'Checks all and changes nothing.' })
  dryRun?: boolean | null
}

@InputType({ description: 'What shall change of a region; what is left out stays.' })
export class RegionUpdateInput extends RegionInput {
  @Field(() => String, { nullable: true, description: 'What it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => ID, { nullable: true, description: 'The region that it is part of.' })
  @IsOptional()
  @IsRegionId()
  parentRegionId?: string | null
}

@InputType({ description: 'A region to delete: one with nothing in it.' })
export class RegionDeleteInput extends RegionInput {}

@InputType({ description: 'A new service.' })
export class ServiceCreateInput extends ChangeInput {
  @Field(() => String, { description: 'What it does, for example `compute`.' })
  @IsName()
  type!: string

  @Field(() => String, { description: 'Unique among the services of its type.' })
  @IsName()
  name!: string

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'What shall change of a service; what is left out stays.' })
export class ServiceUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: 'What it does, for example `compute`.' })
  @IsOptional()
  @IsName()
  type?: string | null

  @Field(() => String, { nullable: true, description: 'Unique among the services of its type.' })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, { nullable: true, description: 'False takes it out of all catalogs.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'A service to delete; its endpoints go with it.' })
export class ServiceDeleteInput extends UpdateInput {}

@InputType({ description: 'A new endpoint.' })
export class EndpointCreateInput extends ChangeInput {
  @Field(() => ID, { description: 'The service that is reached.' })
  @IsUUID()
  serviceId!: string

  @Field(() => ID, { nullable: true, description: 'The region in which it is.' })
  @IsOptional()
  @IsRegionId()
  regionId?: string | null

  @Field(() => EndpointInterfaceEnum, { description: 'Who it is meant for.' })
  interface!: EndpointInterface

  @Field(() => String, {
    description:
      'The address, http or https, without user and password; `$(project_id)s` in it stands for the project of the token.',
  })
  @IsText(1, MAX_URL_LENGTH)
  url!: string

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({
  description:
    'What shall change of an endpoint; what is left out stays. It no longer follows the cloud’s own address.',
})
export class EndpointUpdateInput extends UpdateInput {
  @Field(() => ID, { nullable: true, description: 'The region in which it is.' })
  @IsOptional()
  @IsRegionId()
  regionId?: string | null

  @Field(() => EndpointInterfaceEnum, { nullable: true, description: 'Who it is meant for.' })
  @IsOptional()
  interface?: EndpointInterface | null

  @Field(() => String, { nullable: true, description: 'The address, as when it was made.' })
  @IsOptional()
  @IsText(1, MAX_URL_LENGTH)
  url?: string | null

  @Field(() => Boolean, { nullable: true, description: 'False takes it out of all catalogs.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'An endpoint to delete.' })
export class EndpointDeleteInput extends UpdateInput {}
