import Alert from '@cloudscape-design/components/alert'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { formatAmount } from '../../ui/format.ts'
import type { PlacementData } from './plan-fields.ts'

/** The host that lacked least, by how much, and what would make it fit. */
export function NearestMiss({ miss }: { miss: NonNullable<PlacementData['nearestMiss']> }) {
  const { t } = useTranslation()
  const { host, shortBy, remedies } = miss
  return (
    <Alert type="info" header={host ? t('placement.miss', { host }) : t('placement.missUnnamed')}>
      {shortBy.map(({ resource, amount }) => (
        <div key={resource}>
          {t('placement.short', {
            resource: word('resource', resource),
            amount: formatAmount(resource, amount),
          })}
        </div>
      ))}
      {remedies.length > 0 && (
        <>
          <div>{t('placement.fixes')}:</div>
          <ul>
            {remedies.map((remedy) => (
              <li key={remedy}>{remedy}</li>
            ))}
          </ul>
        </>
      )}
    </Alert>
  )
}
