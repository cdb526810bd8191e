import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { nameColumn, textColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { useProjectChoice } from '../identity/choices.ts'
import { MemberTable } from '../MemberTable.tsx'
import { FlavorAccessAdd, FlavorAccessRemove, type FlavorData } from './flavor-fields.ts'

type ProjectRow = NonNullable<FlavorData['projects']>[number]

/** The projects that may use a flavor that is not public. */
export function FlavorAccess({ flavor }: { flavor: FlavorData }) {
  const { t } = useTranslation()
  return (
    <MemberTable
      rule="compute.flavor.update"
      title={t('flavors.access')}
      description={t('flavors.accessText')}
      rows={flavor.projects ?? []}
      columns={[
        nameColumn<ProjectRow>(t, paths.project),
        textColumn<ProjectRow>('domain', t('domains.one'), ({ domain }) => domain.name),
      ]}
      noneText={t('flavors.accessNone')}
      addText={t('flavors.accessAdd')}
      addForm={(close) => <AddForm flavorId={flavor.id} onClose={close} />}
      mutation={FlavorAccessRemove}
      input={({ id }) => ({ flavorId: flavor.id, projectId: id })}
      text={t('flavors.accessRemoveText')}
    />
  )
}

function AddForm({ flavorId, onClose }: { flavorId: string; onClose(): void }) {
  const { t } = useTranslation()
  const projects = useProjectChoice()
  return (
    <FormModal
      title={t('flavors.accessAdd')}
      submitText={t('manage.add')}
      fields={[
        {
          kind: 'select',
          name: 'projectId',
          label: t('shell.project'),
          isRequired: true,
          ...projects,
        },
      ]}
      mutation={FlavorAccessAdd}
      input={({ projectId }) => ({ flavorId, projectId })}
      onDone={() => ({ header: t('flavors.accessGiven') })}
      onClose={onClose}
    />
  )
}
