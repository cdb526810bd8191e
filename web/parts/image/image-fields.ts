/** What the portal reads of an image, its watch, and its mutations. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const ImageRow = graphql(`
  fragment ImageRow on Image {
    id name kind status diskFormat visibility sizeBytes virtualSizeBytes checksum createdAt version
    project { id name }
    fault { code message at }
    actions { name allowed reason }
  }
`)

export type ImageRowData = ResultOf<typeof ImageRow>

export const ImagesWatch = graphql(
  `subscription ImagesWatch($after: String) {
    imageChanged(after: $after) { cursor kind id image { ...ImageRow } }
  }`,
  [ImageRow],
)

export const ImageCreate = graphql(
  `mutation ImageCreate($input: ImageCreateInput!) {
    imageCreate(input: $input) { uploadUrl image { ...ImageRow } }
  }`,
  [ImageRow],
)

export const ImageDelete = graphql(`
  mutation ImageDelete($input: ImageActionInput!) { imageDelete(input: $input) { image { id } } }
`)
