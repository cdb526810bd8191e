/** The rules of a set before they are compiled: the defaults, and the operator's files in their place. */
import { type Check, parseRule } from './language.ts'
import { type Override, type PolicyFile, readOverrides, serviceOf } from './overrides.ts'
import type { RuleDefaults } from './policy.ts'
import { hint, namesIn } from './references.ts'
import { RuleError } from './tokens.ts'

const BASES = 'bases'

/** A rule of the set, before it is known whether the set fits together. */
export interface Draft {
  name: string
  text: string
  check: Check
  description: string
  /** Null for a default. */
  override: Override | null
}

/** Finds the name that was probably meant. */
export type Nearest = (given: string, names: readonly string[]) => string | undefined

/** Reads the set. What is wrong is added to the problems; references are not followed yet. */
export function draftRules(
  rules: RuleDefaults,
  files: readonly PolicyFile[],
  problems: string[],
  nearest: Nearest,
): Map<string, Draft> {
  const drafts = new Map<string, Draft>()
  for (const [name, text] of Object.entries(rules.bases)) {
    addDraft(drafts, problems, { name, text, description: '', override: null })
  }
  for (const [name, { check, description }] of Object.entries(rules.defaults)) {
    addDraft(drafts, problems, { name, text: check, description, override: null })
  }
  override(rules, files, drafts, problems, nearest)
  refuseUnused(rules, drafts, problems, nearest)
  return drafts
}

function addDraft(
  drafts: Map<string, Draft>,
  problems: string[],
  rule: Omit<Draft, 'check'>,
): void {
  const { name, text, override } = rule
  try {
    drafts.set(name, { ...rule, check: parseRule(text) })
  } catch (error) {
    if (!(error instanceof RuleError)) throw error
    problems.push(`${override?.whereIn(error) ?? 'default'}: ${name}: ${error.message}`)
    // It has a name: what refers to it is not wrong too.
    if (!drafts.has(name)) drafts.set(name, { ...rule, check: parseRule('!') })
  }
}

/** Puts the files' rules in place of the defaults. */
function override(
  rules: RuleDefaults,
  files: readonly PolicyFile[],
  drafts: Map<string, Draft>,
  problems: string[],
  nearest: Nearest,
): void {
  const services = [...new Set(Object.keys(rules.defaults).map((name) => name.split('.')[0] ?? ''))]
  for (const file of files) {
    const service = serviceOf(file.file)
    if (service !== BASES && !services.includes(service)) {
      const words = `no rule begins with ${service}. (there are ${[...services, BASES].join(', ')})`
      problems.push(`${file.file}:1: ${words}${hint(service, [...services, BASES], nearest)}`)
      continue
    }
    for (const entry of readOverrides(file, problems)) {
      const refused = misplaced(entry.name, service, rules, nearest)
      if (refused) {
        problems.push(`${entry.where}: ${refused}`)
        continue
      }
      const { name, text } = entry
      const description = Object.hasOwn(rules.defaults, name)
        ? (rules.defaults[name]?.description ?? '')
        : ''
      addDraft(drafts, problems, { name, text, description, override: entry })
    }
  }
}

/** Why a name has no place in the file of that service, or null. */
function misplaced(
  name: string,
  service: string,
  { defaults, bases }: RuleDefaults,
  nearest: Nearest,
): string | null {
  if (Object.hasOwn(defaults, name)) {
    if (name.startsWith(`${service}.`)) return null
    return `${name} belongs in ${name.split('.')[0]}.yaml`
  }
  if (service === BASES && /^\w[\w-]*$/.test(name)) return null
  if (Object.hasOwn(bases, name))
    return `${name} is shared by all services: it belongs in bases.yaml`
  return `there is no rule ${JSON.stringify(name)}${hint(name, Object.keys(defaults), nearest)}`
}

/** P4 of policy.ts: what nobody refers to was meant to be something else. */
function refuseUnused(
  { bases, defaults }: RuleDefaults,
  drafts: Map<string, Draft>,
  problems: string[],
  nearest: Nearest,
): void {
  const used = new Set([...drafts.values()].flatMap(({ check }) => namesIn(check)))
  for (const { name, override } of drafts.values()) {
    if (!override || used.has(name)) continue
    if (Object.hasOwn(defaults, name) || Object.hasOwn(bases, name)) continue
    const words = `there is no base ${JSON.stringify(name)}, and no rule refers to it`
    problems.push(`${override.where}: ${words}${hint(name, Object.keys(bases), nearest)}`)
  }
}
