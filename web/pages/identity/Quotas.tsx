import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { textColumn } from '../../parts/columns.tsx'
import { LimitCreateButton, useLimitActions } from '../../parts/identity/limit-actions.tsx'
import {
  RegisteredLimitRow,
  type RegisteredLimitRowData,
} from '../../parts/identity/limit-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { formatAmount } from '../../ui/format.ts'

const LimitsQuery = graphql(
  `query RegisteredLimits($first: Int!, $after: String) {
    registeredLimits(first: $first, after: $after) {
      nodes { ...RegisteredLimitRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [RegisteredLimitRow],
)

/** The limits that projects have by default; a project's own are on its page. */
export function Quotas() {
  const { t } = useTranslation()
  const actions = useLimitActions()
  return (
    <>
      <ListPage
        title={t('nav.quotas')}
        description={t('quotas.description')}
        query={LimitsQuery}
        rows={({ registeredLimits }) => registeredLimits}
        columns={[
          {
            id: 'resource',
            header: t('quotas.resource'),
            isRowHeader: true,
            cell: ({ resource }) => word('resource', resource),
          },
          textColumn('name', t('common.name'), ({ resource }: RegisteredLimitRowData) => resource),
          {
            id: 'limit',
            header: t('quotas.defaultLimit'),
            cell: ({ resource, defaultLimit }) =>
              defaultLimit < 0 ? t('quotas.unlimited') : formatAmount(resource, defaultLimit),
          },
          textColumn(
            'region',
            t('catalog.region'),
            ({ regionId }: RegisteredLimitRowData) => regionId,
          ),
          textColumn(
            'description',
            t('common.description'),
            ({ description }: RegisteredLimitRowData) => description,
          ),
          ...actions.columns,
        ]}
        actions={<LimitCreateButton isPrimary />}
        none={{ title: t('quotas.none'), action: <LimitCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
