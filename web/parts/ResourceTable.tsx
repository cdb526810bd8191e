/**
 * What the page of a list looks like: every list of the portal is this table with its own columns
 * and actions. ListPage fills it from a query.
 */
import Header from '@cloudscape-design/components/header'
import Pagination from '@cloudscape-design/components/pagination'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { CombinedError } from 'urql'
import { explain } from '../errors.ts'
import type { Pages } from '../hooks/list-view.ts'
import { PageTitle } from '../ui/PageTitle.tsx'
import { type MissingCell, MissingCells } from './MissingCells.tsx'
import { ProblemAlert } from './Problem.tsx'

interface Identified {
  id: string
}

/** The state of the list's query. */
export interface ListState<T> {
  items: readonly T[] | undefined
  totalCount: number | undefined
  pageInfo: { hasNextPage: boolean; endCursor: string | null } | undefined
  missing?: readonly MissingCell[] | undefined
  error: CombinedError | undefined
  reread(options: { requestPolicy: 'network-only' }): void
}

export interface Order {
  field: string
  isDescending: boolean
}

interface ResourceTableProps<T extends Identified> {
  title: string
  description: string
  list: ListState<T>
  pages: Pages
  columns: TableProps.ColumnDefinition<T>[]
  /** What a row is called; needed where rows can be selected. */
  nameOf?: (row: T) => string
  selectedIds?: ReadonlySet<string>
  onSelect?: (ids: ReadonlySet<string>) => void
  order?: Order
  onOrder?: (order: Order) => void
  filter?: ReactNode
  actions?: ReactNode
  /** Shown when there is nothing to show. */
  empty: ReactNode
}

export function ResourceTable<T extends Identified>(props: ResourceTableProps<T>) {
  const { t } = useTranslation()
  const { title, description, list, columns, selectedIds, onSelect, order, onOrder } = props
  const items = list.items ?? []
  return (
    <>
      <PageTitle text={title} />
      <MissingCells cells={list.missing ?? []} />
      <Table
        variant="full-page"
        stickyHeader
        items={items}
        trackBy="id"
        loading={!list.items && !list.error}
        loadingText={t('common.loading')}
        columnDefinitions={columns}
        // The menu of a row stays in sight however wide the table is.
        stickyColumns={{ first: 1, last: columns.at(-1)?.id === 'actions' ? 1 : 0 }}
        selectionType={onSelect && 'multi'}
        selectedItems={items.filter(({ id }) => selectedIds?.has(id))}
        onSelectionChange={({ detail }) =>
          onSelect?.(new Set(detail.selectedItems.map(({ id }) => id)))
        }
        sortingColumn={order && columns.find((column) => column.sortingField === order.field)}
        sortingDescending={order?.isDescending}
        onSortingChange={({ detail }) =>
          onOrder?.({
            field: detail.sortingColumn.sortingField ?? '',
            isDescending: detail.isDescending ?? false,
          })
        }
        ariaLabels={{
          tableLabel: title,
          selectionGroupLabel: t('common.selection'),
          allItemsSelectionLabel: () => t('common.selectAll'),
          itemSelectionLabel: (_, item) =>
            t('common.select', { name: props.nameOf?.(item) ?? item.id }),
        }}
        header={
          <Header
            variant="awsui-h1-sticky"
            counter={list.totalCount === undefined ? undefined : `(${list.totalCount})`}
            description={description}
            actions={props.actions}
          >
            {title}
          </Header>
        }
        filter={props.filter}
        pagination={
          hasPages(props.pages, list.pageInfo) && (
            <Paging pages={props.pages} pageInfo={list.pageInfo} />
          )
        }
        empty={<Nothing list={list}>{props.empty}</Nothing>}
      />
    </>
  )
}

interface PagingProps {
  pages: Pages
  pageInfo: ListState<unknown>['pageInfo']
}

const hasPages = (pages: Pages, pageInfo: PagingProps['pageInfo']): boolean =>
  pages.page > 1 || (pageInfo?.hasNextPage ?? false)

/** Moves through pages by cursor: back to any, forward by one. */
export function Paging({ pages, pageInfo }: PagingProps) {
  const hasNext = pageInfo?.hasNextPage ?? false
  if (!hasPages(pages, pageInfo)) return null
  return (
    <Pagination
      currentPageIndex={pages.page}
      pagesCount={pages.page + (hasNext ? 1 : 0)}
      openEnd={hasNext}
      onChange={({ detail }) => pages.open(detail.currentPageIndex, pageInfo?.endCursor)}
    />
  )
}

function Nothing({ list, children }: { list: ListState<unknown>; children: ReactNode }) {
  if (!list.error) return children
  return (
    <ProblemAlert
      problem={explain(list.error)}
      onRetry={() => list.reread({ requestPolicy: 'network-only' })}
    />
  )
}
