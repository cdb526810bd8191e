/** Columns that many lists have, and what lists are narrowed by. */
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { ListView } from '../hooks/list-view.ts'
import { Moment } from '../ui/Moment.tsx'
import { PageLink } from '../ui/PageLink.tsx'
import type { Named } from './actions.tsx'
import type { FilterChoice, Filters } from './ListFilter.tsx'

type Column<Row> = TableProps.ColumnDefinition<Row>

export const nameColumn = <Row extends Named>(
  t: TFunction,
  href: (id: string) => string,
): Column<Row> => ({
  id: 'name',
  header: t('common.name'),
  isRowHeader: true,
  cell: ({ id, name }) => <PageLink href={href(id)}>{name}</PageLink>,
})

export const enabledColumn = <Row extends { enabled: boolean }>(t: TFunction): Column<Row> => ({
  id: 'enabled',
  header: t('common.status'),
  minWidth: 120,
  hasDynamicContent: true,
  cell: ({ enabled }) => <EnabledStatus enabled={enabled} />,
})

export const descriptionColumn = <Row extends { description: string | null }>(
  t: TFunction,
): Column<Row> => ({
  id: 'description',
  header: t('common.description'),
  cell: ({ description }) => description || '–',
})

export const createdColumn = <Row extends { createdAt: string }>(t: TFunction): Column<Row> => ({
  id: 'created',
  header: t('common.created'),
  minWidth: 190,
  cell: ({ createdAt }) => <Moment at={createdAt} />,
})

export const textColumn = <Row,>(
  id: string,
  header: string,
  text: (row: Row) => string | null | undefined,
): Column<Row> => ({ id, header, cell: (row) => text(row) || '–' })

/** A column with a link to the page of something else. */
export const linkColumn = <Row,>(
  id: string,
  header: string,
  link: (row: Row) => { text: string; href: string } | null,
): Column<Row> => ({
  id,
  header,
  cell: (row) => {
    const found = link(row)
    return found ? <PageLink href={found.href}>{found.text}</PageLink> : '–'
  },
})

export function EnabledStatus({ enabled }: { enabled: boolean }) {
  const { t } = useTranslation()
  return enabled ? (
    <StatusIndicator type="success">{t('manage.enabled')}</StatusIndicator>
  ) : (
    <StatusIndicator type="stopped">{t('manage.disabled')}</StatusIndicator>
  )
}

export const nameFilter = (t: TFunction): NonNullable<Filters['text']> => ({
  name: 'name',
  label: t('manage.find'),
})

export const enabledChoice = (t: TFunction): FilterChoice => ({
  name: 'enabled',
  label: t('common.status'),
  anyText: t('manage.anyState'),
  options: [
    { value: 'true', label: t('manage.enabled') },
    { value: 'false', label: t('manage.disabled') },
  ],
})

/** What the address says of these filters, as the API takes it. */
export const nameOf = (view: ListView) =>
  view.get('name') ? { contains: view.get('name') } : undefined

export const enabledOf = (view: ListView) =>
  view.get('enabled') ? view.get('enabled') === 'true' : undefined
