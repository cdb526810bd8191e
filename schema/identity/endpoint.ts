import { IsOptional, IsUUID } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { type EndpointInterface, MAX_URL_LENGTH } from '../../services/identity/endpoint.ts'
import { connectionOf } from '../connection.ts'
import { ChangeInput, IsOptionalId, IsText, MayBeEmptied, UpdateInput } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'
import { IsRegionId } from './region.ts'

export const EndpointInterfaceEnum = enumOf('EndpointInterface', 'Who an endpoint is meant for.', {
  PUBLIC: 'Everybody.',
  INTERNAL: 'Services and servers inside of the cloud.',
  ADMIN: 'Operators.',
} satisfies Record<EndpointInterface, string>)

@ObjectType({
  implements: Resource,
  description: 'Where a service is reached.',
  simpleResolvers: true,
})
export class Endpoint extends Resource {
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
}

export const EndpointConnection = connectionOf('Endpoint', () => Endpoint)

export const EndpointPayload = payloadOf('Endpoint', () => Endpoint)

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
  @Field(() => ID, {
    nullable: true,
    description: 'The region in which it is; empty for none.',
  })
  @MayBeEmptied()
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
