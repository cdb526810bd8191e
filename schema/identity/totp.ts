import { IsOptional, Matches } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { ChangeInput, IsOptionalId } from '../core/input.ts'

const CODE = /^[0-9]{6}$/
const message = '$property must be six digits'

@InputType({
  description:
    'A second factor of yours to begin. Its secret is shown once: the same idempotency key again gives CONFLICT.',
})
export class TotpCreateInput extends ChangeInput {}

@ObjectType({ description: 'The answer to `totpCreate`.', simpleResolvers: true })
export class TotpCreatePayload {
  @Field(() => String, {
    nullable: true,
    description: 'The secret in base32, to type into an authenticator app; null in a dry run.',
  })
  secret!: string | null

  @Field(() => String, {
    nullable: true,
    description: 'The same as an `otpauth` address, for a QR code; null in a dry run.',
  })
  uri!: string | null
}

@InputType({ description: 'The proof that the app has the secret.' })
export class TotpConfirmInput extends ChangeInput {
  @Field(() => String, { description: 'The code that the app shows now: six digits.' })
  @Matches(CODE, { message })
  code!: string
}

@ObjectType({ description: 'The answer to `totpConfirm`.', simpleResolvers: true })
export class TotpConfirmPayload {
  @Field(() => Boolean, { description: 'True: from now on a code is asked for at sign-in.' })
  confirmed!: boolean
}

@InputType({ description: 'A second factor to take away.' })
export class TotpDeleteInput extends ChangeInput {
  @Field(() => ID, { nullable: true, description: 'Whose; by default your own.' })
  @IsOptionalId()
  userId?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'For your own, once it is confirmed: the code that the app shows now.',
  })
  @IsOptional()
  @Matches(CODE, { message })
  code?: string | null
}

@ObjectType({ description: 'The answer to `totpDelete`.', simpleResolvers: true })
export class TotpDeletePayload {
  @Field(() => Boolean, { description: 'True: the password alone is enough now.' })
  deleted!: boolean
}
