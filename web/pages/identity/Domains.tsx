import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import {
  createdColumn,
  descriptionColumn,
  enabledColumn,
  nameColumn,
} from '../../parts/columns.tsx'
import { DomainCreateButton, useDomainActions } from '../../parts/identity/domain-actions.tsx'
import { DomainRow, type DomainRowData, DomainsWatch } from '../../parts/identity/domain-fields.ts'
import { ManagedList } from '../../parts/ManagedList.tsx'
import { paths } from '../../paths.ts'

const DomainsQuery = graphql(
  `query Domains($first: Int!, $after: String, $filter: DomainFilterInput) {
    domains(first: $first, after: $after, filter: $filter) {
      nodes { ...DomainRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [DomainRow],
)

export function Domains() {
  const { t } = useTranslation()
  const actions = useDomainActions()
  return (
    <ManagedList
      title={t('nav.domains')}
      description={t('domains.description')}
      query={DomainsQuery}
      rows={({ domains }) => domains}
      watch={DomainsWatch}
      columns={[
        nameColumn<DomainRowData>(t, paths.domain),
        enabledColumn<DomainRowData>(t),
        descriptionColumn<DomainRowData>(t),
        createdColumn<DomainRowData>(t),
      ]}
      rowActions={actions}
      create={(isPrimary) => <DomainCreateButton isPrimary={isPrimary} />}
      noneText={t('domains.none')}
    />
  )
}
