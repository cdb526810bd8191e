import { IsIn, IsUUID } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from 'type-graphql'
import { type ConsoleKind, consoleKinds } from '../../services/compute/console.ts'
import { enumOf } from '../enums.ts'

export const ConsoleKindEnum = enumOf('ConsoleKind', 'What of a server is looked at.', {
  VNC: 'Its screen, keyboard and mouse, in the RFB protocol (RFC 6143).',
  SERIAL: 'Its serial console, as bytes both ways.',
} satisfies Record<ConsoleKind, string>)

@InputType({ description: 'A console to open.' })
export class ServerConsoleCreateInput {
  @Field(() => ID, { description: 'The id of the server.' })
  @IsUUID()
  id!: string

  @Field(() => ConsoleKindEnum, { description: 'Which of its consoles.' })
  @IsIn([...consoleKinds])
  kind!: ConsoleKind
}

@ObjectType({ description: 'The way to a console.', simpleResolvers: true })
export class ServerConsoleCreatePayload {
  @Field(() => String, {
    description:
      'A path of this API, for a WebSocket with binary frames. It opens once, within minutes.',
  })
  url!: string

  @Field(() => GraphQLISODateTime, { description: 'Until when it can be opened.' })
  expiresAt!: Date
}

@ObjectType({ description: 'What a serial console said.', simpleResolvers: true })
export class ServerConsoleLog {
  @Field(() => String, { description: 'What follows what was told before.' })
  text!: string

  @Field(() => Boolean, {
    description: 'What was told before is to be forgotten: this is the log from its new beginning.',
  })
  reset!: boolean
}
