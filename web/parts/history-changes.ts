/** What differs between two states of a resource, as the audit log keeps them. */

/** Any JSON value; an object's fields are compared one by one, all else as a whole. */
export type Json = string | number | boolean | null | readonly Json[] | { [key: string]: Json }

export interface Change {
  /** The field, with a dot before each level below: `options.mfa`. */
  path: string
  /** In words; null when there was or is nothing. */
  before: string | null
  after: string | null
}

/** Deeper objects are told as a whole. */
const depthMost = 4
/** Longer values end in an ellipsis. */
const lettersMost = 200

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function inWords(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > lettersMost ? `${text.slice(0, lettersMost)}…` : text
}

/** The changes in the order in which the states name their fields. */
export function changesBetween(before: Json, after: Json, path = ''): Change[] {
  const depth = path === '' ? 0 : path.split('.').length
  const isDeep = isObject(before) || isObject(after)
  if (!isDeep || depth >= depthMost) {
    if (JSON.stringify(before) === JSON.stringify(after)) return []
    return [{ path, before: inWords(before), after: inWords(after) }]
  }
  const [old, now] = [isObject(before) ? before : {}, isObject(after) ? after : {}]
  const keys = new Set([...Object.keys(old), ...Object.keys(now)])
  return [...keys].flatMap((key) =>
    changesBetween(old[key] ?? null, now[key] ?? null, path ? `${path}.${key}` : key),
  )
}
