import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Header from '@cloudscape-design/components/header'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import Textarea from '@cloudscape-design/components/textarea'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useIdempotencyKey } from '../../hooks/idempotency.ts'
import { useRereadScreen } from '../../hooks/screen.ts'
import { Empty } from '../../ui/Empty.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { may, useViewer } from '../viewer.ts'
import { emptyRow, type MappingRow, rowOf, ruleOf } from './mapping-rows.ts'
import { type ProviderRowData, ProviderUpdate } from './provider-fields.ts'

interface NumberedRow extends MappingRow {
  /** Stays while other rows come and go. */
  key: number
}

const numbered = (rows: readonly MappingRow[]): NumberedRow[] =>
  rows.map((row, key) => ({ ...row, key }))

/** The rules from claims to users, changed in place and sent together. */
export function MappingTable({ provider }: { provider: ProviderRowData }) {
  const { t } = useTranslation()
  const canEdit = may(useViewer(), 'identity.identity-provider.update')
  const stored = provider.mapping.map(rowOf)
  const [changed, setChanged] = useState<NumberedRow[] | null>(null)
  const rows = changed ?? numbered(stored)
  const form = useSaving(provider, () => setChanged(null))
  const change = (key: number, part: Partial<MappingRow>) =>
    setChanged(rows.map((row) => (row.key === key ? { ...row, ...part } : row)))
  const add = () =>
    setChanged([...rows, { ...emptyRow, key: Math.max(-1, ...rows.map(({ key }) => key)) + 1 }])
  return (
    <SpaceBetween size="m">
      <Table
        variant="container"
        items={rows}
        trackBy={({ key }) => String(key)}
        ariaLabels={{ tableLabel: t('providers.mapping') }}
        wrapLines
        header={
          <Header
            variant="h2"
            description={t('providers.mappingText')}
            actions={
              canEdit && (
                <SpaceBetween direction="horizontal" size="xs">
                  <Button disabled={!changed} onClick={() => setChanged(null)}>
                    {t('common.cancel')}
                  </Button>
                  <Button onClick={add}>{t('providers.addRule')}</Button>
                  <Button
                    variant="primary"
                    disabled={!changed}
                    loading={form.isBusy}
                    onClick={() => void form.save(rows)}
                  >
                    {t('manage.save')}
                  </Button>
                </SpaceBetween>
              )
            }
          >
            {t('providers.mapping')}
          </Header>
        }
        columnDefinitions={[
          conditionColumn(t('providers.conditions'), canEdit, change),
          inputColumn('userName', t('providers.userName'), canEdit, change),
          inputColumn('email', t('users.email'), canEdit, change),
          inputColumn('groups', t('nav.groups'), canEdit, change),
          ...(canEdit
            ? [
                {
                  id: 'remove',
                  header: t('common.actions'),
                  cell: ({ key }: NumberedRow) => (
                    <Button
                      variant="inline-icon"
                      iconName="remove"
                      ariaLabel={t('providers.removeRule')}
                      onClick={() => setChanged(rows.filter((row) => row.key !== key))}
                    />
                  ),
                },
              ]
            : []),
        ]}
        empty={<Empty title={t('providers.noRules')} text={t('providers.noRulesText')} />}
        footer={<Box color="text-body-secondary">{t('providers.conditionsText')}</Box>}
      />
      {form.problem && <ProblemAlert problem={form.problem} />}
    </SpaceBetween>
  )
}

type Change = (key: number, part: Partial<MappingRow>) => void
type Column = TableProps.ColumnDefinition<NumberedRow>

const conditionColumn = (header: string, canEdit: boolean, change: Change): Column => ({
  id: 'conditions',
  header,
  minWidth: 260,
  cell: ({ key, conditions }) =>
    canEdit ? (
      <Textarea
        value={conditions}
        rows={Math.max(2, conditions.split('\n').length)}
        ariaLabel={header}
        spellcheck={false}
        onChange={({ detail }) => change(key, { conditions: detail.value })}
      />
    ) : (
      <pre>{conditions}</pre>
    ),
})

const inputColumn = (
  id: 'userName' | 'email' | 'groups',
  header: string,
  canEdit: boolean,
  change: Change,
): Column => ({
  id,
  header,
  minWidth: 150,
  cell: (row) =>
    canEdit ? (
      <Input
        value={row[id]}
        ariaLabel={header}
        spellcheck={false}
        onChange={({ detail }) => change(row.key, { [id]: detail.value })}
      />
    ) : (
      row[id] || '–'
    ),
})

function useSaving({ id, name, version }: ProviderRowData, onDone: () => void) {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  const rereadScreen = useRereadScreen()
  const keyFor = useIdempotencyKey()
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  async function save(rows: readonly MappingRow[]): Promise<void> {
    setBusy(true)
    setProblem(null)
    const wanted = { id, ifVersion: version, mapping: rows.map(ruleOf) }
    const input = { ...wanted, idempotencyKey: keyFor(wanted) }
    const { error } = await client.mutation(ProviderUpdate, { input })
    setBusy(false)
    if (error) return setProblem(explain(error))
    show({ type: 'success', header: t('manage.done.changed', { name }) })
    onDone()
    rereadScreen()
  }
  return { save, problem, isBusy }
}
