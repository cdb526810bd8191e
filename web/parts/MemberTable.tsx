import Header from '@cloudscape-design/components/header'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { ReactNode } from 'react'
import { Empty } from '../ui/Empty.tsx'
import {
  CreateButton,
  type Named,
  type RemoveOptions,
  useActions,
  useRemoveAction,
} from './actions.tsx'

interface MemberTableProps<Row extends Named, Input> extends RemoveOptions<Row, Input> {
  title: string
  description?: string
  rows: readonly Row[]
  /** When it is more than the rows that are shown. */
  count?: number
  columns: TableProps.ColumnDefinition<Row>[]
  noneText: string
  addText: string
  addForm(close: () => void): ReactNode
}

/** What belongs to a thing, all of it known with the thing: shown, added to, and taken away from. */
export function MemberTable<Row extends Named, Input>(props: MemberTableProps<Row, Input>) {
  const { title, description, rows, count = rows.length, addText, addForm, rule } = props
  const actions = useActions([useRemoveAction(props)], ({ name }) => name)
  return (
    <>
      <Table
        variant="container"
        items={rows}
        trackBy="id"
        ariaLabels={{ tableLabel: title }}
        header={
          <Header
            variant="h2"
            description={description}
            counter={`(${count})`}
            actions={<CreateButton rule={rule} text={addText} form={addForm} />}
          >
            {title}
          </Header>
        }
        columnDefinitions={[...props.columns, ...actions.columns]}
        empty={<Empty title={props.noneText} />}
      />
      {actions.dialogs}
    </>
  )
}
