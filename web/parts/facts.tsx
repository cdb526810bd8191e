import type { KeyValuePairsProps } from '@cloudscape-design/components/key-value-pairs'
import type { TFunction } from 'i18next'
import { CopyId } from '../ui/CopyId.tsx'
import { Moment } from '../ui/Moment.tsx'
import { EnabledStatus } from './columns.tsx'

interface Described {
  id: string
  description?: string
  enabled?: boolean
  createdAt: string
  updatedAt: string
}

/** What is said of every resource, with its own facts in between. */
export const factsOf = (
  t: TFunction,
  row: Described,
  own: readonly KeyValuePairsProps.Pair[] = [],
): KeyValuePairsProps.Pair[] => [
  ...(row.enabled === undefined
    ? []
    : [{ label: t('common.status'), value: <EnabledStatus enabled={row.enabled} /> }]),
  ...own,
  ...(row.description === undefined
    ? []
    : [{ label: t('common.description'), value: row.description || '–' }]),
  { label: t('common.created'), value: <Moment at={row.createdAt} /> },
  { label: t('common.updated'), value: <Moment at={row.updatedAt} /> },
  { label: t('common.id'), value: <CopyId id={row.id} /> },
]
