import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { Loading } from '../../ui/Loading.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { HostMaintain, type HostRowData, type PlannedMoveData } from './host-fields.ts'
import { PlannedMoves } from './PlannedMoves.tsx'

interface HostMaintainFormProps {
  host: HostRowData
  onClose(): void
}

/** Emptying a host: where its servers would go is shown first. */
export function HostMaintainForm({ host, onClose }: HostMaintainFormProps) {
  const { t } = useTranslation()
  const client = useClient()
  const [moves, setMoves] = useState<readonly PlannedMoveData[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const { id } = host

  useEffect(() => {
    let isCurrent = true
    const source = client.mutation(HostMaintain, { input: { id, dryRun: true } })
    void source.toPromise().then(({ data, error }) => {
      if (!isCurrent) return
      if (error) setProblem(explain(error))
      setMoves(data?.hostMaintain.moves ?? [])
    })
    return () => {
      isCurrent = false
    }
  }, [client, id])

  return (
    <FormModal
      title={t('hosts.maintainTitle', { name: host.name })}
      submitText={t('hosts.maintain')}
      isLarge
      fields={[{ kind: 'text', name: 'reason', label: t('servers.form.reason') }]}
      mutation={HostMaintain}
      input={({ reason }) => ({ id, reason: reason || null })}
      onDone={() => ({ header: t('hosts.maintained', { name: host.name }) })}
      onClose={onClose}
    >
      <div>{t('hosts.maintainText')}</div>
      {problem && <ProblemAlert problem={problem} />}
      {moves ? <PlannedMoves moves={moves} /> : <Loading text={t('common.loading')} />}
    </FormModal>
  )
}
