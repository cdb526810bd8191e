/**
 * The page of a list that keeps itself true: read by key pages, narrowed and ordered by what the
 * address says, read again when a watch tells of changes that move rows. A page gives its query,
 * its watch and its columns; what a list looks like is said in ResourceTable.
 */
import Button from '@cloudscape-design/components/button'
import ButtonDropdown, {
  type ButtonDropdownProps,
} from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type TypedDocumentNode, useQuery } from 'urql'
import { type ListView, useListView, usePages } from '../hooks/list-view.ts'
import { useLiveList, useReread } from '../hooks/live.ts'
import { Empty } from '../ui/Empty.tsx'
import { type Filters, isFiltered, ListFilter } from './ListFilter.tsx'
import type { MissingCell } from './MissingCells.tsx'
import { type ListState, ResourceTable } from './ResourceTable.tsx'

const rowsPerPage = 50

/** A page of rows as the API gives it. */
export interface Connection<T> {
  nodes: readonly T[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
  totalCount?: number
  /** Of lists that are in several cells. */
  missing?: readonly MissingCell[]
}

/** What every list's query takes. */
export interface ListVariables {
  first: number
  after?: string | null
  orderBy?: { field: string; direction?: 'ASC' | 'DESC' | null } | null
}

/** One field with a change, as every watch answers. */
export type Change = Record<string, { kind: string }>
interface WatchVariables {
  after?: string | null
}

/** The menu of what can be done with the selected rows. */
interface Selection<T> {
  nameOf(row: T): string
  /** Why nothing can be done while none is selected. */
  firstText: string
  items(selected: readonly T[]): ButtonDropdownProps.Items
  onChoose(item: string, selected: readonly T[]): void
}

export interface ListPageProps<
  Data,
  Variables extends ListVariables,
  C extends Change,
  T extends { id: string },
> {
  title: string
  description: string
  query: TypedDocumentNode<Data, Variables>
  /** The rows in the query's answer. */
  rows(data: Data): Connection<T> | null | undefined
  /**
   * The query's other variables, from the address. With an `orderBy` (see `orderOf`) the columns
   * that have a `sortingField` can be sorted by.
   */
  variables?(view: ListView): Omit<Variables, 'first' | 'after'>
  /** Tells of changes. Without, the list is read again after a person's own actions only. */
  watch?: TypedDocumentNode<C, WatchVariables>
  columns: TableProps.ColumnDefinition<T>[]
  filters?: Filters
  /** What can be done with selected rows; without it none can be selected. */
  selection?: Selection<T>
  /** The buttons of the page. */
  actions?: ReactNode
  /** What is said when there is nothing, and the way on. */
  none: { title: string; text?: string; action?: ReactNode }
}

export function ListPage<
  Data,
  Variables extends ListVariables,
  C extends Change,
  T extends { id: string },
>(props: ListPageProps<Data, Variables, C, T>) {
  const { filters = {}, selection } = props
  const view = useListView()
  const others = props.variables?.(view)
  const pages = usePages(JSON.stringify(others ?? null))
  const variables = { first: rowsPerPage, after: pages.after, ...others } as Variables
  const [{ data, error }, reread] = useQuery({ query: props.query, variables })
  const [selectedIds, setSelectedIds] = useState<ReadonlySet<string>>(new Set())
  const connection = data && props.rows(data)
  const list: ListState<T> = {
    items: connection?.nodes,
    totalCount: connection?.totalCount,
    pageInfo: connection?.pageInfo,
    missing: connection?.missing,
    error,
    reread,
  }
  const selected = list.items?.filter(({ id }) => selectedIds.has(id)) ?? []
  const { orderBy } = variables
  return (
    <>
      {props.watch && (
        <ListWatch watch={props.watch} isFiltered={isFiltered(filters, view)} reread={reread} />
      )}
      <ResourceTable
        title={props.title}
        description={props.description}
        list={list}
        pages={pages}
        columns={props.columns}
        nameOf={selection?.nameOf}
        selectedIds={selectedIds}
        onSelect={selection && setSelectedIds}
        order={
          orderBy ? { field: orderBy.field, isDescending: orderBy.direction === 'DESC' } : undefined
        }
        onOrder={({ field, isDescending }) =>
          view.set('order', `${field}-${isDescending ? 'DESC' : 'ASC'}`)
        }
        filter={
          props.filters && (
            <ListFilter filters={filters} view={view} matches={connection?.totalCount} />
          )
        }
        actions={
          (selection || props.actions) && (
            <SpaceBetween direction="horizontal" size="xs">
              {selection && <SelectionMenu selection={selection} selected={selected} />}
              {props.actions}
            </SpaceBetween>
          )
        }
        empty={
          <Nothing
            none={props.none}
            isFiltered={isFiltered(filters, view)}
            isPartial={(connection?.missing ?? []).length > 0}
            view={view}
          />
        }
      />
    </>
  )
}

interface ListWatchProps<C extends Change> {
  watch: TypedDocumentNode<C, WatchVariables>
  isFiltered: boolean
  reread: ListState<unknown>['reread']
}

/** Not every list has a watch, and a hook can't be left out: a component can. */
function ListWatch<C extends Change>(props: ListWatchProps<C>) {
  const rereadSoon = useReread(props.reread)
  useLiveList(
    props.watch,
    (data) => {
      const change = Object.values(data)[0]
      // An update is in its row by now. Only in a narrowed list does it also move rows.
      if (change?.kind !== 'UPDATED' || props.isFiltered) rereadSoon()
    },
    rereadSoon,
  )
  return null
}

interface SelectionMenuProps<T> {
  selection: Selection<T>
  selected: readonly T[]
}

function SelectionMenu<T>({ selection, selected }: SelectionMenuProps<T>) {
  const { t } = useTranslation()
  return (
    <ButtonDropdown
      items={selection.items(selected)}
      expandableGroups
      expandToViewport
      disabled={selected.length === 0}
      disabledReason={selection.firstText}
      onItemClick={({ detail }) => selection.onChoose(detail.id, selected)}
    >
      {t('common.actions')}
    </ButtonDropdown>
  )
}

interface NothingProps {
  none: { title: string; text?: string; action?: ReactNode }
  isFiltered: boolean
  /** Part of the cloud does not answer: there may be something. */
  isPartial: boolean
  view: ListView
}

function Nothing({ none, isFiltered, isPartial, view }: NothingProps) {
  const { t } = useTranslation()
  if (isFiltered) {
    return (
      <Empty title={t('common.noMatches')} text={t('common.noMatchesText')}>
        <Button onClick={view.clear}>{t('common.clearFilter')}</Button>
      </Empty>
    )
  }
  if (isPartial) return <Empty title={t('cells.none')} text={t('cells.noneText')} />
  return (
    <Empty title={none.title} text={none.text}>
      {none.action}
    </Empty>
  )
}
