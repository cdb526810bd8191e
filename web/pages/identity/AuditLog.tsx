import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import { word } from '../../i18n/words.ts'
import { AuditRow, type AuditRowData } from '../../parts/audit-fields.ts'
import { textColumn } from '../../parts/columns.tsx'
import { useActorFilter } from '../../parts/identity/choices.ts'
import { momentOf } from '../../parts/identity/moment-field.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { historyColumns } from '../../parts/ResourceHistory.tsx'

const AuditQuery = graphql(
  `query AuditLog($first: Int!, $after: String, $filter: AuditEventFilterInput) {
    auditEvents(first: $first, after: $after, filter: $filter) {
      nodes { ...AuditRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [AuditRow],
)

const hourMs = 3_600_000
/** How far back each choice of time reaches. */
const spans = { hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs, month: 30 * 24 * hourMs }

type Span = keyof typeof spans

const isSpan = (text: string): text is Span => text in spans

/** To the minute: a moment of its own for each render would be a query of its own. */
const sinceOf = (span: string): string | undefined =>
  isSpan(span)
    ? new Date(Math.floor((Date.now() - spans[span]) / 60_000) * 60_000).toISOString()
    : momentOf(span)

const variablesOf = (view: ListView) => ({
  filter: {
    action: view.get('action') || undefined,
    actorId: view.get('actor') || undefined,
    outcome: outcomeOf(view.get('outcome')),
    resourceType: view.get('type') || undefined,
    resourceId: view.get('resource') || undefined,
    since: sinceOf(view.get('since')),
  },
})

const outcomes = ['SUCCESS', 'FAILURE'] as const

const outcomeOf = (text: string) => outcomes.find((one) => one === text)

const resourceTypes = [
  ...['domain', 'project', 'user', 'group', 'role', 'role_assignment', 'quota', 'region'],
  ...['service', 'endpoint', 'registered_limit', 'identity_provider', 'application_credential'],
  ...['ec2_credential', 'trust', 'totp', 'server', 'image'],
]

export function AuditLog() {
  const { t } = useTranslation()
  const actors = useActorFilter()
  const [at, action, ...others] = historyColumns<AuditRowData>(t)
  return (
    <ListPage
      title={t('nav.auditLog')}
      description={t('audit.description')}
      query={AuditQuery}
      rows={({ auditEvents }) => auditEvents}
      variables={variablesOf}
      filters={{
        text: { name: 'action', label: t('audit.action') },
        choices: [
          {
            name: 'outcome',
            label: t('history.outcome'),
            anyText: t('audit.anyOutcome'),
            options: outcomes.map((value) => ({
              value,
              label: word('outcome', value),
            })),
          },
          {
            name: 'since',
            label: t('audit.since'),
            anyText: t('audit.anyTime'),
            options: Object.keys(spans).map((value) => ({
              value,
              label: t(`audit.span.${value as Span}`),
            })),
          },
          {
            name: 'type',
            label: t('audit.resource'),
            anyText: t('audit.anyResource'),
            options: resourceTypes.map((value) => ({ value, label: word('resourceType', value) })),
          },
          ...actors,
        ],
      }}
      columns={[
        ...(at && action ? [at, action] : []),
        textColumn<AuditRowData>('resource', t('audit.resource'), (row) =>
          [row.resourceType && word('resourceType', row.resourceType), row.resourceName]
            .filter(Boolean)
            .join(' '),
        ),
        ...others,
        textColumn<AuditRowData>('address', t('audit.address'), ({ address }) => address),
      ]}
      none={{ title: t('audit.none') }}
    />
  )
}
