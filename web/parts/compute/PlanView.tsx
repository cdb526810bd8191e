import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../../errors.ts'
import { word } from '../../i18n/words.ts'
import { ProblemAlert } from '../Problem.tsx'
import { QuotaBars } from '../QuotaBars.tsx'
import { NearestMiss } from './NearestMiss.tsx'
import type { PlacementData, PlanData } from './plan-fields.ts'

interface PlanViewProps {
  plan?: Pick<PlanData, 'quotas' | 'placement'> | null
  problem?: Problem
}

/** What would come of it: why not, quotas, and hosts that have room. */
export function PlanView({ plan, problem }: PlanViewProps) {
  return (
    <SpaceBetween size="l">
      {problem && <ProblemAlert problem={problem} />}
      {plan && <QuotaBars quotas={plan.quotas} />}
      {plan?.placement && <HostsLeft placement={plan.placement} />}
    </SpaceBetween>
  )
}

/** How many hosts would take it, and what refused the others. */
export function HostsLeft({ placement }: { placement: PlacementData }) {
  const { t } = useTranslation()
  const { hostsTotal, hostsPassed, filters, nearestMiss } = placement
  return (
    <SpaceBetween size="xs">
      <StatusIndicator type={hostsPassed > 0 ? 'success' : 'error'}>
        {t('launch.hosts', { passed: hostsPassed, total: hostsTotal })}
      </StatusIndicator>
      {filters
        .filter(({ refused }) => refused > 0)
        .map(({ name, refused }) => (
          <div key={name}>
            {t('launch.refused', { name: word('filter', name), count: refused })}
          </div>
        ))}
      {nearestMiss && <NearestMiss miss={nearestMiss} />}
    </SpaceBetween>
  )
}
