import { IsOptional } from 'class-validator'
import { Field, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsText,
  MAX_NAME_LENGTH,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

@ObjectType({
  implements: Resource,
  description: 'A service of the catalog.',
  simpleResolvers: true,
})
export class Service extends Resource {
  @Field(() => String, { description: 'What it does, for example `compute`.' })
  type!: string

  @Field(() => String, { description: 'Unique among the services of its type.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string

  @Field(() => Boolean, { description: 'A disabled one is in no catalog.' })
  enabled!: boolean
}

export const ServiceConnection = connectionOf('Service', () => Service)

export const ServicePayload = payloadOf('Service', () => Service)

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
