import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from './Empty.tsx'

interface PairsTableProps {
  title: string
  description?: string
  pairs: Readonly<Record<string, string>>
  actions?: ReactNode
  noneText: string
}

/** Names with their texts, to be read. */
export function PairsTable({ title, description, pairs, actions, noneText }: PairsTableProps) {
  const { t } = useTranslation()
  const rows = Object.entries(pairs).map(([name, value]) => ({ name, value }))
  return (
    <Table
      variant="container"
      header={
        <Header variant="h2" description={description} actions={actions}>
          {title}
        </Header>
      }
      items={rows}
      trackBy="name"
      ariaLabels={{ tableLabel: title }}
      columnDefinitions={[
        {
          id: 'name',
          header: t('common.name'),
          isRowHeader: true,
          cell: ({ name }) => <code>{name}</code>,
        },
        { id: 'value', header: t('form.value'), cell: ({ value }) => value },
      ]}
      empty={<Empty title={noneText} />}
      wrapLines
    />
  )
}
