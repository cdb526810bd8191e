import { Ctx, Mutation, Resolver } from 'type-graphql'
import {
  TotpConfirmInput,
  TotpConfirmPayload,
  TotpCreateInput,
  TotpCreatePayload,
  TotpDeleteInput,
  TotpDeletePayload,
} from '../../schema/identity/totp.ts'
import { totpConfirm, totpCreate, totpDelete } from '../../services/identity/totp-enrolment.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

@Resolver()
export class TotpResolver {
  @Mutation(() => TotpCreatePayload, {
    description:
      'Begins a second factor of yours: codes of an authenticator app (RFC 6238), asked for with the password once one was confirmed. One that was begun before and not confirmed is replaced.',
  })
  async totpCreate(@Ctx() ctx: Request, @InputArg(() => TotpCreateInput) input: TotpCreateInput) {
    const { secret } = await totpCreate(ctx, input)
    return secret ?? { secret: null, uri: null }
  }

  @Mutation(() => TotpConfirmPayload, {
    description: 'Puts the second factor that you began in force. The code is used up by it.',
  })
  totpConfirm(@Ctx() ctx: Request, @InputArg(() => TotpConfirmInput) input: TotpConfirmInput) {
    return totpConfirm(ctx, input)
  }

  @Mutation(() => TotpDeletePayload, {
    description:
      'Takes a second factor away: your own with a code of it, that of a user whom you manage without.',
  })
  totpDelete(@Ctx() ctx: Request, @InputArg(() => TotpDeleteInput) input: TotpDeleteInput) {
    return totpDelete(ctx, input)
  }
}
