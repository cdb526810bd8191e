import Button from '@cloudscape-design/components/button'
import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import type { ResultOf } from 'gql.tada'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { Empty } from '../../ui/Empty.tsx'
import { formatAmount } from '../../ui/format.ts'
import { UsageBar } from '../../ui/UsageBar.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { may, useViewer } from '../viewer.ts'

const ProjectQuota = graphql(`
  fragment ProjectQuota on Quota { projectId resource limit used reserved treeUsed default }
`)

type QuotaData = ResultOf<typeof ProjectQuota>

const QuotasQuery = graphql(
  `query ProjectQuotas($id: ID!) { quotas(projectId: $id) { ...ProjectQuota } }`,
  [ProjectQuota],
)

const QuotaSet = graphql(
  `mutation QuotaSet($input: QuotaSetInput!) {
    quotaSet(input: $input) { quota { ...ProjectQuota } }
  }`,
  [ProjectQuota],
)

/** The tab of a project with its quotas; none for those who may not see them. */
export function useQuotaTab(projectId: string) {
  const { t } = useTranslation()
  const viewer = useViewer()
  if (!may(viewer, 'identity.quota.list')) return []
  const content = <ProjectQuotas projectId={projectId} />
  return [{ id: 'quotas', label: t('nav.quotas'), content }]
}

function ProjectQuotas({ projectId }: { projectId: string }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const [edited, setEdited] = useState<QuotaData | null>(null)
  const [{ data, error }] = useQuery({ query: QuotasQuery, variables: { id: projectId } })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  const setButton = (quota: QuotaData) => (
    <Button
      variant="inline-link"
      ariaLabel={t('quotas.setOf', { name: word('resource', quota.resource) })}
      onClick={() => setEdited(quota)}
    >
      {t('quotas.set')}
    </Button>
  )
  return (
    <>
      <Table
        variant="container"
        items={data?.quotas ?? []}
        trackBy="resource"
        loading={!data}
        loadingText={t('common.loading')}
        ariaLabels={{ tableLabel: t('nav.quotas') }}
        header={
          <Header variant="h2" description={t('quotas.projectText')}>
            {t('nav.quotas')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'resource',
            header: t('quotas.resource'),
            isRowHeader: true,
            cell: ({ resource }) => word('resource', resource),
          },
          {
            id: 'bar',
            header: t('quotas.used'),
            minWidth: 220,
            cell: (row) => <Bar quota={row} />,
          },
          {
            id: 'tree',
            header: t('quotas.tree'),
            cell: ({ resource, treeUsed }) => formatAmount(resource, treeUsed),
          },
          {
            id: 'origin',
            header: t('quotas.origin'),
            cell: (row) => (row.default ? t('quotas.default') : t('quotas.own')),
          },
          ...(may(viewer, 'identity.quota.set')
            ? [{ id: 'set', header: t('common.actions'), cell: setButton }]
            : []),
        ]}
        empty={<Empty title={t('quotas.none')} />}
      />
      {edited && <LimitForm quota={edited} onClose={() => setEdited(null)} />}
    </>
  )
}

function Bar({ quota: { resource, limit, used, reserved } }: { quota: QuotaData }) {
  const { t } = useTranslation()
  const amount = formatAmount(resource, reserved)
  return (
    <UsageBar
      ariaLabel={word('resource', resource)}
      resource={resource}
      used={used + reserved}
      total={limit}
      note={reserved > 0 ? t('quotas.reserved', { amount }) : undefined}
    />
  )
}

function LimitForm({ quota, onClose }: { quota: QuotaData; onClose(): void }) {
  const { t } = useTranslation()
  const { resource, projectId } = quota
  const name = word('resource', resource)
  return (
    <FormModal
      title={t('quotas.setOf', { name })}
      submitText={t('manage.save')}
      fields={[
        {
          kind: 'number',
          name: 'limit',
          label: t('quotas.limit'),
          description: t('quotas.limitText'),
          first: quota.default ? null : quota.limit,
        },
      ]}
      mutation={QuotaSet}
      input={({ limit }) => ({ projectId, resource, limit })}
      onDone={() => ({ header: t('quotas.changed', { name }) })}
      onClose={onClose}
    />
  )
}
