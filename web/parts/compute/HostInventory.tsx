/** What a host has to give out, and the form for what operators keep back and promise more than once. */
import Button from '@cloudscape-design/components/button'
import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { FormModal } from '../form/FormModal.tsx'
import type { Field } from '../form/fields.ts'
import { may, useViewer } from '../viewer.ts'
import { type HostData, HostUpdate } from './host-fields.ts'
import { InventoryBar } from './InventoryBar.tsx'

export function HostInventory({ host }: { host: HostData }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const [isOpen, setOpen] = useState(false)
  const mayEdit = may(viewer, 'compute.host.update') && host.inventory.length > 0
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('hosts.inventoryText')}
          actions={
            mayEdit && <Button onClick={() => setOpen(true)}>{t('hosts.inventoryEdit')}</Button>
          }
        >
          {t('hosts.inventory')}
        </Header>
      }
    >
      <ColumnLayout columns={3}>
        {host.inventory.map((inventory) => (
          <InventoryBar key={inventory.resource} inventory={inventory} isFull />
        ))}
      </ColumnLayout>
      {isOpen && <InventoryForm host={host} onClose={() => setOpen(false)} />}
    </Container>
  )
}

const nameOf = (kind: 'reserved' | 'ratio', resource: string): string => `${kind}-${resource}`

function InventoryForm({ host, onClose }: { host: HostData; onClose(): void }) {
  const { t } = useTranslation()
  const fields = host.inventory.flatMap(({ resource, reserved, allocationRatio }): Field[] => {
    const name = { resource: word('resource', resource), unit: unitOf(resource) }
    const number = { kind: 'number', isRequired: true } as const
    return [
      {
        ...number,
        name: nameOf('reserved', resource),
        label: t('hosts.reserved', name),
        first: Number(reserved),
      },
      {
        ...number,
        name: nameOf('ratio', resource),
        label: t('hosts.ratio', name),
        first: allocationRatio,
        isFraction: true,
      },
    ]
  })
  return (
    <FormModal
      title={t('hosts.inventoryEdit')}
      submitText={t('manage.save')}
      fields={fields}
      mutation={HostUpdate}
      input={(values) => ({
        id: host.id,
        ifVersion: host.version,
        inventory: host.inventory.map(({ resource }) => ({
          resource,
          reserved: Number(values[nameOf('reserved', resource)]),
          allocationRatio: Number(values[nameOf('ratio', resource)]),
        })),
      })}
      onDone={() => ({ header: t('manage.done.changed', { name: host.name }) })}
      onClose={onClose}
    >
      {t('hosts.inventoryEditText')}
    </FormModal>
  )
}

/** Of the number that is typed: resources are counted in what their names end in. */
function unitOf(resource: string): string {
  if (resource.endsWith('_MB')) return ' (MiB)'
  return resource.endsWith('_GB') ? ' (GiB)' : ''
}
