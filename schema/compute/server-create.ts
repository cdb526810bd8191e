import { IsOptional, IsUUID } from 'class-validator'
import { Field, ID, InputType } from 'type-graphql'
import { IsName, KeyedInput, MAX_NAME_LENGTH } from '../core/input.ts'

@InputType({ description: 'A new server.' })
export class ServerCreateInput extends KeyedInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ID, { description: 'Its size.' })
  @IsUUID()
  flavorId!: string

  @Field(() => ID, { description: 'The disk that it starts from.' })
  @IsUUID()
  imageId!: string

  @Field(() => Boolean, {
    nullable: true,
    description: 'Change nothing; answer with the plan: quota and placement.',
  })
  dryRun?: boolean | null
}
