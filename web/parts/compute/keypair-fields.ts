/** What the portal reads of a key pair, and its mutations. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const KeypairRow = graphql(`
  fragment KeypairRow on Keypair { id name type publicKey fingerprint createdAt }
`)

export type KeypairRowData = ResultOf<typeof KeypairRow>

export const KeypairCreate = graphql(
  `mutation KeypairCreate($input: KeypairCreateInput!) {
    keypairCreate(input: $input) { keypair { ...KeypairRow } privateKey }
  }`,
  [KeypairRow],
)

export const KeypairImport = graphql(
  `mutation KeypairImport($input: KeypairImportInput!) {
    keypairImport(input: $input) { keypair { ...KeypairRow } }
  }`,
  [KeypairRow],
)

export const KeypairDelete = graphql(`
  mutation KeypairDelete($input: KeypairDeleteInput!) {
    keypairDelete(input: $input) { keypair { id } }
  }
`)
