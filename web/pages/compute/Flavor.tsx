import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { FlavorAccess } from '../../parts/compute/FlavorAccess.tsx'
import { useFlavorActions } from '../../parts/compute/flavor-actions.tsx'
import { diskInWords } from '../../parts/compute/flavor-columns.tsx'
import { type FlavorData, FlavorDetails, FlavorWatch } from '../../parts/compute/flavor-fields.ts'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { tabsOf } from '../../parts/tabs.ts'
import { paths } from '../../paths.ts'
import { formatMiB } from '../../ui/format.ts'
import { PairsTable } from '../../ui/PairsTable.tsx'

const FlavorQuery = graphql(`query Flavor($id: ID!) { flavor(id: $id) { ...FlavorDetails } }`, [
  FlavorDetails,
])

export function Flavor() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={FlavorQuery}
      resource={({ flavor }) => flavor}
      watch={FlavorWatch}
      list={{ text: t('flavors.title'), href: paths.flavors() }}
      oneText={t('flavors.one')}
      Content={FlavorContent}
    />
  )
}

function FlavorContent({ resource: flavor }: { resource: FlavorData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useFlavorActions(() => void navigate(paths.flavors()))
  const history = useHistoryTab(flavor.id)
  const specs = {
    id: 'specs',
    label: t('flavors.extraSpecs'),
    content: (
      <PairsTable
        title={t('flavors.extraSpecs')}
        description={t('flavors.extraSpecsText')}
        pairs={flavor.extraSpecs}
        noneText={t('flavors.noExtraSpecs')}
      />
    ),
  }
  const access = flavor.projects
    ? [{ id: 'access', label: t('flavors.access'), content: <FlavorAccess flavor={flavor} /> }]
    : []
  const description = flavor.description ?? ''
  return (
    <>
      <DetailLayout
        title={flavor.name}
        list={{ text: t('flavors.title'), href: paths.flavors() }}
        actions={actions.buttons(flavor)}
        facts={factsOf(t, { ...flavor, description }, [
          { label: t('flavors.vcpus'), value: flavor.vcpus },
          { label: t('flavors.memory'), value: formatMiB(flavor.memoryMiB) },
          { label: t('flavors.disk'), value: diskInWords(t, flavor.diskGiB) },
          {
            label: t('flavors.visibility'),
            value: flavor.public ? t('flavors.allProjects') : t('flavors.someProjects'),
          },
        ])}
        tabs={tabsOf([specs, ...access, ...history])}
      />
      {actions.dialogs}
    </>
  )
}
