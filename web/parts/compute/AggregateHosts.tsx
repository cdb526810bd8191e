import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { type Action, CreateButton, useActions } from '../actions.tsx'
import { nameColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { HostStatus } from '../Status.tsx'
import { useRowAction } from '../use-row-action.tsx'
import { type AggregateData, AggregateHostAdd, AggregateHostRemove } from './aggregate-fields.ts'
import { useHostOptions } from './host-choice.ts'

type HostRow = AggregateData['hosts']['nodes'][number]

/** The hosts of an aggregate. */
export function AggregateHosts({ aggregate }: { aggregate: AggregateData }) {
  const { t } = useTranslation()
  const remove = useRowAction({
    mutation: AggregateHostRemove,
    variables: ({ id }: HostRow) => ({ input: { id: aggregate.id, hostId: id } }),
    question: ({ name }) => ({
      title: t('manage.removeTitle', { name }),
      text: t('aggregates.removeHostText'),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.removed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  const action: Action<HostRow> = {
    id: 'remove',
    text: () => t('manage.remove'),
    rule: 'compute.aggregate.update',
    run: remove.request,
    dialog: remove.dialog,
  }
  const actions = useActions([action], ({ name }) => name)
  return (
    <>
      <Table
        variant="container"
        items={aggregate.hosts.nodes}
        trackBy="id"
        ariaLabels={{ tableLabel: t('aggregates.hosts') }}
        header={
          <Header
            variant="h2"
            counter={`(${aggregate.hosts.totalCount})`}
            actions={
              <CreateButton
                rule="compute.aggregate.update"
                text={t('aggregates.addHost')}
                form={(close) => <AddForm aggregate={aggregate} onClose={close} />}
              />
            }
          >
            {t('aggregates.hosts')}
          </Header>
        }
        columnDefinitions={[
          nameColumn<HostRow>(t, paths.host),
          {
            id: 'status',
            header: t('common.status'),
            cell: (host) => <HostStatus host={host} />,
          },
          ...actions.columns,
        ]}
        empty={<Empty title={t('aggregates.noHosts')} />}
      />
      {actions.dialogs}
    </>
  )
}

function AddForm({ aggregate, onClose }: { aggregate: AggregateData; onClose(): void }) {
  const { t } = useTranslation()
  const options = useHostOptions(aggregate.hosts.nodes.map(({ id }) => id))
  return (
    <FormModal
      title={t('aggregates.addHost')}
      submitText={t('manage.add')}
      fields={[
        { kind: 'select', name: 'hostId', label: t('hosts.one'), isRequired: true, options },
      ]}
      mutation={AggregateHostAdd}
      input={({ hostId }) => ({ id: aggregate.id, hostId })}
      onDone={() => ({ header: t('aggregates.hostAdded') })}
      onClose={onClose}
    />
  )
}
