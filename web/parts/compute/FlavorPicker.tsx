import Box from '@cloudscape-design/components/box'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Empty } from '../../ui/Empty.tsx'
import { formatGiB, formatMiB, formatNumber } from '../../ui/format.ts'
import { sizeColumns } from './flavor-columns.tsx'
import type { FlavorRowData } from './flavor-fields.ts'

/** What a server has now. */
export type Size = Pick<FlavorRowData, 'id' | 'vcpus' | 'memoryMiB' | 'diskGiB'>

interface FlavorPickerProps {
  flavors: readonly FlavorRowData[]
  value: string
  onChange(id: string): void
  /** With it, every flavor shows how it differs from this one, which can't be chosen. */
  present?: Size
}

/** The choice of a flavor as a table of sizes. */
export function FlavorPicker({ flavors, value, onChange, present }: FlavorPickerProps) {
  const { t } = useTranslation()
  const isPresent = ({ id }: FlavorRowData) => id === present?.id
  return (
    <Table
      variant="embedded"
      items={flavors}
      trackBy="id"
      selectionType="single"
      selectedItems={flavors.filter(({ id }) => id === value)}
      isItemDisabled={isPresent}
      onSelectionChange={({ detail }) => onChange(detail.selectedItems[0]?.id ?? '')}
      onRowClick={({ detail }) => {
        if (!isPresent(detail.item)) onChange(detail.item.id)
      }}
      ariaLabels={{
        tableLabel: t('servers.flavor'),
        selectionGroupLabel: t('servers.flavor'),
        itemSelectionLabel: (_, flavor) => flavor.name,
      }}
      columnDefinitions={[
        {
          id: 'name',
          header: t('common.name'),
          isRowHeader: true,
          cell: (flavor) => (
            <>
              {flavor.name}
              {isPresent(flavor) && (
                <Box variant="small" margin={{ left: 'xs' }}>
                  {t('flavors.present')}
                </Box>
              )}
            </>
          ),
        },
        ...(present ? differenceColumns(t, present) : sizeColumns<FlavorRowData>(t)),
        {
          id: 'description',
          header: t('common.description'),
          cell: ({ description }) => description ?? '–',
        },
      ]}
      empty={<Empty title={t('flavors.none')} />}
    />
  )
}

function differenceColumns(
  t: TFunction,
  present: Size,
): TableProps.ColumnDefinition<FlavorRowData>[] {
  const formats = { vcpus: formatNumber, memoryMiB: formatMiB, diskGiB: formatGiB } as const
  return sizeColumns<FlavorRowData>(t).map((column) => ({
    ...column,
    cell: (flavor) => {
      const field = ({ vcpus: 'vcpus', memory: 'memoryMiB', disk: 'diskGiB' } as const)[
        column.id as 'vcpus' | 'memory' | 'disk'
      ]
      // A flavor without a disk of its own leaves the disk as it is.
      const isSame = field === 'diskGiB' && flavor.diskGiB === 0
      const difference = isSame ? 0 : flavor[field] - present[field]
      const sign = difference > 0 ? '+' : '−'
      return (
        <>
          {column.cell(flavor)}
          {difference !== 0 && (
            <Box
              variant="small"
              margin={{ left: 'xs' }}
              color={difference > 0 ? 'text-status-success' : 'inherit'}
            >
              ({sign}
              {formats[field](Math.abs(difference))})
            </Box>
          )}
        </>
      )
    },
  }))
}
