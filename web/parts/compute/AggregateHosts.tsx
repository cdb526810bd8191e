import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { nameColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { MemberTable } from '../MemberTable.tsx'
import { HostStatus } from '../Status.tsx'
import { type AggregateData, AggregateHostAdd, AggregateHostRemove } from './aggregate-fields.ts'
import { useHostOptions } from './host-choice.ts'

type HostRow = AggregateData['hosts']['nodes'][number]

/** The hosts of an aggregate. */
export function AggregateHosts({ aggregate }: { aggregate: AggregateData }) {
  const { t } = useTranslation()
  return (
    <MemberTable
      rule="compute.aggregate.update"
      title={t('aggregates.hosts')}
      rows={aggregate.hosts.nodes}
      count={aggregate.hosts.totalCount}
      columns={[
        nameColumn<HostRow>(t, paths.host),
        { id: 'status', header: t('common.status'), cell: (host) => <HostStatus host={host} /> },
      ]}
      noneText={t('aggregates.noHosts')}
      addText={t('aggregates.addHost')}
      addForm={(close) => <AddForm aggregate={aggregate} onClose={close} />}
      mutation={AggregateHostRemove}
      input={({ id }) => ({ id: aggregate.id, hostId: id })}
      text={t('aggregates.removeHostText')}
    />
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
