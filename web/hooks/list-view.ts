/** The state of a list, kept in the address so that it can be shared and survives a reload. */
import { useState } from 'react'
import { useSearchParams } from 'react-router'

export interface ListView {
  get(name: string): string
  set(name: string, value: string): void
  clear(): void
}

export function useListView(): ListView {
  const [params, setParams] = useSearchParams()
  return {
    get: (name) => params.get(name) ?? '',
    set: (name, value) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before)
          if (value) next.set(name, value)
          else next.delete(name)
          return next
        },
        { replace: true },
      ),
    clear: () => setParams({}, { replace: true }),
  }
}

/** The order of a list as the API takes it. */
export interface ListOrder<Field extends string = string> {
  field: Field
  direction: 'ASC' | 'DESC'
}

/**
 * The order that the address asks for (`order=NAME-ASC`), when it is by one of `fields`; otherwise
 * `usual`.
 */
export function orderOf<const Field extends string>(
  view: Pick<ListView, 'get'>,
  fields: readonly Field[],
  usual: ListOrder<Field>,
): ListOrder<Field> {
  const [name, direction] = view.get('order').split('-')
  const field = fields.find((one) => one === name)
  return field ? { field, direction: direction === 'ASC' ? 'ASC' : 'DESC' } : usual
}

export interface Pages {
  /** Counted from 1. */
  page: number
  /** The cursor to read after; undefined on the first page. */
  after: string | undefined
  open(page: number, endCursor: string | null | undefined): void
}

/**
 * Pages by cursor: any page that was visited can be opened again, and the one after the last.
 * `scope` is what the pages are of (filter, order); another scope begins at page 1.
 */
export function usePages(scope: string): Pages {
  const [state, setState] = useState({ scope, cursors: [] as string[] })
  const cursors = state.scope === scope ? state.cursors : []
  return {
    page: cursors.length + 1,
    after: cursors.at(-1),
    open(page, endCursor) {
      const known = cursors.slice(0, page - 1)
      const needsNew = known.length < page - 1 && endCursor
      setState({ scope, cursors: needsNew ? [...known, endCursor] : known })
    },
  }
}
