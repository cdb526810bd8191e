import { ArrayMaxSize, IsOptional } from 'class-validator'
import { Field, ID, InputType, ObjectType } from 'type-graphql'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { Dependent } from '../core/error.ts'
import {
  ChangeInput,
  IsDescription,
  IsName,
  IsOptionalId,
  IsText,
  MAX_NAME_LENGTH,
  StringFilterInput,
  UpdateInput,
} from '../core/input.ts'
import { Task } from '../core/task.ts'
import { payloadOf } from '../payload.ts'
import { Resource } from '../resource.ts'

@ObjectType({
  implements: Resource,
  description: 'The owner of resources and the unit of quota. Projects of a domain form trees.',
  simpleResolvers: true,
})
export class Project extends Resource {
  @Field(() => String, { description: 'Unique in its domain, whatever the case.' })
  name!: string

  @Field(() => String, { description: 'What it is for.' })
  description!: string

  @Field(() => [String], { description: 'Words to find it by.' })
  tags!: string[]

  @Field(() => Boolean, { description: 'Nobody can get a token for a disabled project.' })
  enabled!: boolean

  @Field(() => ID, { nullable: true, description: 'The project above; null at the top. It stays.' })
  parentId!: string | null
}

export const ProjectConnection = connectionOf('Project', () => Project)
export const ProjectChange = changeOf('Project', () => Project)
export const ProjectPayload = payloadOf('Project', () => Project)

@InputType({ description: 'Which projects; all that is given must hold.' })
export class ProjectFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => ID, { nullable: true, description: 'Those of this domain.' })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => ID, { nullable: true, description: 'Those just below this project.' })
  @IsOptionalId()
  parentId?: string | null

  @Field(() => String, { nullable: true, description: 'Those with this tag.' })
  @IsOptional()
  @IsText(1, MAX_NAME_LENGTH)
  tag?: string | null

  @Field(() => Boolean, { nullable: true, description: 'By whether they are enabled.' })
  @IsOptional()
  enabled?: boolean | null

  @Field(() => Boolean, {
    nullable: true,
    description: 'True: only those in which you have a role, whatever else you may see.',
  })
  @IsOptional()
  mine?: boolean | null
}

const MAX_TAGS = 80
const MAX_TAG_LENGTH = 255

@InputType({ description: 'A new project.' })
export class ProjectCreateInput extends ChangeInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
  name!: string

  @Field(() => ID, {
    nullable: true,
    description: "The domain that it is in; by default the parent's, or your own.",
  })
  @IsOptionalId()
  domainId?: string | null

  @Field(() => ID, { nullable: true, description: 'The project above it. It stays for ever.' })
  @IsOptionalId()
  parentId?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => [String], { nullable: true, description: `At most ${MAX_TAGS} words.` })
  @IsOptional()
  @ArrayMaxSize(MAX_TAGS)
  @IsText(1, MAX_TAG_LENGTH, { each: true })
  tags?: string[] | null

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'What shall change of a project; what is left out stays.' })
export class ProjectUpdateInput extends UpdateInput {
  @Field(() => String, { nullable: true, description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsOptional()
  @IsName()
  name?: string | null

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @IsDescription()
  description?: string | null

  @Field(() => [String], {
    nullable: true,
    description: 'All of its tags, instead of those it has.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_TAGS)
  @IsText(1, MAX_TAG_LENGTH, { each: true })
  tags?: string[] | null

  @Field(() => Boolean, { nullable: true, description: 'False ends the tokens for it at once.' })
  @IsOptional()
  enabled?: boolean | null
}

@InputType({ description: 'A project to delete.' })
export class ProjectDeleteInput extends UpdateInput {
  @Field(() => Boolean, {
    nullable: true,
    description:
      'Deletes what is in it first, projects below it included. Otherwise that is IN_USE.',
  })
  @IsOptional()
  cascade?: boolean | null
}

@ObjectType({ description: 'The answer to `projectDelete`.', simpleResolvers: true })
export class ProjectDeletePayload {
  @Field(() => Project, {
    simple: false,
    nullable: true,
    description: 'The project while it is emptied, disabled; null once it is gone.',
  })
  project!: Project | null

  @Field(() => Task, {
    simple: false,
    nullable: true,
    description: 'What empties and deletes it; null when it was empty and is gone.',
  })
  task!: Task | null

  @Field(() => [Dependent], { description: 'What is in it, and goes with it: the first 50.' })
  contents!: Dependent[]
}
