import { IsUUID } from 'class-validator'
import { Field, ID, InputType } from 'type-graphql'
import { IsOptionalId } from '../core/input.ts'
import { ServerActionInput } from './server.ts'

@InputType({ description: 'A server that gets another size.' })
export class ServerResizeInput extends ServerActionInput {
  @Field(() => ID, {
    description: 'The new size. Its disk is no smaller than the server’s; 0 leaves it as it is.',
  })
  @IsUUID()
  flavorId!: string
}

@InputType({ description: 'A server to move, turned off, to a certain host.' })
export class ServerMigrateToInput extends ServerActionInput {
  @Field(() => ID, { description: 'The host. For operators.' })
  @IsUUID()
  hostId!: string
}

@InputType({ description: 'A server to move while it runs.' })
export class ServerLiveMigrateInput extends ServerActionInput {
  @Field(() => ID, {
    nullable: true,
    description: 'Only to this host; any that fits when left out. For operators.',
  })
  @IsOptionalId()
  hostId?: string | null
}

@InputType({ description: 'A server of a dead host, to bring up on a certain one.' })
export class ServerEvacuateToInput extends ServerActionInput {
  @Field(() => ID, { description: 'The host.' })
  @IsUUID()
  hostId!: string
}
