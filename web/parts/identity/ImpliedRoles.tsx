import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { CreateButton, useActions } from '../actions.tsx'
import { descriptionColumn, nameColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { useRowAction } from '../use-row-action.tsx'
import { useRoleChoice } from './choices.ts'
import { RoleImply, RoleImplyNot, type RoleRowData } from './role-fields.ts'

type Implied = RoleRowData['implies'][number]

const rule = 'identity.role.imply'

/** The roles that come with a role. */
export function ImpliedRoles({ role }: { role: RoleRowData }) {
  const { t } = useTranslation()
  const remove = useRowAction({
    mutation: RoleImplyNot,
    variables: ({ id }: Implied) => ({ input: { priorRoleId: role.id, impliedRoleId: id } }),
    question: ({ name }) => ({
      title: t('manage.removeTitle', { name }),
      text: t('roles.removeText', { name, role: role.name }),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.removed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  const actions = useActions(
    [
      {
        id: 'remove',
        text: () => t('manage.remove'),
        rule,
        run: remove.request,
        dialog: remove.dialog,
      },
    ],
    ({ name }: Implied) => name,
  )
  return (
    <>
      <Table
        variant="container"
        items={role.implies}
        trackBy="id"
        ariaLabels={{ tableLabel: t('roles.implies') }}
        columnDefinitions={[
          nameColumn<Implied>(t, paths.role),
          descriptionColumn<Implied>(t),
          ...actions.columns,
        ]}
        header={
          <Header
            variant="h2"
            description={t('roles.impliesText')}
            actions={
              <CreateButton
                rule={rule}
                text={t('roles.imply')}
                form={(close) => <ImplyForm roleId={role.id} onClose={close} />}
              />
            }
          >
            {t('roles.implies')}
          </Header>
        }
        empty={<Empty title={t('roles.impliesNone')} />}
      />
      {actions.dialogs}
    </>
  )
}

function ImplyForm({ roleId, onClose }: { roleId: string; onClose(): void }) {
  const { t } = useTranslation()
  const roles = useRoleChoice()
  return (
    <FormModal
      title={t('roles.imply')}
      submitText={t('manage.add')}
      fields={[
        {
          kind: 'select',
          name: 'impliedRoleId',
          label: t('access.role'),
          isRequired: true,
          ...roles,
        },
      ]}
      mutation={RoleImply}
      input={({ impliedRoleId }) => ({ priorRoleId: roleId, impliedRoleId })}
      onDone={() => ({ header: t('roles.implied') })}
      onClose={onClose}
    />
  )
}
