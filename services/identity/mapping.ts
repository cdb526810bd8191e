/**
 * From the claims of an OpenID Connect provider to a local user, after Keystone's mapping rules.
 *
 * 1. A rule fits when each of its `remote` conditions holds. A claim that is not there, or is no
 *    text (a flag or a number counts as its text), holds no condition, `notAnyOf` included.
 * 2. `{0}`, `{1}` ... in `local` stand for the claims of the conditions without anyOneOf and
 *    notAnyOf, counted in their order, as in Keystone.
 * 3. All rules that fit count: the first that gives a user name names the user, the first e-mail
 *    address is taken, groups are collected. No user name: nobody.
 * 4. Claims are hostile. What is too large, or has control characters in it, is as if it were not
 *    there; what takes too long to match makes nobody of them.
 *
 * The name is for people: whoever stores the user finds it again by issuer and subject.
 */
import { anyPatternFits, PatternTooSlow, patternProblem } from './pattern.ts'

export interface RemoteCondition {
  /** The name of a claim; dots lead into nested ones (`realm_access.roles`). */
  claim: string
  /** One of the claim's values is one of these. Not together with notAnyOf. */
  anyOneOf?: readonly string[]
  /** None of the claim's values is one of these. */
  notAnyOf?: readonly string[]
  /** The values above are regular expressions, found anywhere unless tied by `^` and `$`. */
  regex?: boolean
}

export interface MappingRule {
  remote: readonly RemoteCondition[]
  local: {
    userName?: string
    email?: string
    /** Names of groups; a reference to a list gives one for each of its values. */
    groups?: readonly string[]
  }
}

export interface MappedUser {
  userName: string
  email: string | null
  groups: string[]
}

const MAX_RULES = 50
const MAX_CONDITIONS = 20
/** Values of a condition, groups of a rule. */
const MAX_LISTED = 100
const MAX_TEMPLATE_LENGTH = 255
const MAX_CLAIM_DEPTH = 8
const MAX_CLAIM_VALUES = 1000
const MAX_CLAIM_LENGTH = 1024
const MAX_NAME_LENGTH = 255
const MAX_GROUPS = 1000

/** The values of each claim that `{n}` can mean. */
type References = readonly (readonly string[])[]

/** Who the claims are here, or null when no rule makes a user of them. */
export function mapClaims(rules: readonly MappingRule[], claims: unknown): MappedUser | null {
  try {
    return mapped(rules, claims)
  } catch (error) {
    if (error instanceof PatternTooSlow) return null
    throw error
  }
}

function mapped(rules: readonly MappingRule[], claims: unknown): MappedUser | null {
  let userName: string | null = null
  let email: string | null = null
  const groups = new Set<string>()
  for (const { remote, local } of rules.slice(0, MAX_RULES)) {
    const references = fit(remote, claims)
    if (!references) continue
    userName ??= single(local.userName, references)
    email ??= single(local.email, references)
    for (const group of (local.groups ?? []).flatMap((name) => filled(name, references))) {
      if (groups.size < MAX_GROUPS) groups.add(group)
    }
  }
  return userName === null ? null : { userName, email, groups: [...groups] }
}

/** What the claims give to refer to, or null when a condition does not hold. */
function fit(remote: readonly RemoteCondition[], claims: unknown): References | null {
  const references: (readonly string[])[] = []
  for (const { claim, anyOneOf, notAnyOf, regex } of remote) {
    const values = valuesOf(claims, claim)
    if (values.length === 0) return null
    if (anyOneOf && !meets(values, anyOneOf, regex)) return null
    if (notAnyOf && meets(values, notAnyOf, regex)) return null
    if (!anyOneOf && !notAnyOf) references.push(values)
  }
  return references
}

const meets = (values: readonly string[], wanted: readonly string[], regex = false): boolean =>
  regex ? anyPatternFits(wanted, values) : values.some((value) => wanted.includes(value))

/** The values of a claim as texts; none when one of them is not a decent text. */
function valuesOf(claims: unknown, path: string): string[] {
  const claim = claimAt(claims, path)
  const values = Array.isArray(claim) ? claim : [claim]
  if (values.length > MAX_CLAIM_VALUES) return []
  const texts = values.map(textOf)
  return texts.every((text) => text !== null) ? texts : []
}

/** A name with dots may be the claim's own (`https://example.com/groups`): that comes first. */
function claimAt(claims: unknown, path: string): unknown {
  const direct = ownProperty(claims, path)
  if (direct !== undefined) return direct
  const names = path.split('.')
  if (names.length > MAX_CLAIM_DEPTH) return undefined
  return names.reduce(ownProperty, claims)
}

const ownProperty = (from: unknown, name: string): unknown =>
  typeof from === 'object' && from !== null && !Array.isArray(from) && Object.hasOwn(from, name)
    ? (from as Record<string, unknown>)[name]
    : undefined

function textOf(value: unknown): string | null {
  const isPlain = typeof value === 'boolean' || Number.isSafeInteger(value)
  const text = typeof value === 'string' ? value : isPlain ? String(value) : null
  const isDecent = text !== null && text.length <= MAX_CLAIM_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(text)
  return isDecent ? text : null
}

/** The text that a template gives, or null. A list has no one value to take. */
function single(template: string | undefined, references: References): string | null {
  if (template === undefined) return null
  if (referencesIn(template).some((index) => references[index]?.length !== 1)) return null
  return filled(template, references)[0] ?? null
}

/** A template with at most one list in it, filled in for each value of it. Bad names drop out. */
function filled(template: string, references: References): string[] {
  const used = referencesIn(template)
  const lists = used.filter((index) => references[index]?.length !== 1)
  if (new Set(lists).size > 1) return []
  const choices = lists[0] === undefined ? [''] : (references[lists[0]] ?? [])
  return choices
    .map((choice) =>
      template.replace(REFERENCE, (_whole, index) =>
        Number(index) === lists[0] ? choice : (references[Number(index)]?.[0] ?? ''),
      ),
    )
    .filter((name) => name !== '' && name.length <= MAX_NAME_LENGTH && name === name.trim())
}

const REFERENCE = /\{(\d{1,2})\}/g
const referencesIn = (template: string): number[] =>
  [...template.matchAll(REFERENCE)].map((match) => Number(match[1]))

/** What is wrong with the rules, each as a sentence that begins with its place. */
export function checkMapping(rules: readonly MappingRule[]): string[] {
  if (rules.length === 0) return ['there is no rule: nobody could sign in']
  if (rules.length > MAX_RULES) return [`there are more than ${MAX_RULES} rules`]
  const problems = rules.flatMap((rule, i) =>
    [...remoteProblems(rule.remote), ...localProblems(rule)].map(
      (problem) => `rule ${i}: ${problem}`,
    ),
  )
  const names = rules.some((rule) => rule.local.userName !== undefined)
  return names ? problems : [...problems, 'no rule gives a userName: nobody could sign in']
}

function remoteProblems(remote: readonly RemoteCondition[]): string[] {
  if (remote.length === 0) return ['remote is empty: it would fit everybody']
  if (remote.length > MAX_CONDITIONS) return [`remote has more than ${MAX_CONDITIONS} conditions`]
  return remote.flatMap((condition, i) =>
    conditionProblems(condition).map((problem) => `remote ${i}: ${problem}`),
  )
}

function conditionProblems({ claim, anyOneOf, notAnyOf, regex }: RemoteCondition): string[] {
  const problems: string[] = []
  const wanted = anyOneOf ?? notAnyOf
  if (claim === '' || claim.length > MAX_NAME_LENGTH) {
    problems.push(`claim has 1 to ${MAX_NAME_LENGTH} characters`)
  }
  if (anyOneOf && notAnyOf) problems.push('anyOneOf and notAnyOf exclude each other')
  if (regex && !wanted) problems.push('regex is about anyOneOf or notAnyOf, and neither is there')
  if (wanted && (wanted.length === 0 || wanted.length > MAX_LISTED)) {
    problems.push(`anyOneOf and notAnyOf have 1 to ${MAX_LISTED} values`)
  }
  const patterns = regex ? (wanted ?? []).slice(0, MAX_LISTED) : []
  for (const pattern of patterns) {
    const problem = patternProblem(pattern)
    if (problem) problems.push(`not a regular expression: ${problem}`)
  }
  return problems
}

function localProblems({ remote, local }: MappingRule): string[] {
  const given = remote.filter(({ anyOneOf, notAnyOf }) => !anyOneOf && !notAnyOf).length
  const { userName, email, groups = [] } = local
  const problems: string[] = []
  if (userName === undefined && groups.length === 0) {
    problems.push('local gives neither a userName nor groups')
  }
  if (groups.length > MAX_LISTED) return [`local has more than ${MAX_LISTED} groups`]
  const templates: [string, string | undefined][] = [
    ['userName', userName],
    ['email', email],
    ...groups.map((group): [string, string] => ['groups', group]),
  ]
  for (const [name, template] of templates) {
    if (template === undefined) continue
    const problem = templateProblem(template, given)
    if (problem) problems.push(`local.${name}: ${problem}`)
  }
  if (userName !== undefined && referencesIn(userName).length === 0) {
    problems.push('local.userName: it refers to no claim, so all would be the same user')
  }
  return problems
}

function templateProblem(template: string, given: number): string | null {
  if (template === '' || template.length > MAX_TEMPLATE_LENGTH) {
    return `it has 1 to ${MAX_TEMPLATE_LENGTH} characters`
  }
  if (/[{}]/.test(template.replace(REFERENCE, ''))) return 'a brace is for {0}, {1} and so on only'
  const beyond = referencesIn(template).find((index) => index >= given)
  if (beyond === undefined) return null
  return `{${beyond}} refers to nothing: conditions with anyOneOf or notAnyOf are not counted, and there are ${given} others`
}
