import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { formatGiB, formatMiB } from '../../ui/format.ts'
import type { FlavorRowData } from './flavor-fields.ts'

/** How large a flavor is: the columns of every table of flavors. */
export const sizeColumns = <Row extends FlavorRowData>(
  t: TFunction,
): TableProps.ColumnDefinition<Row>[] => [
  { id: 'vcpus', header: t('flavors.vcpus'), cell: ({ vcpus }) => vcpus },
  { id: 'memory', header: t('flavors.memory'), cell: ({ memoryMiB }) => formatMiB(memoryMiB) },
  { id: 'disk', header: t('flavors.disk'), cell: ({ diskGiB }) => diskInWords(t, diskGiB) },
]

export const diskInWords = (t: TFunction, diskGiB: number): string =>
  diskGiB === 0 ? t('flavors.imageSized') : formatGiB(diskGiB)
