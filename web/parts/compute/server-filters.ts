import type { TFunction } from 'i18next'
import type { ListView } from '../../hooks/list-view.ts'
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

const ALL = 'all'

/** Whether the address asks for the servers of all projects. */
export const isOfAll = (view: Pick<ListView, 'get'>): boolean => view.get('projects') === ALL

/** What a list of servers can be narrowed by; those who may widen it to all projects. */
export const serverFilters = (t: TFunction, maySeeAll: boolean): Filters => ({
  text: { name: 'name', label: t('servers.find') },
  choices: [
    {
      name: 'status',
      label: t('common.status'),
      anyText: t('servers.anyStatus'),
      options: statuses.map((value) => ({ value, label: word('serverStatus', value) })),
    },
    ...(maySeeAll
      ? [
          {
            name: 'projects',
            label: t('nav.projects'),
            anyText: t('servers.ofProject'),
            options: [{ value: ALL, label: t('servers.ofAll') }],
          },
        ]
      : []),
  ],
})
