import { IsOptional } from 'class-validator'
import { Field, GraphQLISODateTime, ID, InputType, Int, ObjectType } from 'type-graphql'
import type { MigrationKind, MigrationStatus } from '../../services/compute/migration-status.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { IsOptionalId } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Resource } from '../resource.ts'

export const MigrationKindEnum = enumOf('MigrationKind', 'In which way a server moves.', {
  RESIZE: 'To another size, perhaps on another host.',
  MIGRATION: 'To another host, turned off on the way.',
  LIVE_MIGRATION: 'To another host, while it runs.',
  EVACUATION: 'Away from a dead host.',
} satisfies Record<MigrationKind, string>)

export const MigrationStatusEnum = enumOf('MigrationStatus', 'How far a migration is.', {
  RUNNING: 'It is under way.',
  FINISHED: 'The server is there; what it was is kept until that is confirmed or reverted.',
  CONFIRMED: 'It was confirmed, and what was kept is gone.',
  REVERTED: 'The server is back as it was.',
  COMPLETED: 'It came to its end without anybody’s word.',
  FAILED: 'It failed; the server is where it was.',
  CANCELLED: 'It was aborted; the server is where it was.',
} satisfies Record<MigrationStatus, string>)

@ObjectType({
  implements: Resource,
  description: 'How a server moved to another host or size.',
  simpleResolvers: true,
})
export class Migration extends Resource {
  @Field(() => MigrationKindEnum, { description: 'In which way.' })
  kind!: MigrationKind

  @Field(() => MigrationStatusEnum, { description: 'How far it is.' })
  status!: MigrationStatus

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it is confirmed by itself; null when it is not.',
  })
  confirmAt!: Date | null

  @Field(() => Int, {
    nullable: true,
    description: 'Of a live one: how long the guest stood still, in milliseconds, where known.',
  })
  pausedMs!: number | null
}

export const MigrationConnection = connectionOf('Migration', () => Migration)
export const MigrationChange = changeOf('Migration', () => Migration)

@InputType({ description: 'Which migrations; all that is given must hold.' })
export class MigrationFilterInput {
  @Field(() => ID, { nullable: true, description: 'Of this server.' })
  @IsOptionalId()
  serverId?: string | null

  @Field(() => ID, { nullable: true, description: 'From or to this host.' })
  @IsOptionalId()
  hostId?: string | null

  @Field(() => [MigrationStatusEnum], { nullable: true, description: 'One of these.' })
  @IsOptional()
  status?: MigrationStatus[] | null

  @Field(() => [MigrationKindEnum], { nullable: true, description: 'One of these.' })
  @IsOptional()
  kind?: MigrationKind[] | null
}
