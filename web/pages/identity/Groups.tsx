import { useTranslation } from 'react-i18next'
import type { ListView } from '../../hooks/list-view.ts'
import {
  createdColumn,
  descriptionColumn,
  nameColumn,
  nameFilter,
  nameOf,
  textColumn,
} from '../../parts/columns.tsx'
import { useDomainFilter } from '../../parts/identity/choices.ts'
import { GroupCreateButton, useGroupActions } from '../../parts/identity/group-actions.tsx'
import { type GroupRowData, GroupsQuery, GroupsWatch } from '../../parts/identity/group-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'

const variablesOf = (view: ListView) => ({
  filter: { name: nameOf(view), domainId: view.get('domain') || undefined },
})

export function Groups() {
  const { t } = useTranslation()
  const actions = useGroupActions()
  const domainFilter = useDomainFilter()
  return (
    <>
      <ListPage
        title={t('nav.groups')}
        description={t('groups.description')}
        query={GroupsQuery}
        rows={({ groups }) => groups}
        variables={variablesOf}
        watch={GroupsWatch}
        filters={{ text: nameFilter(t), choices: domainFilter }}
        columns={[
          nameColumn<GroupRowData>(t, paths.group),
          textColumn('domain', t('domains.one'), ({ domain }: GroupRowData) => domain.name),
          descriptionColumn(t),
          createdColumn(t),
          ...actions.columns,
        ]}
        actions={<GroupCreateButton isPrimary />}
        none={{ title: t('groups.none'), action: <GroupCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
