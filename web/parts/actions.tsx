/**
 * What can be done with one row of a list: the same actions are a menu in the list and buttons on
 * the row's own page. Who may not do any of it finds neither.
 */
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { TypedDocumentNode } from 'urql'
import { useRowAction } from './use-row-action.tsx'
import { may, useViewer } from './viewer.ts'

export interface Named {
  id: string
  name: string
}

export interface Action<Row> {
  id: string
  text(row: Row): string
  /** The access rule that must let the viewer through. */
  rule: string
  /** Whether it makes sense for the row; always when not said. */
  fits?(row: Row): boolean
  run(row: Row): void
  /** What it asks and shows; belongs somewhere on the page. */
  dialog: ReactNode
}

export interface Actions<Row> {
  /** The column with the menu; none when there is nothing for the viewer to do. */
  columns: TableProps.ColumnDefinition<Row>[]
  buttons(row: Row): ReactNode
  dialogs: ReactNode
}

export function useActions<Row>(
  all: readonly Action<Row>[],
  nameOf: (row: Row) => string,
): Actions<Row> {
  const { t } = useTranslation()
  const viewer = useViewer()
  const allowed = all.filter(({ rule }) => may(viewer, rule))
  const of = (row: Row) => allowed.filter(({ fits }) => fits?.(row) ?? true)
  const column: TableProps.ColumnDefinition<Row> = {
    id: 'actions',
    header: t('common.actions'),
    minWidth: 90,
    cell: (row) => (
      <ButtonDropdown
        variant="inline-icon"
        expandToViewport
        ariaLabel={t('common.actionsOf', { name: nameOf(row) })}
        items={of(row).map(({ id, text }) => ({ id, text: text(row) }))}
        onItemClick={({ detail }) => allowed.find(({ id }) => id === detail.id)?.run(row)}
      />
    ),
  }
  return {
    columns: allowed.length > 0 ? [column] : [],
    buttons: (row) => (
      <SpaceBetween direction="horizontal" size="xs">
        {of(row).map(({ id, text, run }) => (
          <Button key={id} onClick={() => run(row)}>
            {text(row)}
          </Button>
        ))}
      </SpaceBetween>
    ),
    dialogs: all.map(({ id, dialog }) => <div key={id}>{dialog}</div>),
  }
}

/** A form in front of the page for a row; by default the one that changes it. */
export function useFormAction<Row>(
  rule: string,
  form: (row: Row, close: () => void) => ReactNode,
  other?: Pick<Action<Row>, 'id' | 'text' | 'fits'>,
): Action<Row> {
  const { t } = useTranslation()
  const [row, setRow] = useState<Row | null>(null)
  return {
    id: 'edit',
    text: () => t('manage.edit'),
    ...other,
    rule,
    run: (chosen) => setRow(() => chosen),
    dialog: row && form(row, () => setRow(null)),
  }
}

type SwitchMutation = TypedDocumentNode<unknown, { input: { id: string; enabled: boolean } }>

/** Enables what is disabled, and the other way round after asking. */
export function useSwitchAction<Row extends Named & { enabled: boolean }>(
  rule: string,
  mutation: SwitchMutation,
  /** What comes of disabling. */
  disableText: string,
): Action<Row> {
  const { t } = useTranslation()
  const variables = ({ id, enabled }: Row) => ({ input: { id, enabled: !enabled } })
  const refusedText = ({ name }: Row) => t('manage.refused', { name })
  const disable = useRowAction({
    mutation,
    variables,
    refusedText,
    question: ({ name }: Row) => ({
      title: t('manage.disableTitle', { name }),
      text: disableText,
      confirmText: t('manage.disable'),
    }),
    doneText: ({ name }) => t('manage.done.disabled', { name }),
  })
  const enable = useRowAction({
    mutation,
    variables,
    refusedText,
    doneText: ({ name }: Row) => t('manage.done.enabled', { name }),
  })
  return {
    id: 'switch',
    text: ({ enabled }) => (enabled ? t('manage.disable') : t('manage.enable')),
    rule,
    run: (row) => (row.enabled ? disable : enable).request(row),
    dialog: disable.dialog,
  }
}

interface DeleteOptions {
  rule: string
  mutation: TypedDocumentNode<unknown, { input: { id: string } }>
  /** What goes with it; that it can't be undone when not said. */
  text?: string
  onDone?: () => void
}

export function useDeleteAction<Row extends Named>(options: DeleteOptions): Action<Row> {
  const { t } = useTranslation()
  const action = useRowAction({
    mutation: options.mutation,
    variables: ({ id }: Row) => ({ input: { id } }),
    question: ({ name }) => ({
      title: t('manage.deleteTitle', { name }),
      text: options.text ?? t('manage.deleteText'),
      confirmText: t('manage.delete'),
    }),
    doneText: ({ name }) => t('manage.done.deleted', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
    onDone: options.onDone,
  })
  return {
    id: 'delete',
    text: () => t('manage.delete'),
    rule: options.rule,
    run: action.request,
    dialog: action.dialog,
  }
}

export interface RemoveOptions<Row extends Named, Input> {
  rule: string
  mutation: TypedDocumentNode<unknown, { input: Input }>
  input(row: Row): Input
  /** What comes of it. */
  text: string
}

/** Takes a thing away from where it belongs, after asking; the thing itself stays. */
export function useRemoveAction<Row extends Named, Input>(
  options: RemoveOptions<Row, Input>,
): Action<Row> {
  const { t } = useTranslation()
  const action = useRowAction({
    mutation: options.mutation,
    variables: (row: Row) => ({ input: options.input(row) }),
    question: ({ name }) => ({
      title: t('manage.removeTitle', { name }),
      text: options.text,
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.removed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'remove',
    text: () => t('manage.remove'),
    rule: options.rule,
    run: action.request,
    dialog: action.dialog,
  }
}

interface CreateButtonProps {
  rule: string
  text: string
  isPrimary?: boolean
  form(close: () => void): ReactNode
}

/** The button that opens the form of something new; nothing for those who may not. */
export function CreateButton({ rule, text, isPrimary, form }: CreateButtonProps) {
  const viewer = useViewer()
  const [isOpen, setOpen] = useState(false)
  if (!may(viewer, rule)) return null
  return (
    <>
      <Button
        variant={isPrimary ? 'primary' : 'normal'}
        // It may stand in a form that it must not send.
        formAction="none"
        onClick={() => setOpen(true)}
      >
        {text}
      </Button>
      {isOpen && form(() => setOpen(false))}
    </>
  )
}
