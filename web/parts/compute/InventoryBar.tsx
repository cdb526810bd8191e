import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { formatAmount } from '../../ui/format.ts'
import { UsageBar } from '../../ui/UsageBar.tsx'
import type { HostRowData } from './host-fields.ts'

interface InventoryBarProps {
  inventory: HostRowData['inventory'][number]
  /** With its name above and what is held back below, where there is room. */
  isFull?: boolean
}

/** How much of one resource of a host is taken: of what may be given out, with overcommit. */
export function InventoryBar({ inventory, isFull }: InventoryBarProps) {
  const { t } = useTranslation()
  const { resource, allocationRatio } = inventory
  const [total, used, reserved] = [inventory.total, inventory.used, inventory.reserved].map(Number)
  const name = word('resource', resource)
  const note = t('hosts.capacity', {
    total: formatAmount(resource, total ?? 0),
    reserved: formatAmount(resource, reserved ?? 0),
    ratio: allocationRatio,
  })
  return (
    <UsageBar
      label={isFull ? name : undefined}
      ariaLabel={name}
      resource={resource}
      used={used ?? 0}
      total={((total ?? 0) - (reserved ?? 0)) * allocationRatio}
      note={isFull ? note : undefined}
    />
  )
}
