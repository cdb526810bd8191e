import Header from '@cloudscape-design/components/header'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { type TypedDocumentNode, useQuery } from 'urql'
import { explain } from '../errors.ts'
import { usePages } from '../hooks/list-view.ts'
import { Empty } from '../ui/Empty.tsx'
import type { Connection } from './ListPage.tsx'
import { ProblemAlert } from './Problem.tsx'
import { Paging } from './ResourceTable.tsx'

const rowsPerPage = 20

interface PageVariables {
  first: number
  after?: string | null
}

interface SubListProps<Data, Variables extends PageVariables, T extends { id: string }> {
  title: string
  description?: string
  query: TypedDocumentNode<Data, Variables>
  variables: Omit<Variables, 'first' | 'after'>
  /** The rows in the query's answer. */
  rows(data: Data): Connection<T> | null | undefined
  columns: TableProps.ColumnDefinition<T>[]
  actions?: ReactNode
  noneText: string
}

/** A list inside of a page, read by pages. It is read again after a person's own changes. */
export function SubList<Data, Variables extends PageVariables, T extends { id: string }>(
  props: SubListProps<Data, Variables, T>,
) {
  const { t } = useTranslation()
  const { title, description, query, actions, columns } = props
  const pages = usePages(JSON.stringify(props.variables))
  const variables = { ...props.variables, first: rowsPerPage, after: pages.after } as Variables
  const [{ data, error }] = useQuery({ query, variables })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  const found = data && props.rows(data)
  const count = found?.totalCount
  return (
    <Table
      variant="container"
      items={found?.nodes ?? []}
      trackBy="id"
      loading={!data}
      loadingText={t('common.loading')}
      ariaLabels={{ tableLabel: title }}
      columnDefinitions={columns}
      header={
        <Header
          variant="h2"
          description={description}
          counter={count === undefined ? undefined : `(${count})`}
          actions={actions}
        >
          {title}
        </Header>
      }
      pagination={<Paging pages={pages} pageInfo={found?.pageInfo} />}
      empty={<Empty title={props.noneText} />}
    />
  )
}
