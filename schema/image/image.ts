import { IsIn, IsOptional } from 'class-validator'
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import {
  type DiskFormat,
  diskFormats,
  type ImageKind,
  type ImageStatus,
  type ImageVisibility,
  imageVisibilities,
} from '../../services/image/image.states.ts'
import { BigIntScalar } from '../bigint.ts'
import { connectionOf } from '../connection.ts'
import { changeOf } from '../core/change.ts'
import {
  ActionInput,
  IsName,
  IsOptionalId,
  KeyedInput,
  MAX_NAME_LENGTH,
  StringFilterInput,
} from '../core/input.ts'
import { enumOf } from '../enums.ts'
import { Resource } from '../resource.ts'

export const ImageStatusEnum = enumOf(
  'ImageStatus',
  "Where an image is in its life; Glance's words.",
  {
    QUEUED: 'It has no bytes yet.',
    SAVING: 'Its bytes are being uploaded, or some parts of them are there.',
    ACTIVE: 'Its bytes are there and were inspected: it can be used.',
  } satisfies Record<ImageStatus, string>,
)
export const DiskFormatEnum = enumOf('DiskFormat', 'How the bytes are laid out.', {
  QCOW2: "QEMU's copy-on-write format, without a backing file or a data file.",
  RAW: 'The bytes of the disk, as they are.',
} satisfies Record<DiskFormat, string>)
export const ImageVisibilityEnum = enumOf('ImageVisibility', 'Which projects see an image.', {
  PUBLIC: 'Every project sees it and can start servers from it.',
  PRIVATE: 'Its own project sees it.',
} satisfies Record<ImageVisibility, string>)

export const ImageKindEnum = enumOf('ImageKind', 'How an image came to be.', {
  IMAGE: 'Somebody uploaded it.',
  SNAPSHOT: 'It was made of a server.',
  BACKUP: 'It was made of a server, which keeps so many of them.',
} satisfies Record<Exclude<ImageKind, 'SHELVED'>, string>)

@ObjectType({
  implements: Resource,
  description: 'A disk that servers start from.',
  simpleResolvers: true,
})
export class Image extends Resource {
  @Field(() => String, { description: 'Need not be unique.' })
  name!: string

  @Field(() => ImageStatusEnum, { description: 'Where it is in its life.' })
  status!: ImageStatus

  @Field(() => DiskFormatEnum, { description: 'How the bytes are laid out.' })
  diskFormat!: DiskFormat

  @Field(() => ImageVisibilityEnum, { description: 'Who sees it.' })
  visibility!: ImageVisibility

  @Field(() => ImageKindEnum, { description: 'How it came to be.' })
  kind!: Exclude<ImageKind, 'SHELVED'>

  @Field(() => String, {
    nullable: true,
    description: 'Of a BACKUP: which rotation of its server it belongs to.',
  })
  backupType!: string | null

  @Field(() => Int, { description: 'The least disk that a server of it must have, in GiB.' })
  minDiskGiB!: number

  @Field(() => Int, { description: 'The least memory that a server of it must have, in MiB.' })
  minMemoryMiB!: number

  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'Number of bytes; null before they are there.',
  })
  sizeBytes!: bigint | null

  @Field(() => BigIntScalar, {
    nullable: true,
    description: 'Size of the disk that it describes, in bytes.',
  })
  virtualSizeBytes!: bigint | null

  @Field(() => String, { nullable: true, description: 'SHA-512 of the bytes, in hex.' })
  checksum!: string | null
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

  @Field(() => [ImageKindEnum], { nullable: true, description: 'By kind: one of these.' })
  @IsOptional()
  kind?: Exclude<ImageKind, 'SHELVED'>[] | null

  @Field(() => ID, { nullable: true, description: 'By the server that they were made of.' })
  @IsOptionalId()
  serverId?: string | null
}

@InputType({ description: 'A new image, whose bytes are then sent to `uploadUrl`.' })
export class ImageCreateInput extends KeyedInput {
  @Field(() => String, { description: `1 to ${MAX_NAME_LENGTH} characters.` })
  @IsName()
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
