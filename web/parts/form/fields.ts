/**
 * Forms as tables of fields. A field's `name` is the API's, so that what the API finds wrong is
 * said at the field; the portal itself only looks for what is required and empty.
 */
import { fieldNameOf, type Problem } from '../../errors.ts'

interface FieldBase {
  name: string
  label: string
  description?: string
  isRequired?: boolean
  /** Said at the field when it is required and empty, instead of the usual words. */
  missingText?: string
  isDisabled?: boolean
}

export interface FieldOption {
  value: string
  label: string
  description?: string
}

interface TextField extends FieldBase {
  kind: 'text'
  first?: string
  placeholder?: string
  isMultiline?: boolean
}

interface PasswordField extends FieldBase {
  kind: 'password'
  /** What a browser may fill in: nothing, the user's own, or a new one. */
  autoComplete?: 'off' | 'current-password' | 'new-password'
}

interface SelectField extends FieldBase {
  kind: 'select'
  options: readonly FieldOption[]
  /** The value chosen at first; '' is none. */
  first?: string
  /** Few options that are all read, one below the other. */
  isOpen?: boolean
  /** There are more options than these: called with what is typed, to bring those that fit. */
  onSearch?: (text: string) => void
}

interface MultiselectField extends FieldBase {
  kind: 'multiselect'
  options: readonly FieldOption[]
  first?: readonly string[]
}

interface ToggleField extends FieldBase {
  kind: 'toggle'
  first?: boolean
}

interface NumberField extends FieldBase {
  kind: 'number'
  first?: number | null
  /** Not only whole numbers. */
  isFraction?: boolean
}

interface TagsField extends FieldBase {
  kind: 'tags'
  first?: readonly string[]
}

/** A name with its text; the order is a person's own. */
export interface Pair {
  name: string
  value: string
}

interface PairsField extends FieldBase {
  kind: 'pairs'
  first?: Readonly<Record<string, string>>
}

export type Field =
  | TextField
  | PasswordField
  | SelectField
  | MultiselectField
  | ToggleField
  | NumberField
  | TagsField
  | PairsField

type ValueOf<F extends Field> = F['kind'] extends 'toggle'
  ? boolean
  : F['kind'] extends 'number'
    ? number | null
    : F['kind'] extends 'multiselect' | 'tags'
      ? readonly string[]
      : F['kind'] extends 'pairs'
        ? readonly Pair[]
        : string

/** What the fields hold, by name: '' of a text or choice, null of a number, [] of many is empty. */
export type Values<Fields extends readonly Field[]> = {
  [F in Fields[number] as F['name']]: ValueOf<F>
}

export type AnyValue = string | boolean | number | null | readonly string[] | readonly Pair[]
export type AnyValues = Record<string, AnyValue>

function firstValue(field: Field): AnyValue {
  switch (field.kind) {
    case 'toggle':
      return field.first ?? false
    case 'number':
      return field.first ?? null
    case 'multiselect':
    case 'tags':
      return field.first ?? []
    case 'pairs':
      return Object.entries(field.first ?? {}).map(([name, value]) => ({ name, value }))
    case 'password':
      return ''
    default:
      return field.first ?? ''
  }
}

/** What a form begins with. */
export const firstValues = (fields: readonly Field[]): AnyValues =>
  Object.fromEntries(fields.map((field) => [field.name, firstValue(field)]))

/** A toggle always says something; spaces alone say nothing, but in a password they are its own. */
function isEmpty({ kind }: Field, value: AnyValue | undefined): boolean {
  if (kind === 'toggle') return false
  if (value == null) return true
  if (typeof value === 'string') return (kind === 'password' ? value : value.trim()) === ''
  return typeof value === 'object' && value.length === 0
}

/** The names of the fields that are required and empty. */
export const missingFields = (fields: readonly Field[], values: AnyValues): string[] =>
  fields
    .filter((field) => field.isRequired && isEmpty(field, values[field.name]))
    .map(({ name }) => name)

/** Texts without the spaces around them; everything else as it is. */
export function trimmed(fields: readonly Field[], values: AnyValues): AnyValues {
  const texts = fields.filter(({ kind }) => kind === 'text')
  const trim = (value: AnyValue | undefined) => (typeof value === 'string' ? value.trim() : '')
  const pairs = texts.map(({ name }) => [name, trim(values[name])])
  return { ...values, ...Object.fromEntries(pairs) }
}

/** The pairs as the API takes them; lines without a name are left out. */
export const mapOf = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(
    pairs
      .map(({ name, value }) => [name.trim(), value.trim()] as const)
      .filter(([name]) => name !== ''),
  )

/** Whether all that the API found wrong is said at one of these fields. */
export function isSaidAtFields(problem: Problem, fields: readonly { name: string }[]): boolean {
  const said = problem.details.fields ?? []
  const names = new Set(fields.map(({ name }) => name))
  return said.length > 0 && said.every(({ path }) => names.has(fieldNameOf(path)))
}
