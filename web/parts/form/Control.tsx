/** The input of each kind of field. */
import Input from '@cloudscape-design/components/input'
import Multiselect from '@cloudscape-design/components/multiselect'
import RadioGroup from '@cloudscape-design/components/radio-group'
import Select from '@cloudscape-design/components/select'
import Textarea from '@cloudscape-design/components/textarea'
import Toggle from '@cloudscape-design/components/toggle'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { AnyValue, Field, FieldOption, Pair } from './fields.ts'
import { PairsInput } from './PairsInput.tsx'
import { TagsInput } from './TagsInput.tsx'

/** So many options are still found by looking. */
const optionsLookedThrough = 8

interface ControlProps {
  field: Field
  value: AnyValue
  onChange(value: AnyValue): void
  isDisabled?: boolean
  hasFocus?: boolean
}

export function Control(props: ControlProps) {
  const { field, value, onChange, isDisabled, hasFocus } = props
  const shared = { disabled: isDisabled, autoFocus: hasFocus, spellcheck: false }
  const change = ({ detail }: { detail: { value: string } }) => onChange(detail.value)
  switch (field.kind) {
    case 'text': {
      const text = { ...shared, value: asText(value), placeholder: field.placeholder }
      return field.isMultiline ? (
        <Textarea {...text} onChange={change} />
      ) : (
        <Input {...text} autoComplete="off" onChange={change} />
      )
    }
    case 'password':
      return (
        <Input
          {...shared}
          type="password"
          value={asText(value)}
          autoComplete={field.autoComplete ?? 'new-password'}
          onChange={change}
        />
      )
    case 'number':
      return (
        <Input
          {...shared}
          type="number"
          step={field.isFraction ? 'any' : 1}
          value={typeof value === 'number' ? String(value) : ''}
          onChange={({ detail }) => onChange(asNumber(detail.value))}
        />
      )
    case 'toggle':
      return (
        <Toggle
          checked={value === true}
          disabled={isDisabled}
          ariaLabel={field.label}
          onChange={({ detail }) => onChange(detail.checked)}
        />
      )
    case 'tags':
      return (
        <TagsInput
          label={field.label}
          tags={asList(value)}
          onChange={onChange}
          isDisabled={isDisabled}
        />
      )
    case 'pairs':
      return <PairsInput pairs={asPairs(value)} onChange={onChange} isDisabled={isDisabled} />
    default:
      return <Choice {...props} field={field} />
  }
}

const asText = (value: AnyValue): string => (typeof value === 'string' ? value : '')

const asList = (value: AnyValue): readonly string[] =>
  typeof value === 'object' && value !== null ? (value as readonly string[]) : []

const asPairs = (value: AnyValue): readonly Pair[] =>
  typeof value === 'object' && value !== null ? (value as readonly Pair[]) : []

function asNumber(text: string): number | null {
  const number = Number(text)
  return text.trim() === '' || !Number.isFinite(number) ? null : number
}

const filteringTypeOf = (options: readonly FieldOption[]) =>
  options.length > optionsLookedThrough ? 'auto' : 'none'

type ChoiceProps = ControlProps & { field: Extract<Field, { options: unknown }> }

function Choice({ field, value, onChange, isDisabled }: ChoiceProps) {
  const { t } = useTranslation()
  const { options } = field
  if (field.kind === 'multiselect') {
    const chosen = asList(value)
    return (
      <Multiselect
        options={options}
        selectedOptions={options.filter((option) => chosen.includes(option.value))}
        filteringType={filteringTypeOf(options)}
        placeholder={t('form.chooseMany')}
        empty={t('form.nothing')}
        disabled={isDisabled}
        onChange={({ detail }) =>
          onChange(detail.selectedOptions.map((option) => option.value ?? ''))
        }
        deselectAriaLabel={({ label = '' }) => t('form.remove', { value: label })}
      />
    )
  }
  if (field.isOpen) {
    return (
      <RadioGroup
        items={options.map((option) => ({ ...option, disabled: isDisabled }))}
        value={asText(value)}
        onChange={({ detail }) => onChange(detail.value)}
      />
    )
  }
  return <ChoiceOfOne field={field} value={value} onChange={onChange} isDisabled={isDisabled} />
}

type ChoiceOfOneProps = ChoiceProps & { field: Extract<Field, { kind: 'select' }> }

function ChoiceOfOne({ field, value, onChange, isDisabled }: ChoiceOfOneProps) {
  const { t } = useTranslation()
  const { options, onSearch } = field
  // What is chosen may be no longer among what is found.
  const [chosen, setChosen] = useState<FieldOption | null>(null)
  const known = options.find((option) => option.value === value)
  const kept = chosen?.value === value ? chosen : null
  // What was chosen can be taken back, where it need not be there.
  const isFinal = field.isRequired || value === '' || options.some((option) => option.value === '')
  return (
    <Select
      options={isFinal ? options : [{ value: '', label: t('form.none') }, ...options]}
      selectedOption={known ?? kept}
      filteringType={onSearch ? 'manual' : filteringTypeOf(options)}
      onLoadItems={onSearch && (({ detail }) => onSearch(detail.filteringText))}
      placeholder={t('form.choose')}
      empty={t('form.nothing')}
      disabled={isDisabled}
      onChange={({ detail }) => {
        const { value: next = '', label = next } = detail.selectedOption
        setChosen({ value: next, label })
        onChange(next)
      }}
    />
  )
}
