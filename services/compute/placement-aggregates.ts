/**
 * What the metadata of a host's aggregates says about who may come: the rules of Nova's three
 * aggregate filters. A value may be a list with commas; a key may be in several aggregates.
 */
import type { HostView } from './placement-view.ts'

const SCOPE = 'aggregate_instance_extra_specs:'
const TENANT_KEY = 'filter_tenant_id'

/** All values that the host's aggregates have for a key. */
export function valuesOf(host: HostView, key: string): string[] {
  const values: string[] = []
  for (const { metadata } of host.aggregates) {
    const value = metadata[key]
    if (value !== undefined) values.push(...listOf(value))
  }
  return values
}

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

type Comparison = (given: string, wanted: string) => boolean

const numbers =
  (holds: (a: number, b: number) => boolean): Comparison =>
  (given, wanted) =>
    holds(Number(given), Number(wanted))

/** Nova's words before the value of an extra spec. */
const comparisons: Record<string, Comparison> = {
  '=': numbers((a, b) => a >= b),
  '==': numbers((a, b) => a === b),
  '!=': numbers((a, b) => a !== b),
  '>=': numbers((a, b) => a >= b),
  '<=': numbers((a, b) => a <= b),
  's==': (given, wanted) => given === wanted,
  's!=': (given, wanted) => given !== wanted,
  '<in>': (given, wanted) => given.includes(wanted),
}

/** Whether a value of an aggregate is what an extra spec asks for. */
export function specMatches(given: string, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/)
  if (words[0] === '<or>') {
    return words.some((word, i) => i % 2 === 1 && words[i - 1] === '<or>' && word === given)
  }
  const holds = comparisons[words[0] ?? '']
  return holds ? holds(given, words.slice(1).join(' ')) : given === wanted
}

/** The first extra spec that no aggregate of the host answers, in words; null: all are. */
export function unansweredSpec(
  host: HostView,
  extraSpecs: Readonly<Record<string, string>>,
): string | null {
  for (const [name, wanted] of Object.entries(extraSpecs)) {
    if (!name.startsWith(SCOPE)) continue
    const key = name.slice(SCOPE.length)
    if (!valuesOf(host, key).some((value) => specMatches(value, wanted)))
      return `${key} = ${wanted}`
  }
  return null
}

/** The first property of the image that the host's aggregates are closed to, in words. */
export function foreignProperty(
  host: HostView,
  imageProperties: Readonly<Record<string, string>>,
): string | null {
  for (const { metadata } of host.aggregates) {
    for (const key of Object.keys(metadata)) {
      const value = imageProperties[key]
      if (value === undefined || valuesOf(host, key).includes(value)) continue
      return `${key} = ${value}`
    }
  }
  return null
}

/** Whether all aggregates that are kept for some projects are kept for this one too. */
export function isOpenTo(host: HostView, projectId: string | null | undefined): boolean {
  const kept: string[] = []
  for (const { metadata } of host.aggregates) {
    for (const [key, value] of Object.entries(metadata)) {
      if (key.startsWith(TENANT_KEY)) kept.push(...listOf(value))
    }
  }
  return kept.length === 0 || (projectId != null && kept.includes(projectId))
}

export const asksAggregates = (extraSpecs: Readonly<Record<string, string>> = {}): boolean =>
  Object.keys(extraSpecs).some((name) => name.startsWith(SCOPE))
