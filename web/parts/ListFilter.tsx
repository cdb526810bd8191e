import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import TextFilter from '@cloudscape-design/components/text-filter'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ListView } from '../hooks/list-view.ts'
import type { FieldOption } from './form/fields.ts'

/** What a list can be narrowed by. Every `name` is one in the address. */
export interface Filters {
  text?: { name: string; label: string }
  choices?: readonly FilterChoice[]
}

export interface FilterChoice {
  name: string
  label: string
  /** The choice of all. */
  anyText: string
  options: readonly FieldOption[]
  /** There are more options than these: called with what is typed, to bring those that fit. */
  onSearch?: (text: string) => void
}

/** Whether the address narrows the list. */
export const isFiltered = ({ text, choices = [] }: Filters, view: ListView): boolean =>
  [...(text ? [text] : []), ...choices].some(({ name }) => view.get(name) !== '')

interface ListFilterProps {
  filters: Filters
  view: ListView
  /** How many rows there are in all. */
  matches: number | undefined
}

/** Which rows a list shows: part of a text, and a choice of each kind. */
export function ListFilter({ filters: { text, choices = [] }, view, matches }: ListFilterProps) {
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {text && <SearchField {...text} view={view} matches={matches} />}
      {choices.map((choice) => (
        <ChoiceField key={choice.name} choice={choice} view={view} />
      ))}
    </SpaceBetween>
  )
}

interface SearchFieldProps {
  name: string
  label: string
  view: ListView
  matches: number | undefined
}

function SearchField({ name, label, view, matches }: SearchFieldProps) {
  const { t } = useTranslation()
  const searched = view.get(name)
  // What is typed but not yet searched for.
  const [pending, setPending] = useState<string | null>(null)
  return (
    <TextFilter
      filteringText={pending ?? searched}
      filteringPlaceholder={label}
      filteringAriaLabel={label}
      countText={searched && matches !== undefined ? t('common.matches', { count: matches }) : ''}
      onChange={({ detail }) => setPending(detail.filteringText)}
      onDelayedChange={({ detail }) => {
        view.set(name, detail.filteringText)
        setPending(null)
      }}
    />
  )
}

function ChoiceField({ choice, view }: { choice: FilterChoice; view: ListView }) {
  const { onSearch } = choice
  const options = [{ value: '', label: choice.anyText }, ...choice.options]
  const value = view.get(choice.name)
  // What the address names may not be among what is found.
  const selected = options.find((option) => option.value === value) ?? { value, label: value }
  return (
    <Select
      selectedOption={selected}
      filteringType={onSearch ? 'manual' : 'none'}
      onLoadItems={onSearch && (({ detail }) => onSearch(detail.filteringText))}
      options={options}
      ariaLabel={choice.label}
      onChange={({ detail }) => view.set(choice.name, detail.selectedOption.value ?? '')}
    />
  )
}
