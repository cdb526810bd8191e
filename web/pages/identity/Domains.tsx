import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import {
  createdColumn,
  descriptionColumn,
  enabledChoice,
  enabledColumn,
  enabledOf,
  nameColumn,
  nameFilter,
  nameOf,
} from '../../parts/columns.tsx'
import { DomainCreateButton, useDomainActions } from '../../parts/identity/domain-actions.tsx'
import { DomainRow, DomainsWatch } from '../../parts/identity/domain-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
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

const variablesOf = (view: ListView) => ({
  filter: { name: nameOf(view), enabled: enabledOf(view) },
})

export function Domains() {
  const { t } = useTranslation()
  const actions = useDomainActions()
  return (
    <>
      <ListPage
        title={t('nav.domains')}
        description={t('domains.description')}
        query={DomainsQuery}
        rows={({ domains }) => domains}
        variables={variablesOf}
        watch={DomainsWatch}
        filters={{ text: nameFilter(t), choices: [enabledChoice(t)] }}
        columns={[
          nameColumn(t, paths.domain),
          enabledColumn(t),
          descriptionColumn(t),
          createdColumn(t),
          ...actions.columns,
        ]}
        actions={<DomainCreateButton isPrimary />}
        none={{ title: t('domains.none'), action: <DomainCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
