import { IsEmail, IsOptional, IsUUID, MaxLength } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsOptionalId,
  MAX_NAME_LENGTH,
  MayBeEmptied,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

/** Longer than any that is taken: the rules of passwords say it better. */
const MAX_SECRET_LENGTH = 1024

@ObjectType({
  implements: Resource,
  description: 'Somebody who can sign in.',
  simpleResolvers: true,
})
export class User extends Resource {
  @Field(() => String, { description: 'Unique in its domain, whatever the case.' })
  name!: string

  @Field(() => String, { description: 'Who it is.' })
  description!: string

  @Field(() => Boolean, { description: 'Somebody disabled has no token and gets none.' })
  enabled!: boolean
}

export const UserConnection = connectionOf('User', () => User)
export const UserChange = changeOf('User', () => User)
export const UserPayload = payloadOf('User', () => User)

@InputType({ description: 'Which users; all that is given must hold.' })
export class UserFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => ID, { nullable: true, description: 'Those of this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are enabled.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => ID, { nullable: true, description: 'Those in this group.' })
  @IsOptionalId()
  groupId?: string | null
}

/** Empty: none. */
function IsAddress(): PropertyDecorator {
  return (target, key) => {
    MayBeEmptied()(target, key)
    IsEmail()(target, key)
  }
}

@InputType({ description: 'A new user.' })
export class UserCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ID, {
    nullable: true,
    description: "The domain that it is in; by default that of your token's scope, or your own.",
  })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'Without one, nobody signs in as this user by password.',
  })
  @IsOptional()
  @MaxLength(MAX_SECRET_LENGTH)
  password?: string | null

  @Field(() => String, { nullable: true, description: 'The address for mail.' })
  @IsAddress()
  email?: string | null

  @Field(() => String, { nullable: true, description: 'Who it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => ID, {
    nullable: true,
    description: 'The project of a sign-in that names none, while the user has a role there.',
  })
  @IsOptionalId()
  defaultProjectId?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: the first sign-in must bring a new password.',
  })
  @IsOptional()
  mustChangePassword?: boolean | null
}

@InputType({ description: 'What shall change of a user; what is left out stays.' })
export class UserUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, {
    nullable: true,
    description: 'A new password. Ends the tokens of the user at once.',
  })
  @IsOptional()
  @MaxLength(MAX_SECRET_LENGTH)
  password?: string | null

  @Field(() => String, { nullable: true, description: 'The address for mail; empty for none.' })
  @IsAddress()
  email?: string | null

  @Field(() => String, { nullable: true, description: 'Who it is.' })
  @IsDescription()
  description?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'False ends the tokens of the user at once. Not of oneself.',
  })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => ID, {
    nullable: true,
    description:
      'The project of a sign-in that names none, while the user has a role there; empty for none.',
  })
  @MayBeEmptied()
  @IsUUID()
  defaultProjectId?: string | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: the next sign-in must bring a new password.',
  })
  @IsOptional()
  mustChangePassword?: boolean | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True ends a lock-out after too many wrong passwords.',
  })
  @IsOptional()
  unlock?: boolean | null
}

@InputType({ description: 'A user to delete. Not oneself.' })
export class UserDeleteInput extends UpdateInput {}

@InputType({ description: 'A new password for oneself.' })
export class UserPasswordChangeInput extends ChangeInput {
  @Field(() => String, {
    description: 'The present one. A wrong one counts as a sign-in that failed.',
  })
  @MaxLength(MAX_SECRET_LENGTH)
  password!: string

  @Field(() => String, { description: 'The next one.' })
  @MaxLength(MAX_SECRET_LENGTH)
  newPassword!: string
}

@ObjectType({ description: 'The answer to `userPasswordChange`.', simpleResolvers: true })
export class UserPasswordChangePayload {
  @Field(() => User, { simple: false, nullable: true, description: 'You.' })
  user!: User | null

  @Field(() => String, {
    nullable: true,
    description:
      'A token in place of the one that you asked with, of the same scope and end: all others ended with the old password. Null in a dry run.',
  })
  secret!: string | null
}
