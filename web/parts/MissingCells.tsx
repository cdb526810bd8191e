import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import { useTranslation } from 'react-i18next'
import { Moment } from '../ui/Moment.tsx'

/** A part of the cloud that does not answer, as every connection tells of it. */
export interface MissingCell {
  cell: string
  reason: string
  since: string
}

/** What a list lacks, and why; nothing when it is whole. */
export function MissingCells({ cells }: { cells: readonly MissingCell[] }) {
  const { t } = useTranslation()
  if (cells.length === 0) return null
  return (
    <Box margin={{ bottom: 's' }}>
      <Alert type="warning" header={t('cells.missing')}>
        {cells.map(({ cell, reason, since }) => (
          <div key={cell}>
            <b>{cell}</b>: {reason} ({t('cells.since')} <Moment at={since} />)
          </div>
        ))}
      </Alert>
    </Box>
  )
}
