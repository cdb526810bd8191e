import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { Moment } from '../../ui/Moment.tsx'
import { CreateButton, useActions, useDeleteAction } from '../actions.tsx'
import { textColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { SubList } from '../SubList.tsx'
import { useViewer } from '../viewer.ts'
import { TrustCreate, TrustDelete, type TrustRowData, TrustsQuery } from './credential-fields.ts'
import { momentOf } from './moment-field.ts'

type Row = TrustRowData & { name: string }

/** Who may act for the user, and for whom the user may. */
export function Trusts() {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="l">
      <TrustList
        role="TRUSTOR"
        title={t('profile.trustsGiven')}
        description={t('profile.trustsGivenText')}
      />
      <TrustList
        role="TRUSTEE"
        title={t('profile.trustsHeld')}
        description={t('profile.trustsHeldText')}
      />
    </SpaceBetween>
  )
}

interface TrustListProps {
  role: 'TRUSTOR' | 'TRUSTEE'
  title: string
  description: string
}

function TrustList({ role, title, description }: TrustListProps) {
  const { t } = useTranslation()
  const { projects } = useViewer()
  const isGiven = role === 'TRUSTOR'
  const remove = useDeleteAction<Row>({ rule: 'identity.trust.delete', mutation: TrustDelete })
  const actions = useActions([remove], ({ name }) => name)
  return (
    <>
      <SubList
        title={title}
        description={description}
        query={TrustsQuery}
        variables={{ role }}
        rows={({ trusts }) => ({
          ...trusts,
          nodes: trusts.nodes.map((row): Row => ({ ...row, name: row.id })),
        })}
        columns={[
          { id: 'id', header: t('common.id'), isRowHeader: true, cell: ({ id }) => id },
          textColumn<Row>('other', isGiven ? t('profile.trustee') : t('profile.trustor'), (row) =>
            isGiven ? row.trusteeUserId : row.trustorUserId,
          ),
          textColumn<Row>(
            'project',
            t('shell.project'),
            ({ projectId }) => projects.find(({ id }) => id === projectId)?.name ?? projectId,
          ),
          textColumn<Row>('roles', t('nav.roles'), ({ roles }) =>
            roles.map(({ name }) => word('role', name)).join(', '),
          ),
          textColumn<Row>('acts', t('profile.impersonation'), ({ impersonation }) =>
            impersonation ? t('manage.yes') : t('manage.no'),
          ),
          textColumn<Row>('uses', t('profile.uses'), ({ remainingUses }) =>
            remainingUses === null ? t('profile.anyNumber') : String(remainingUses),
          ),
          {
            id: 'ends',
            header: t('profile.expires'),
            minWidth: 190,
            cell: ({ expiresAt }) => (expiresAt ? <Moment at={expiresAt} /> : t('profile.never')),
          },
          ...(isGiven ? actions.columns : []),
        ]}
        actions={
          isGiven && (
            <CreateButton
              rule="identity.trust.create"
              text={t('profile.trustCreate')}
              form={(close) => <TrustForm onClose={close} />}
            />
          )
        }
        noneText={t('profile.trustsNone')}
      />
      {actions.dialogs}
    </>
  )
}

function TrustForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const { roles } = useViewer()
  return (
    <FormModal
      title={t('profile.trustCreate')}
      submitText={t('manage.create')}
      fields={[
        {
          kind: 'text',
          name: 'trusteeUserId',
          label: t('profile.trustee'),
          description: t('profile.trusteeText'),
          isRequired: true,
        },
        {
          kind: 'multiselect',
          name: 'roles',
          label: t('nav.roles'),
          isRequired: true,
          options: roles.map(({ name }) => ({ value: name, label: word('role', name) })),
        },
        {
          kind: 'toggle',
          name: 'impersonation',
          label: t('profile.impersonation'),
          description: t('profile.impersonationText'),
        },
        {
          kind: 'text',
          name: 'expiresAt',
          label: t('profile.expires'),
          description: t('profile.expiresText'),
          placeholder: '2030-12-31',
        },
        {
          kind: 'number',
          name: 'remainingUses',
          label: t('profile.uses'),
          description: t('profile.usesText'),
        },
      ]}
      mutation={TrustCreate}
      input={({ expiresAt, ...values }) => ({
        ...values,
        roles: [...values.roles],
        expiresAt: momentOf(expiresAt),
      })}
      onDone={() => ({ header: t('profile.trustMade') })}
      onClose={onClose}
    />
  )
}
