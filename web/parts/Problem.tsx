/** A refusal of the API on the screen: heading by code, the API's sentence, its numbers. */
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../errors.ts'
import { word } from '../i18n/words.ts'
import { paths } from '../paths.ts'
import { formatAmount } from '../ui/format.ts'
import { PageLink } from '../ui/PageLink.tsx'

/** The sentence and the facts, without a frame. */
export function ProblemFacts({ problem }: { problem: Problem }) {
  const { t } = useTranslation()
  const { rule, limit, used, requested, resource, filters, allowedStatuses } = problem.details
  const { fields, resources } = problem.details
  const amount = (value: number | null | undefined) =>
    value == null ? null : formatAmount(resource ?? '', value)
  const facts = [
    resource && t('problem.resource', { value: word('resource', resource) }),
    limit != null && t('problem.limit', { value: amount(limit) }),
    used != null && t('problem.used', { value: amount(used) }),
    requested != null && t('problem.requested', { value: amount(requested) }),
    allowedStatuses?.length &&
      t('problem.allowedStatuses', {
        value: allowedStatuses.map((status) => word('serverStatus', status)).join(', '),
      }),
  ].filter(Boolean)
  return (
    <>
      <div>{problem.message}</div>
      {facts.length > 0 && <div>{facts.join(' · ')}</div>}
      {fields?.map(({ path, message }) => (
        <div key={path}>
          <code>{path}</code>: {message}
        </div>
      ))}
      {resources?.map(({ type, id, name }) => (
        <div key={id}>{t('problem.dependent', { type: word('resourceType', type), name })}</div>
      ))}
      {filters?.map(({ name, passed, refused }) => (
        <div key={name}>{t('problem.filter', { name: word('filter', name), passed, refused })}</div>
      ))}
      {rule && (
        <div>
          {t('problem.rule')} <code>{rule}</code>{' '}
          <PageLink href={paths.accessCheck({ action: rule })}>{t('problem.why')}</PageLink>
        </div>
      )}
      <Box fontSize="body-s" color="inherit">
        <code>{problem.code}</code>
        {problem.requestId && ` · ${t('problem.requestId', { id: problem.requestId })}`}
      </Box>
    </>
  )
}

interface ProblemAlertProps {
  problem: Problem
  onRetry?: () => void
}

export function ProblemAlert({ problem, onRetry }: ProblemAlertProps) {
  const { t } = useTranslation()
  return (
    <Alert
      type="error"
      header={word('error', problem.code)}
      action={onRetry && <Button onClick={onRetry}>{t('common.retry')}</Button>}
    >
      <ProblemFacts problem={problem} />
    </Alert>
  )
}
