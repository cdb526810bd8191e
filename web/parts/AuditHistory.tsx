import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../errors.ts'
import { graphql } from '../graphql.ts'
import { usePages } from '../hooks/list-view.ts'
import { AuditRow } from './audit-fields.ts'
import { ProblemAlert } from './Problem.tsx'
import { ResourceHistory } from './ResourceHistory.tsx'
import { Paging } from './ResourceTable.tsx'
import { may, useViewer } from './viewer.ts'

const rowsPerPage = 20

const HistoryQuery = graphql(
  `query ResourceAudit($first: Int!, $after: String, $id: ID!) {
    auditEvents(first: $first, after: $after, filter: { resourceId: $id }) {
      nodes { ...AuditRow }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  [AuditRow],
)

/** All that was done to a resource, from the audit log. */
export function AuditHistory({ id }: { id: string }) {
  const pages = usePages(id)
  const variables = { id, first: rowsPerPage, after: pages.after }
  const [{ data, error }] = useQuery({ query: HistoryQuery, variables })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  return (
    <ResourceHistory
      rows={data?.auditEvents.nodes ?? []}
      isLoading={!data}
      paging={<Paging pages={pages} pageInfo={data?.auditEvents.pageInfo} />}
    />
  )
}

/** The tab of a resource's page with its history; none for those who may not read it. */
export function useHistoryTab(id: string) {
  const { t } = useTranslation()
  const viewer = useViewer()
  if (!may(viewer, 'core.audit.list')) return []
  return [{ id: 'history', label: t('history.title'), content: <AuditHistory id={id} /> }]
}
