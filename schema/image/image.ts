import { IsIn, IsOptional, Length } from 'class-validator'
import { Field, GraphQLISODateTime, InputType, Int, ObjectType } from 'type-graphql'
import {
  type DiskFormat,
  diskFormats,
  type ImageStatus,
  type ImageVisibility,
  imageStatuses,
  imageVisibilities,
} from '../../services/image/image.states.ts'
import { BigIntScalar } from '../bigint.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import { ActionInput, KeyedInput, MAX_NAME_LENGTH, StringFilterInput } from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Node } from '../node.ts'

export const ImageStatusEnum = enumOf(
  'ImageStatus',
  'QUEUED has no bytes yet, SAVING is being uploaded, ACTIVE can be used.',
  imageStatuses,
)
export const DiskFormatEnum = enumOf('DiskFormat', 'How the bytes are laid out.', diskFormats)
export const ImageVisibilityEnum = enumOf(
  'ImageVisibility',
  'PUBLIC images are seen by every project, PRIVATE ones by their own.',
  imageVisibilities,
)

@ObjectType({ implements: Node, description: 'A disk that servers start from.', simpleResolvers: true })
export class Image extends Node {
  @Field(() => String, { description: 'Need not be unique.' })
  name!: string

  @Field(() => ImageStatusEnum, { description: 'Where it is in its life.' })
  status!: ImageStatus

  @Field(() => DiskFormatEnum, { description: 'How the bytes are laid out.' })
  diskFormat!: DiskFormat

  @Field(() => ImageVisibilityEnum, { description: 'Who sees it.' })
  visibility!: ImageVisibility

  @Field(() => BigIntScalar, { nullable: true, description: 'Number of bytes; null before they are there.' })
  sizeBytes!: bigint | null

  @Field(() => BigIntScalar, { nullable: true, description: 'Size of the disk that it describes, in bytes.' })
  virtualSizeBytes!: bigint | null

  @Field(() => String, { nullable: true, description: 'SHA-512 of the bytes, in hex.' })
  checksum!: string | null

  @Field(() => Int, { description: 'Goes up with every change.' })
  version!: number

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date

  @Field(() => GraphQLISODateTime, { description: 'When it changed last.' })
  updatedAt!: Date
}

export const ImageConnection = connectionOf('Image', () => Image)
export const ImageChange = changeOf('Image', () => Image)

@InputType({ description: 'Which images; all that is given must hold.' })
export class ImageFilterInput {
  @Field(() => StringFilterInput, { nullable: true, description: 'By name.' })
  @IsOptional()
  name?: StringFilterInput | null

  @Field(() => [ImageStatusEnum], { nullable: true, description: 'By status: one of these.' })
  @IsOptional()
  status?: ImageStatus[] | null
}

@InputType({ description: 'A new image, whose bytes are then sent to `uploadUrl`.' })
export class ImageCreateInput extends KeyedInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @Length(1, MAX_NAME_LENGTH)
  name!: string

  @Field(() => DiskFormatEnum, { description: 'What the bytes will be; checked when they arrive.' })
  @IsIn(diskFormats)
  diskFormat!: DiskFormat

  @Field(() => ImageVisibilityEnum, {
    nullable: true,
    description: 'PRIVATE by default; only an operator can make PUBLIC ones.',
  })
  @IsOptional()
  @IsIn(imageVisibilities)
  visibility?: ImageVisibility | null
}

@InputType({ description: 'An image to act on.' })
export class ImageActionInput extends ActionInput {}

@ObjectType({ description: 'The answer to `imageCreate`.' })
export class ImageCreatePayload {
  imageId!: string | null
}

@ObjectType({ description: 'The answer to an action on an image.' })
export class ImagePayload {
  imageId!: string | null
  taskId!: string | null
}
