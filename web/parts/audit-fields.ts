/** What the portal reads of the audit log. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../graphql.ts'

export const AuditRow = graphql(`
  fragment AuditRow on AuditEvent {
    id at action outcome reason requestId address before after
    resourceType resourceId resourceName
    actor { id name }
  }
`)

export type AuditRowData = ResultOf<typeof AuditRow>
