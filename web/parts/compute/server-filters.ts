import type { TFunction } from 'i18next'
import { word } from '../../i18n/words.ts'
import type { Filters } from '../ListFilter.tsx'
import type { ServerRowData } from './server-fields.ts'

export type ServerStatusFilter = ServerRowData['status']

/** Those that a server rests in, and the ways that take long. */
const statuses: ServerStatusFilter[] = [
  'ACTIVE',
  'BUILD',
  'SHUTOFF',
  'PAUSED',
  'SUSPENDED',
  'RESCUE',
  'VERIFY_RESIZE',
  'MIGRATING',
  'SHELVED',
  'SHELVED_OFFLOADED',
  'SOFT_DELETED',
  'ERROR',
]

/** What a list of servers can be narrowed by: part of the name, and a status. */
export const serverFilters = (t: TFunction): Filters => ({
  text: { name: 'name', label: t('servers.find') },
  choices: [
    {
      name: 'status',
      label: t('common.status'),
      anyText: t('servers.anyStatus'),
      options: statuses.map((value) => ({ value, label: word('serverStatus', value) })),
    },
  ],
})
