import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator'
import { Field, InputType, Int } from 'type-graphql'
import { MAX_GRACE_SECONDS } from '../../services/compute/server-power.ts'
import { IsText } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { ServerActionInput } from './server.ts'

const MAX_REASON_LENGTH = 255

export const RebootModeEnum = enumOf('RebootMode', 'How a reboot treats the guest.', {
  SOFT: 'The guest is asked to shut down, and forced after a while.',
  HARD: 'The machine is reset without asking.',
})
@InputType({ description: 'A server to reboot.' })
export class ServerRebootInput extends ServerActionInput {
  @Field(() => RebootModeEnum, { defaultValue: 'SOFT', description: 'How the guest is treated.' })
  @IsIn(['SOFT', 'HARD'])
  mode!: 'SOFT' | 'HARD'
}

@InputType({ description: 'A server to turn off, whatever its guest says.' })
export class ServerForceStopInput extends ServerActionInput {
  @Field(() => Int, {
    defaultValue: 0,
    description: `How long the guest is asked before it is forced, in seconds; 0: not at all. At most ${MAX_GRACE_SECONDS}.`,
  })
  @IsInt()
  @Min(0)
  @Max(MAX_GRACE_SECONDS)
  timeoutSeconds!: number
}

@InputType({ description: 'A server to lock.' })
export class ServerLockInput extends ServerActionInput {
  @Field(() => String, { nullable: true, description: 'Why; shown to whoever is refused.' })
  @IsOptional()
  @IsText(1, MAX_REASON_LENGTH)
  reason?: string | null
}
