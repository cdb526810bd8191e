/** What rules come to with all that they refer to; finds references that lead nowhere or in a circle. */

import type { Draft, Nearest } from './drafts.ts'
import type { Check } from './language.ts'

/** `rule:a`, whose text is `rule:b`, whose text is ... */
const MAX_CHAIN = 16
/** Of one rule, those of the rules that it refers to counted as often as they are asked. */
const MAX_CHECKS = 1000

export interface Measure {
  chain: number
  checks: number
  /** The credentials that the decision depends on, by the first part of their name; `roles` too. */
  credentials: ReadonlySet<string>
}

interface Measuring {
  drafts: ReadonlyMap<string, Draft>
  /** Null: something is wrong with it, and has been said. */
  measured: Map<string, Measure | null>
  problem: (draft: Draft, at: number, words: string) => void
  nearest: Nearest
}

/** Measures every rule. What is wrong is added to the problems, with the place of the reference. */
export function measureRules(
  drafts: ReadonlyMap<string, Draft>,
  problems: string[],
  nearest: Nearest,
): Map<string, Measure> {
  const measured = new Map<string, Measure | null>()
  const problem = (draft: Draft, at: number, words: string) => {
    problems.push(`${draft.override?.whereIn({ at }) ?? 'default'}: ${draft.name}: ${words}`)
  }
  for (const draft of drafts.values()) {
    measureRule(draft, [], { drafts, measured, problem, nearest })
  }
  const good = [...measured].filter((entry): entry is [string, Measure] => entry[1] !== null)
  return new Map(good)
}

function measureRule(draft: Draft, path: Draft[], measuring: Measuring): Measure | null {
  const known = measuring.measured.get(draft.name)
  if (known !== undefined) return known
  const measure = measureParts(draft, [...path, draft], measuring)
  measuring.measured.set(draft.name, measure)
  return measure
}

function measureParts(draft: Draft, path: Draft[], measuring: Measuring): Measure | null {
  const { drafts, problem, nearest } = measuring
  const credentials = new Set<string>()
  let chain = 0
  let checks = 0
  let good = true
  for (const part of leavesOf(draft.check)) {
    checks++
    if (part.kind === 'credential') credentials.add(part.path[0] ?? '')
    if (part.kind === 'role') credentials.add('roles')
    if (part.kind !== 'rule') continue
    const next = drafts.get(part.name)
    if (!next) {
      const words = `there is no rule ${JSON.stringify(part.name)}`
      problem(draft, part.at, `${words}${hint(part.name, [...drafts.keys()], nearest)}`)
      good = false
    } else if (path.includes(next)) {
      tellCycle(path.slice(path.indexOf(next)), measuring)
      good = false
    } else if (path.length > MAX_CHAIN) {
      problem(draft, part.at, `rules refer to rules more than ${MAX_CHAIN} times in a row here`)
      good = false
    } else {
      const inner = measureRule(next, path, measuring)
      if (!inner) {
        good = false
        continue
      }
      checks += inner.checks
      chain = Math.max(chain, inner.chain + 1)
      for (const key of inner.credentials) credentials.add(key)
    }
  }
  if (good && chain > MAX_CHAIN) {
    problem(draft, 0, `refers to rules that refer to rules more than ${MAX_CHAIN} times in a row`)
    good = false
  }
  if (good && checks > MAX_CHECKS) {
    problem(draft, 0, `comes to ${checks} checks with all that it refers to; at most ${MAX_CHECKS}`)
    good = false
  }
  return good ? { chain, checks, credentials } : null
}

/** Says it where the operator can cure it: the defaults have no cycle of their own. */
function tellCycle(cycle: Draft[], { problem }: Measuring): void {
  const at = Math.max(
    0,
    cycle.findIndex(({ override }) => override !== null),
  )
  const turned = [...cycle.slice(at), ...cycle.slice(0, at)]
  const [first, second = first] = turned
  if (!first || !second) return
  const names = [...turned, first].map(({ name }) => name).join(' -> ')
  const reference = leavesOf(first.check).find(
    (part) => part.kind === 'rule' && part.name === second.name,
  )
  const place = reference?.kind === 'rule' ? reference.at : 0
  problem(first, place, `refers back to itself: ${names}`)
}

type Part = Exclude<Check, { kind: 'not' | 'and' | 'or' }>

function leavesOf(check: Check): Part[] {
  if (check.kind === 'not') return leavesOf(check.check)
  return 'checks' in check ? check.checks.flatMap(leavesOf) : [check]
}

/** The rules that a check refers to. */
export const namesIn = (check: Check): string[] =>
  leavesOf(check).flatMap((part) => (part.kind === 'rule' ? [part.name] : []))

/** `; did you mean x?`, or nothing. */
export function hint(given: string, names: readonly string[], nearest: Nearest): string {
  const meant = nearest(given, names)
  return meant ? `; did you mean ${meant}?` : ''
}
