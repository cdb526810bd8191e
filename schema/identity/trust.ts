import {
  ArrayMaxSize,
  ArrayMinSize,
  IsDate,
  IsInt,
  IsOptional,
  IsUUID,
  Max,
  Min,
} from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, Int, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { ChangeInput, IsOptionalId, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'
import { payloadOf } from '../payload.ts'
import { MAX_ROLES } from './application-credential.ts'

@ObjectType({
  implements: Node,
  description:
    'The trustor lets the trustee act in a project with some of the trustor’s roles, as long as the trustor has them.',
  simpleResolvers: true,
})
export class Trust extends Node {
  @Field(() => ID, { description: 'Who gave it.' })
  trustorUserId!: string

  @Field(() => ID, { description: 'Who may use it.' })
  trusteeUserId!: string

  @Field(() => ID, { description: 'The project that its tokens are for.' })
  projectId!: string

  @Field(() => Boolean, { description: 'Whether its tokens are the trustor’s, by user.' })
  impersonation!: boolean

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it ends, and its tokens with it; null: never.',
  })
  expiresAt!: Date | null

  @Field(() => Int, {
    nullable: true,
    description: 'How many more tokens it is good for; null: any number.',
  })
  remainingUses!: number | null

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date
}

export const TrustConnection = connectionOf('Trust', () => Trust)
export const TrustPayload = payloadOf('Trust', () => Trust)

export type TrustSide = 'TRUSTOR' | 'TRUSTEE'
export const TrustSideEnum = enumOf('TrustSide', 'On which side of a trust somebody is.', {
  TRUSTOR: 'Gave it.',
  TRUSTEE: 'May use it.',
} satisfies Record<TrustSide, string>)

@InputType({ description: 'Which trusts; all that is given must hold.' })
export class TrustFilterInput {
  @Field(() => TrustSideEnum, {
    nullable: true,
    description: 'Those that you gave, or those that you may use.',
  })
  @IsOptional()
  role?: TrustSide | null

  @Field(() => ID, { nullable: true, description: 'Those for this project.' })
  @IsOptionalId()
  projectId?: string | null
}

const MAX_USES = 1_000_000

@InputType({ description: 'A new trust; you are its trustor.' })
export class TrustCreateInput extends ChangeInput {
  @Field(() => ID, { description: 'The user who may use it, of any domain.' })
  @IsUUID()
  trusteeUserId!: string

  @Field(() => ID, {
    nullable: true,
    description: 'The project that it is for; by default that of your token.',
  })
  @IsOptionalId()
  projectId?: string | null

  @Field(() => [String], { description: 'Names of roles that you have there.' })
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ROLES)
  @IsText(1, MAX_NAME_LENGTH, { each: true })
  roles!: string[]

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: its tokens are yours, not the trustee’s. By default false.',
  })
  @IsOptional()
  impersonation?: boolean | null

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it shall end; by default never.',
  })
  @IsOptional()
  @IsDate()
  expiresAt?: Date | null

  @Field(() => Int, {
    nullable: true,
    description: 'How many tokens it shall be good for; by default any number.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_USES)
  remainingUses?: number | null
}

@InputType({
  description: 'A trust to end, with its tokens: one that you gave. The trustee may not.',
})
export class TrustDeleteInput extends ChangeInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string
}
