import { IsUUID } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { ChangeInput, IsOptionalId } from '../core/input.ts'
import { Node } from '../node.ts'
import { payloadOf } from '../payload.ts'

@ObjectType({
  implements: Node,
  description: 'An access key and a secret, as S3 and EC2 clients sign requests with.',
  simpleResolvers: true,
})
export class Ec2Credential extends Node {
  @Field(() => String, { description: 'The access key: what a client sends to say who it is.' })
  access!: string

  @Field(() => ID, { description: 'Whose it is.' })
  userId!: string

  @Field(() => ID, { description: 'The project that it is for.' })
  projectId!: string

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date
}

export const Ec2CredentialConnection = connectionOf('Ec2Credential', () => Ec2Credential)
export const Ec2CredentialPayload = payloadOf('Ec2Credential', () => Ec2Credential)

@InputType({ description: 'Which EC2 credentials; all that is given must hold.' })
export class Ec2CredentialFilterInput {
  @Field(() => ID, { nullable: true, description: 'Those of this user.' })
  @IsOptionalId()
  userId?: string | null
}

@InputType({
  description:
    'A new EC2 credential of yours. Its secret is shown once: the same idempotency key again gives CONFLICT.',
})
export class Ec2CredentialCreateInput extends ChangeInput {
  @Field(() => ID, {
    nullable: true,
    description: 'A project in which you have a role; by default that of your token.',
  })
  @IsOptionalId()
  projectId?: string | null
}

@InputType({ description: 'An EC2 credential to delete.' })
export class Ec2CredentialDeleteInput extends ChangeInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string
}

@ObjectType({ description: 'The answer to `ec2CredentialCreate`.', simpleResolvers: true })
export class Ec2CredentialCreatePayload {
  @Field(() => Ec2Credential, {
    nullable: true,
    simple: false,
    description: 'The new EC2 credential; null in a dry run.',
  })
  ec2Credential!: Ec2Credential | null

  @Field(() => String, {
    nullable: true,
    description: 'The secret key, shown only here; null in a dry run.',
  })
  secret!: string | null
}
