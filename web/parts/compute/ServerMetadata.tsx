import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { PairsTable } from '../../ui/PairsTable.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { mapOf } from '../form/fields.ts'
import { may, useViewer } from '../viewer.ts'
import type { ServerDetailsData } from './server-fields.ts'
import { ServerUpdate } from './server-mutations.ts'

/** What is written to a server: metadata and, in the same form, name, description and tags. */
export function ServerMetadata({ server }: { server: ServerDetailsData }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const [isOpen, setOpen] = useState(false)
  return (
    <SpaceBetween size="l">
      <PairsTable
        title={t('launch.metadata')}
        description={t('launch.metadataText')}
        pairs={server.metadata}
        noneText={t('servers.metadata.none')}
        actions={
          may(viewer, 'compute.server.update') && (
            <Button onClick={() => setOpen(true)}>{t('servers.metadata.edit')}</Button>
          )
        }
      />
      {isOpen && <EditForm server={server} onClose={() => setOpen(false)} />}
    </SpaceBetween>
  )
}

function EditForm({ server, onClose }: { server: ServerDetailsData; onClose(): void }) {
  const { t } = useTranslation()
  return (
    <FormModal
      title={t('manage.editTitle', { name: server.name })}
      submitText={t('manage.save')}
      isLarge
      fields={[
        {
          kind: 'text',
          name: 'name',
          label: t('common.name'),
          isRequired: true,
          first: server.name,
        },
        {
          kind: 'text',
          name: 'description',
          label: t('common.description'),
          first: server.description ?? '',
        },
        { kind: 'tags', name: 'tags', label: t('launch.tags'), first: server.tags },
        {
          kind: 'pairs',
          name: 'metadata',
          label: t('launch.metadata'),
          description: t('launch.metadataText'),
          first: server.metadata,
        },
      ]}
      mutation={ServerUpdate}
      input={({ tags, metadata, ...values }) => ({
        ...values,
        id: server.id,
        ifVersion: server.version,
        tags: [...tags],
        metadata: mapOf(metadata),
      })}
      onDone={(_, { name }) => ({ header: t('manage.done.changed', { name }) })}
      onClose={onClose}
    />
  )
}
