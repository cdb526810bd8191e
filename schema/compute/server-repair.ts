/** Inputs of what mends servers. */
import { IsOptional, IsUUID, Matches } from 'class-validator'
import { Field, ID, InputType } from 'type-graphql'
import { DEFAULT_USER_NAME } from '../../services/compute/server-password.ts'
import { IsName, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { ServerActionInput } from './server.ts'

const MAX_PASSWORD_LENGTH = 255
const MAX_USER_NAME_LENGTH = 32

@InputType({ description: 'A server to give a new disk.' })
export class ServerRebuildInput extends ServerActionInput {
  @Field(() => ID, { description: 'What the new disk is made of; it must fit the size.' })
  @IsUUID()
  imageId!: string

  @Field(() => String, {
    nullable: true,
    description: `A new name for the server: 1 to ${MAX_NAME_LENGTH} characters. As it was when left out.`,
  })
  @IsOptional()
  @IsName()
  name?: string | null
}

@InputType({ description: 'A server to boot from an image, with its own disk beside it.' })
export class ServerRescueWithInput extends ServerActionInput {
  @Field(() => ID, { description: 'What it boots from.' })
  @IsUUID()
  imageId!: string
}

@InputType({ description: 'A server inside which a password is to be changed.' })
export class ServerChangePasswordInput extends ServerActionInput {
  @Field(() => String, {
    description: `The new password: 1 to ${MAX_PASSWORD_LENGTH} characters. It is forgotten once the guest has it.`,
  })
  @IsText(1, MAX_PASSWORD_LENGTH)
  @Matches(/^\P{Cc}*$/u, { message: '$property must have no control characters' })
  password!: string

  @Field(() => String, {
    nullable: true,
    description: `Whose password inside the guest; ${DEFAULT_USER_NAME} when left out.`,
  })
  @IsOptional()
  @IsText(1, MAX_USER_NAME_LENGTH)
  userName?: string | null
}
