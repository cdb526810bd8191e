import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { type Action, CreateButton, useActions } from '../actions.tsx'
import { nameColumn, textColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { useProjectChoice } from '../identity/choices.ts'
import { useRowAction } from '../use-row-action.tsx'
import { FlavorAccessAdd, FlavorAccessRemove, type FlavorData } from './flavor-fields.ts'

type ProjectRow = NonNullable<FlavorData['projects']>[number]

/** The projects that may use a flavor that is not public. */
export function FlavorAccess({ flavor }: { flavor: FlavorData }) {
  const { t } = useTranslation()
  const remove = useRowAction({
    mutation: FlavorAccessRemove,
    variables: ({ id }: ProjectRow) => ({ input: { flavorId: flavor.id, projectId: id } }),
    question: ({ name }) => ({
      title: t('manage.removeTitle', { name }),
      text: t('flavors.accessRemoveText'),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.removed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  const action: Action<ProjectRow> = {
    id: 'remove',
    text: () => t('manage.remove'),
    rule: 'compute.flavor.update',
    run: remove.request,
    dialog: remove.dialog,
  }
  const actions = useActions([action], ({ name }) => name)
  return (
    <>
      <Table
        variant="container"
        items={flavor.projects ?? []}
        trackBy="id"
        ariaLabels={{ tableLabel: t('flavors.access') }}
        header={
          <Header
            variant="h2"
            description={t('flavors.accessText')}
            counter={`(${flavor.projects?.length ?? 0})`}
            actions={<GiveAccess flavorId={flavor.id} />}
          >
            {t('flavors.access')}
          </Header>
        }
        columnDefinitions={[
          nameColumn<ProjectRow>(t, paths.project),
          textColumn<ProjectRow>('domain', t('domains.one'), ({ domain }) => domain.name),
          ...actions.columns,
        ]}
        empty={<Empty title={t('flavors.accessNone')} />}
      />
      {actions.dialogs}
    </>
  )
}

function GiveAccess({ flavorId }: { flavorId: string }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="compute.flavor.update"
      text={t('flavors.accessAdd')}
      form={(close) => <AccessForm flavorId={flavorId} onClose={close} />}
    />
  )
}

function AccessForm({ flavorId, onClose }: { flavorId: string; onClose(): void }) {
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
