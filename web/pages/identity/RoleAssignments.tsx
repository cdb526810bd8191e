import { useTranslation } from 'react-i18next'
import { type ListView, useListView } from '../../hooks/list-view.ts'
import { CreateButton, useActions } from '../../parts/actions.tsx'
import { AssignmentForm } from '../../parts/identity/AssignmentForm.tsx'
import { useTakeAway } from '../../parts/identity/Assignments.tsx'
import { assignmentColumns } from '../../parts/identity/assignment-columns.tsx'
import { AssignmentsQuery } from '../../parts/identity/assignment-fields.ts'
import { useIdFilters } from '../../parts/identity/choices.ts'
import { ListPage } from '../../parts/ListPage.tsx'

const isEffective = (view: Pick<ListView, 'get'>): boolean => view.get('kind') === 'effective'

const variablesOf = (view: ListView) => ({
  effective: isEffective(view),
  filter: {
    userId: view.get('user') || undefined,
    groupId: view.get('group') || undefined,
    projectId: view.get('project') || undefined,
    domainId: view.get('domain') || undefined,
    roleId: view.get('role') || undefined,
    system: view.get('system') ? true : undefined,
  },
})

export function RoleAssignments() {
  const { t } = useTranslation()
  const view = useListView()
  const actions = useActions([useTakeAway()], ({ role }) => role.name)
  const choices = useIdFilters()
  const button = (isPrimary: boolean) => (
    <CreateButton
      rule="identity.role-assignment.create"
      text={t('access.give')}
      isPrimary={isPrimary}
      form={(close) => <AssignmentForm given={{}} onClose={close} />}
    />
  )
  return (
    <>
      <ListPage
        title={t('nav.roleAssignments')}
        description={t('access.description')}
        query={AssignmentsQuery}
        rows={({ roleAssignments }) => roleAssignments}
        variables={variablesOf}
        filters={{
          choices: [
            {
              name: 'kind',
              label: t('access.kind'),
              anyText: t('access.direct'),
              options: [{ value: 'effective', label: t('access.effective') }],
            },
            ...choices,
            {
              name: 'system',
              label: t('access.place'),
              anyText: t('access.anyPlace'),
              options: [{ value: 'true', label: t('shell.systemScope') }],
            },
          ],
        }}
        columns={[
          ...assignmentColumns(t, isEffective(view)),
          ...(isEffective(view) ? [] : actions.columns),
        ]}
        actions={button(true)}
        none={{ title: t('access.none'), action: button(false) }}
      />
      {actions.dialogs}
    </>
  )
}
