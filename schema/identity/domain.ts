import { IsOptional } from 'class-validator'
import { Field, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

@ObjectType({
  implements: Resource,
  description: 'A container of projects, users and groups, and an administrative boundary.',
  simpleResolvers: true,
})
export class Domain extends Resource {
  @Field(() => String, { description: 'Unique in the cloud, whatever the case.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string

  @Field(() => Boolean, {
    description: 'Nobody of a disabled domain can sign in, and nobody to its projects.',
  })
  enabled!: boolean
}

export const DomainConnection = connectionOf('Domain', () => Domain)
export const DomainChange = changeOf('Domain', () => Domain)
export const DomainPayload = payloadOf('Domain', () => Domain)

@InputType({ description: 'Which domains; all that is given must hold.' })
export class DomainFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are enabled.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'A new domain.' })
export class DomainCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'What shall change of a domain; what is left out stays.' })
export class DomainUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'False ends the tokens of its users and for its projects at once.',
  })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'A domain to delete: a disabled one without projects.' })
export class DomainDeleteInput extends UpdateInput {}
