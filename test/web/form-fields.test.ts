/** The parts of forms, lists and histories that are plain functions. */
import { expect, test } from 'vitest'
import { fieldMessage, fieldNameOf } from '../../web/errors.ts'
import { orderOf } from '../../web/hooks/list-view.ts'
import {
  type Field,
  firstValues,
  isSaidAtFields,
  mapOf,
  missingFields,
  trimmed,
} from '../../web/parts/form/fields.ts'
import { changesBetween } from '../../web/parts/history-changes.ts'
import { qrPath } from '../../web/ui/qr-path.ts'

const kinds = ['text', 'password', 'select', 'multiselect', 'toggle', 'number', 'tags'] as const
const fields = kinds.map(
  (kind): Field => ({ kind, name: kind, label: kind, isRequired: true, options: [] }),
)

test('a form begins empty, and all that can be empty is then missing', () => {
  const values = firstValues(fields)
  expect(values).toEqual({
    text: '',
    password: '',
    select: '',
    multiselect: [],
    toggle: false,
    number: null,
    tags: [],
  })
  expect(missingFields(fields, values)).toEqual(kinds.filter((kind) => kind !== 'toggle'))
  const optional = fields.map((field) => ({ ...field, isRequired: false }))
  expect(missingFields(optional, values)).toEqual([])
})

test('zero is a number, and spaces are only in a password something', () => {
  const values = { ...firstValues(fields), text: '  ', password: '  ', number: 0 }
  expect(missingFields(fields, values)).toEqual(['text', 'select', 'multiselect', 'tags'])
  expect(trimmed(fields, { ...values, text: ' a b ' })).toMatchObject({
    text: 'a b',
    password: '  ',
  })
})

test('a refusal is said at its fields when each of them is one of the form', () => {
  const problem = (...paths: string[]) => ({
    code: 'BAD_INPUT',
    message: 'No',
    details: { fields: paths.map((path) => ({ path, message: 'odd' })) },
  })
  expect(isSaidAtFields(problem('input.text', 'input.tags.3'), fields)).toBe(true)
  expect(isSaidAtFields(problem('input.text', 'input.other'), fields)).toBe(false)
  expect(isSaidAtFields(problem(), fields)).toBe(false)
  expect(fieldNameOf('input.tags.3')).toBe('tags')
  expect(fieldMessage(problem('input.tags.3'), 'tags')).toBe('odd')
})

test('a list is ordered as the address says, if it can be', () => {
  const order = (text: string) =>
    orderOf({ get: () => text }, ['NAME', 'CREATED_AT'], { field: 'NAME', direction: 'ASC' })
  expect(order('CREATED_AT-DESC')).toEqual({ field: 'CREATED_AT', direction: 'DESC' })
  expect(order('CREATED_AT-ASC')).toEqual({ field: 'CREATED_AT', direction: 'ASC' })
  for (const odd of ['', 'PASSWORD-DESC', '-', 'name-ASC']) {
    expect(order(odd)).toEqual({ field: 'NAME', direction: 'ASC' })
  }
})

test('a history tells what differs, field by field', () => {
  expect(changesBetween(null, { name: 'a', tags: [], off: null })).toEqual([
    { path: 'name', before: null, after: 'a' },
    { path: 'tags', before: null, after: '[]' },
  ])
  expect(
    changesBetween({ name: 'a', options: { x: 1, y: [1] } }, { name: 'a', options: { y: [2] } }),
  ).toEqual([
    { path: 'options.x', before: '1', after: null },
    { path: 'options.y', before: '[1]', after: '[2]' },
  ])
  expect(changesBetween({ a: 1 }, { a: 1 })).toEqual([])
  expect(changesBetween('x', 'y')).toEqual([{ path: '', before: 'x', after: 'y' }])
  const deep = (end: number) => ({ a: { b: { c: { d: { e: end } } } } })
  expect(changesBetween(deep(1), deep(2))).toEqual([
    { path: 'a.b.c.d', before: '{"e":1}', after: '{"e":2}' },
  ])
  const [long] = changesBetween({ key: null }, { key: 'x'.repeat(1000) })
  expect(long?.after).toHaveLength(201)
})

test('pairs begin as the map that is there, and lines without a name are no part of it', () => {
  const field: Field = { kind: 'pairs', name: 'a', label: 'A', first: { role: 'web' } }
  expect(firstValues([field])).toEqual({ a: [{ name: 'role', value: 'web' }] })
  const typed = [
    { name: ' stage ', value: ' test ' },
    { name: ' ', value: 'nothing' },
    { name: 'stage', value: 'live' },
  ]
  expect(mapOf(typed)).toEqual({ stage: 'live' })
})

test('a QR code has its quiet frame, and a text that is too long is refused', () => {
  const { size, path } = qrPath('x')
  expect(size).toBe(21 + 2 * 4)
  expect(path.startsWith('M4 4h7v1h-7z')).toBe(true)
  expect(() => qrPath('x'.repeat(2332))).toThrow(/too long/)
})
