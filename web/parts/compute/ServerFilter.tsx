import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import TextFilter from '@cloudscape-design/components/text-filter'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ListView } from '../../hooks/list-view.ts'
import { word } from '../../i18n/words.ts'
import type { ServerRowData } from './server-fields.ts'

export type ServerStatusFilter = ServerRowData['status']

const statuses: ServerStatusFilter[] = [
  'ACTIVE',
  'BUILD',
  'REBOOT',
  'HARD_REBOOT',
  'SHUTOFF',
  'ERROR',
]

interface ServerFilterProps {
  view: ListView
  matches: number | undefined
}

/** Which servers the list shows: part of the name, and a status. */
export function ServerFilter({ view, matches }: ServerFilterProps) {
  const { t } = useTranslation()
  const name = view.get('name')
  // What is typed but not yet searched for.
  const [pending, setPending] = useState<string | null>(null)
  const options = [
    { value: '', label: t('servers.anyStatus') },
    ...statuses.map((value) => ({ value, label: word('serverStatus', value) })),
  ]
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <TextFilter
        filteringText={pending ?? name}
        filteringPlaceholder={t('servers.find')}
        filteringAriaLabel={t('servers.find')}
        countText={name && matches !== undefined ? t('common.matches', { count: matches }) : ''}
        onChange={({ detail }) => setPending(detail.filteringText)}
        onDelayedChange={({ detail }) => {
          view.set('name', detail.filteringText)
          setPending(null)
        }}
      />
      <Select
        selectedOption={options.find(({ value }) => value === view.get('status')) ?? null}
        options={options}
        ariaLabel={t('common.status')}
        onChange={({ detail }) => view.set('status', detail.selectedOption.value ?? '')}
      />
    </SpaceBetween>
  )
}
