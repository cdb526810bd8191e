import { IsOptional, IsUUID, Length } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import {
  ChangeInput,
  IsName,
  IsOptionalId,
  MAX_NAME_LENGTH,
  StringFilterInput,
} from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

/** Longer than any key that is taken. */
const MAX_GIVEN = 16_384

export const KeypairTypeEnum = enumOf('KeypairType', 'What a key pair is for.', {
  SSH: 'Signing in by SSH.',
})

@ObjectType({
  implements: Resource,
  description: 'A public key of a user, that servers let in. A server has its own copy.',
  simpleResolvers: true,
})
export class Keypair extends Resource {
  @Field(() => String, { description: 'Unique among those of the user.' })
  name!: string

  @Field(() => KeypairTypeEnum, { description: 'What it is for.' })
  type!: 'SSH'

  @Field(() => String, { description: 'The public half, as a line of authorized_keys.' })
  publicKey!: string

  @Field(() => String, { description: 'SHA-256 of the key, as ssh-keygen shows it.' })
  fingerprint!: string

  @Field(() => ID, { description: 'Whose it is.' })
  userId!: string
}

export const KeypairConnection = connectionOf('Keypair', () => Keypair)
export const KeypairPayload = payloadOf('Keypair', () => Keypair)

@InputType({ description: 'Which key pairs; all that is given must hold.' })
export class KeypairFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => ID, { nullable: true, description: 'Those of this user.' })
  @IsOptionalId()
  userId?: string | null
}

@InputType({
  description:
    'A new key pair of yours. Its private key is shown once: the same idempotency key again gives CONFLICT.',
})
export class KeypairCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters; unique among yours.` })
  @IsName()
  name!: string
}

@InputType({ description: 'A public key that you have.' })
export class KeypairImportInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters; unique among yours.` })
  @IsName()
  name!: string

  @Field(() => String, {
    description: 'A line as in id_ed25519.pub: ed25519, ECDSA, or RSA of 2048 bits or more.',
  })
  @Length(1, MAX_GIVEN)
  publicKey!: string
}

@InputType({ description: 'A key pair to delete. Servers that were made with it keep their copy.' })
export class KeypairDeleteInput extends ChangeInput {
  @Field(() => ID, { description: 'Its id.' })
  @IsUUID()
  id!: string
}

@ObjectType({ description: 'The answer to `keypairCreate`.', simpleResolvers: true })
export class KeypairCreatePayload {
  @Field(() => Keypair, {
    nullable: true,
    simple: false,
    description: 'The new key pair; null in a dry run.',
  })
  keypair!: Keypair | null

  @Field(() => String, {
    nullable: true,
    description: 'The private key in OpenSSH’s format, shown only here; null in a dry run.',
  })
  privateKey!: string | null
}
