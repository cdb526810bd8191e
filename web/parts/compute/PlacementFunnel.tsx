/**
 * Placement as a picture: a bar for each filter, as long as the part of the hosts that it left. What
 * the bars show is said in words beside them too.
 */
import Box from '@cloudscape-design/components/box'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'

export interface FunnelStep {
  name: string
  passed: number
  refused: number
}

interface PlacementFunnelProps {
  hostsTotal: number
  filters: readonly FunnelStep[]
}

/** So that one host of ten thousand is still seen. */
const shortestPercent = 0.6

export function PlacementFunnel({ hostsTotal, filters }: PlacementFunnelProps) {
  const { t } = useTranslation()
  return (
    <ol className="funnel" aria-label={t('placement.chart')}>
      <Bar name={t('placement.start')} passed={hostsTotal} refused={0} total={hostsTotal} />
      {filters.map(({ name, passed, refused }) => (
        <Bar
          key={name}
          name={word('filter', name)}
          passed={passed}
          refused={refused}
          total={hostsTotal}
        />
      ))}
    </ol>
  )
}

function Bar({ name, passed, refused, total }: FunnelStep & { total: number }) {
  const { t } = useTranslation()
  const percent = (hosts: number) =>
    hosts === 0 || total === 0 ? 0 : Math.max(shortestPercent, (hosts / total) * 100)
  return (
    <li className="funnel-row">
      <span className="funnel-name">{name}</span>
      <span className="funnel-track" aria-hidden="true">
        <span className="funnel-passed" style={{ inlineSize: `${percent(passed)}%` }} />
        <span className="funnel-refused" style={{ inlineSize: `${percent(refused)}%` }} />
      </span>
      <span className="funnel-count">
        {t('placement.passed', { count: passed })}
        {refused > 0 && (
          <Box variant="span" color="text-status-error" padding={{ left: 'xs' }}>
            {t('placement.refused', { count: refused })}
          </Box>
        )}
      </span>
    </li>
  )
}
