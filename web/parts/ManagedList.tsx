import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { ListView } from '../hooks/list-view.ts'
import type { Actions } from './actions.tsx'
import { enabledChoice, enabledOf, nameFilter, nameOf } from './columns.tsx'
import { type Change, ListPage, type ListPageProps, type ListVariables } from './ListPage.tsx'

interface ByNameAndState extends ListVariables {
  filter?: { name?: { contains?: string | null } | null; enabled?: boolean | null } | null
}

interface ManagedListProps<
  Data,
  Variables extends ByNameAndState,
  C extends Change,
  T extends { id: string },
> extends Omit<
    ListPageProps<Data, Variables, C, T>,
    'variables' | 'filters' | 'selection' | 'actions' | 'none'
  > {
  rowActions: Actions<T>
  create(isPrimary: boolean): ReactNode
  noneText: string
}

const variablesOf = (view: ListView) => ({
  filter: { name: nameOf(view), enabled: enabledOf(view) },
})

/** The list of things that have a name, can be disabled, and are made and changed in forms. */
export function ManagedList<
  Data,
  Variables extends ByNameAndState,
  C extends Change,
  T extends { id: string },
>({ rowActions, create, noneText, columns, ...props }: ManagedListProps<Data, Variables, C, T>) {
  const { t } = useTranslation()
  return (
    <>
      <ListPage
        {...props}
        variables={(view) => variablesOf(view) as Omit<Variables, 'first' | 'after'>}
        filters={{ text: nameFilter(t), choices: [enabledChoice(t)] }}
        columns={[...columns, ...rowActions.columns]}
        actions={create(true)}
        none={{ title: noneText, action: create(false) }}
      />
      {rowActions.dialogs}
    </>
  )
}
