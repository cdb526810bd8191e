/** Inputs and answers of what makes images of servers. */
import { Max, Min } from 'class-validator'
import { Field, InputType, Int, ObjectType } from 'type-graphql'
import { MAX_ROTATION } from '../../services/compute/server-image.ts'
import { IsName, IsText, MAX_NAME_LENGTH } from '../core/input.ts'
import { Plan, ServerActionInput } from './server.ts'

const MAX_BACKUP_TYPE_LENGTH = 255

@InputType({ description: 'A server to make an image of.' })
export class ServerSnapshotInput extends ServerActionInput {
  @Field(() => String, { description: `Of the image: 1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string
}

@InputType({ description: 'A server to make a backup of.' })
export class ServerBackupInput extends ServerSnapshotInput {
  @Field(() => String, {
    description: 'Of which rotation it is, for example `daily` or `weekly`.',
  })
  @IsText(1, MAX_BACKUP_TYPE_LENGTH)
  backupType!: string

  @Field(() => Int, {
    description: `How many of this rotation are kept, this one among them: 1 to ${MAX_ROTATION}. Older ones are deleted.`,
  })
  @Min(1)
  @Max(MAX_ROTATION)
  rotation!: number
}

@InputType({ description: 'A server to make another one like.' })
export class ServerCloneInput extends ServerActionInput {
  @Field(() => String, { description: `Of the new server: 1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string
}

@ObjectType({ description: 'The answer to `serverSnapshot`.', simpleResolvers: true })
export class ServerSnapshotPayload {
  serverId!: string | null
  taskId!: string | null
  imageId!: string | null

  @Field(() => Plan, { nullable: true, description: 'Only of a dry run.' })
  plan!: Plan | null
}

@ObjectType({ description: 'The answer to `serverBackup`.', simpleResolvers: true })
export class ServerBackupPayload {
  serverId!: string | null
  taskId!: string | null
  imageId!: string | null

  @Field(() => Plan, { nullable: true, description: 'Only of a dry run.' })
  plan!: Plan | null
}
