import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { descriptionColumn, enabledColumn, nameColumn, textColumn } from '../../parts/columns.tsx'
import { FlavorCreateButton, useFlavorActions } from '../../parts/compute/flavor-actions.tsx'
import { sizeColumns } from '../../parts/compute/flavor-columns.tsx'
import { type FlavorData, FlavorDetails, FlavorsWatch } from '../../parts/compute/flavor-fields.ts'
import { ManagedList } from '../../parts/ManagedList.tsx'
import { paths } from '../../paths.ts'

const FlavorsQuery = graphql(
  `query Flavors($first: Int!, $after: String, $filter: FlavorFilterInput) {
    flavors(first: $first, after: $after, filter: $filter) {
      nodes { ...FlavorDetails }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [FlavorDetails],
)

export function Flavors() {
  const { t } = useTranslation()
  const actions = useFlavorActions()
  return (
    <ManagedList
      title={t('flavors.title')}
      description={t('flavors.description')}
      query={FlavorsQuery}
      rows={({ flavors }) => flavors}
      watch={FlavorsWatch}
      columns={[
        nameColumn<FlavorData>(t, paths.flavor),
        ...sizeColumns<FlavorData>(t),
        enabledColumn<FlavorData>(t),
        textColumn<FlavorData>('public', t('flavors.visibility'), (flavor) =>
          flavor.public ? t('flavors.allProjects') : t('flavors.someProjects'),
        ),
        textColumn<FlavorData>('specs', t('flavors.extraSpecs'), ({ extraSpecs }) =>
          Object.keys(extraSpecs).join(', '),
        ),
        descriptionColumn<FlavorData>(t),
      ]}
      rowActions={actions}
      create={(isPrimary) => <FlavorCreateButton isPrimary={isPrimary} />}
      noneText={t('flavors.none')}
    />
  )
}
