import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { FormModal } from '../form/FormModal.tsx'
import { may, useViewer } from '../viewer.ts'
import { type HostData, HostUpdate } from './host-fields.ts'

/** What a host can: as its agent found, and as operators say. */
export function HostTraits({ host }: { host: HostData }) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const [isOpen, setOpen] = useState(false)
  const list = (title: string, traits: readonly string[]) => (
    <div>
      <Box variant="awsui-key-label">{title}</Box>
      {traits.length === 0 ? '–' : traits.map((trait) => <div key={trait}>{trait}</div>)}
    </div>
  )
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('hosts.traitsText')}
          actions={
            may(viewer, 'compute.host.update') && (
              <Button onClick={() => setOpen(true)}>{t('hosts.traitsEdit')}</Button>
            )
          }
        >
          {t('hosts.traits')}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {list(t('hosts.traitsOwn'), host.customTraits)}
        {list(t('hosts.traitsFound'), host.traits)}
      </SpaceBetween>
      {isOpen && (
        <FormModal
          title={t('hosts.traitsEdit')}
          submitText={t('manage.save')}
          fields={[
            {
              kind: 'tags',
              name: 'customTraits',
              label: t('hosts.traitsOwn'),
              description: t('hosts.traitsOwnText'),
              first: host.customTraits,
            },
          ]}
          mutation={HostUpdate}
          input={({ customTraits }) => ({
            id: host.id,
            ifVersion: host.version,
            customTraits: [...customTraits],
          })}
          onDone={() => ({ header: t('manage.done.changed', { name: host.name }) })}
          onClose={() => setOpen(false)}
        />
      )}
    </Container>
  )
}
