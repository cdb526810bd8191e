import SegmentedControl from '@cloudscape-design/components/segmented-control'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Action, CreateButton, useActions } from '../actions.tsx'
import { SubList } from '../SubList.tsx'
import { useRowAction } from '../use-row-action.tsx'
import { may, useViewer } from '../viewer.ts'
import { AssignmentForm, type Given } from './AssignmentForm.tsx'
import { assignmentColumns } from './assignment-columns.tsx'
import { AssignmentDelete, type AssignmentRowData, AssignmentsQuery } from './assignment-fields.ts'

/** The tab with who has access, or where; none for those who may not see it. */
export function useAccessTab(given: Given) {
  const { t } = useTranslation()
  const viewer = useViewer()
  if (!may(viewer, 'identity.role-assignment.list')) return []
  return [{ id: 'access', label: t('access.title'), content: <Assignments given={given} /> }]
}

/** Takes a role away, after asking. */
export function useTakeAway(): Action<AssignmentRowData> {
  const { t } = useTranslation()
  const action = useRowAction({
    mutation: AssignmentDelete,
    variables: ({ id }: AssignmentRowData) => ({ input: { id } }),
    question: ({ role }) => ({
      title: t('manage.removeTitle', { name: role.name }),
      text: t('access.removeText'),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ role }) => t('manage.done.removed', { name: role.name }),
    refusedText: ({ role }) => t('manage.refused', { name: role.name }),
  })
  return {
    id: 'remove',
    text: () => t('manage.remove'),
    rule: 'identity.role-assignment.delete',
    run: action.request,
    dialog: action.dialog,
  }
}

function Assignments({ given }: { given: Given }) {
  const { t } = useTranslation()
  const [isEffective, setEffective] = useState(false)
  const actions = useActions([useTakeAway()], ({ role }) => role.name)
  return (
    <>
      <SubList
        title={t('access.title')}
        query={AssignmentsQuery}
        variables={{ effective: isEffective, filter: given }}
        rows={({ roleAssignments }) => roleAssignments}
        columns={[...assignmentColumns(t, isEffective), ...(isEffective ? [] : actions.columns)]}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <SegmentedControl
              label={t('access.title')}
              selectedId={isEffective ? 'effective' : 'given'}
              options={[
                { id: 'given', text: t('access.direct') },
                { id: 'effective', text: t('access.effective') },
              ]}
              onChange={({ detail }) => setEffective(detail.selectedId === 'effective')}
            />
            <CreateButton
              rule="identity.role-assignment.create"
              text={t('access.give')}
              form={(close) => <AssignmentForm given={given} onClose={close} />}
            />
          </SpaceBetween>
        }
        noneText={t('access.none')}
      />
      {actions.dialogs}
    </>
  )
}
