import Box from '@cloudscape-design/components/box'
import ProgressBar from '@cloudscape-design/components/progress-bar'
import { useTranslation } from 'react-i18next'
import { formatAmount } from './format.ts'

interface UsageBarProps {
  label?: string
  ariaLabel?: string
  /** Named with its unit (memoryMiB), so that the amounts can be written well. */
  resource: string
  used: number
  /** Negative: there is no limit. */
  total: number
  note?: string
}

/** How much of something is taken: the bar, and both amounts in words. */
export function UsageBar({ label, ariaLabel, resource, used, total, note }: UsageBarProps) {
  const { t } = useTranslation()
  const amounts = { used: formatAmount(resource, used), total: formatAmount(resource, total) }
  if (total < 0) {
    return (
      <div>
        {label && <Box variant="awsui-key-label">{label}</Box>}
        {t('usage.unlimited', amounts)}
      </div>
    )
  }
  return (
    <ProgressBar
      value={total === 0 ? 0 : Math.min(100, (used / total) * 100)}
      label={label}
      ariaLabel={ariaLabel ?? label}
      description={t('usage.ofTotal', amounts)}
      additionalInfo={note}
    />
  )
}
