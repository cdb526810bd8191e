import { Field, ID, ObjectType } from 'type-graphql'
import type { EndpointInterface } from '../../services/identity/endpoint.ts'
import { EndpointInterfaceEnum } from './endpoint.ts'

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
