/**
 * Why a rule allows or refuses, in words for people. It walks the same checks as `evaluate.ts`
 * compiles and asks the same leaves, so both always decide alike.
 */
import { compileLeaf, textOf, valueOf } from './evaluate.ts'
import type { Check, Credentials, Leaf, Target } from './language.ts'

const MAX_SHOWN_ALTERNATIVES = 8

export interface Explanation {
  allowed: boolean
  /** What allows, such as `rule:project_member -> role:member and project_id:%(project_id)s`. */
  chain: string
  /** What holds, or what is missing. */
  words: string
  /** What there is instead of what is missing. */
  instead?: string
  /** The ways in which it could have been allowed, when there are several and none did. */
  alternatives: { chain: string; words: string }[]
}

export interface Asked {
  creds: Credentials
  target: Target
  ruleNamed: (name: string) => Check
}

/** The sentence for a whole rule. */
export function explain(check: Check, asked: Asked): { allowed: boolean; reason: string } {
  const { allowed, chain, words, instead, alternatives } = explainCheck(check, asked)
  if (allowed) return { allowed, reason: `${chain}: ${words}` }
  if (alternatives.length === 0) {
    return { allowed, reason: instead ? `${words}; ${instead}` : words }
  }
  const shown = alternatives.slice(0, MAX_SHOWN_ALTERNATIVES)
  const more = alternatives.length - shown.length
  const reason = shown.map((way) => `${way.chain}: ${way.words}`).join('. Or ')
  return { allowed, reason: more > 0 ? `${reason}. Or ${more} more` : reason }
}

/** As a part of a longer sentence. */
const asPart = ({ words, instead }: Explanation) => (instead ? `${words} (${instead})` : words)

function explainCheck(check: Check, asked: Asked): Explanation {
  const chain = textOfCheck(check)
  switch (check.kind) {
    case 'rule': {
      const inner = explainCheck(asked.ruleNamed(check.name), asked)
      return { ...inner, chain: `${chain} -> ${inner.chain}` }
    }
    case 'not': {
      const inner = explainCheck(check.check, asked)
      const words = inner.allowed
        ? `needs that it is not so: ${inner.words}`
        : `it is not so that ${textOfCheck(check.check)}`
      return { allowed: !inner.allowed, chain, words, alternatives: [] }
    }
    case 'and': {
      const parts = check.checks.map((part) => explainCheck(part, asked))
      const failed = parts.filter((part) => !part.allowed)
      if (failed.length === 0) {
        const words = parts.map((part) => part.words).join(', and ')
        return { allowed: true, chain, words, alternatives: [] }
      }
      const [first] = failed
      if (first && failed.length === 1) return { ...first, chain, alternatives: [] }
      const words = failed.map(asPart).join('; and ')
      return { allowed: false, chain, words, alternatives: [] }
    }
    case 'or': {
      const parts: Explanation[] = []
      for (const part of check.checks) {
        const inner = explainCheck(part, asked)
        if (inner.allowed) return inner
        parts.push(inner)
      }
      return noneOf(check.checks, parts, chain)
    }
    default: {
      const allowed = compileLeaf(check)(asked.creds, asked.target)
      const [words, instead] = leafWords(check, allowed, asked)
      return { allowed, chain, words, instead, alternatives: [] }
    }
  }
}

function noneOf(checks: Check[], parts: Explanation[], chain: string): Explanation {
  const alternatives = parts.flatMap((part, index) => {
    const own = textOfCheck(checks[index] as Check)
    if (part.alternatives.length === 0) return [{ chain: own, words: asPart(part) }]
    return part.alternatives.map((way) => ({ ...way, chain: `${own} -> ${way.chain}` }))
  })
  const words = [...new Set(parts.map(asPart))].join(', or ')
  return { allowed: false, chain, words, alternatives }
}

/** The text of a check, written so that it parses to the same check. */
export function textOfCheck(check: Check): string {
  switch (check.kind) {
    case 'not':
      return `not ${inParentheses(check.check, ['and', 'or'])}`
    case 'and':
      return check.checks.map((part) => inParentheses(part, ['and', 'or'])).join(' and ')
    case 'or':
      return check.checks.map((part) => inParentheses(part, ['or'])).join(' or ')
    default:
      return check.text
  }
}

const inParentheses = (check: Check, kinds: string[]) =>
  kinds.includes(check.kind) ? `(${textOfCheck(check)})` : textOfCheck(check)

/** What holds; or what is missing, and what there is instead. */
function leafWords(leaf: Leaf, allowed: boolean, { creds, target }: Asked): [string, string?] {
  if (leaf.kind === 'constant') return [allowed ? 'everybody may' : 'nobody may']
  const operand = leaf.kind === 'role' ? leaf.role : leaf.operand
  const wanted = 'key' in operand ? valueOf(target, operand.key) : operand.value
  if ('key' in operand && wanted === undefined) {
    return [`needs a target with ${operand.key}, and none is given`]
  }
  const shown = shownValue(wanted)
  if (leaf.kind === 'role') {
    if (allowed) return [`you have the role ${shown}`]
    return [`needs the role ${shown}`, `you have ${creds.roles.join(', ') || 'no role here'}`]
  }
  if (leaf.kind === 'literal') {
    const name = 'key' in operand ? operand.key : shown
    const literal = shownValue(leaf.value)
    return allowed
      ? [`${name} is ${literal}`]
      : [`needs ${name} to be ${literal}`, `it is ${shown}`]
  }
  const own = leaf.path.reduce(valueOf, creds as unknown)
  const path = leaf.path.join('.')
  const told = 'key' in operand ? SCOPES.get(path) : FLAGS.get(leaf.text)
  if (!told) {
    if (allowed) return [`your ${path} is ${shown}`]
    return [`needs ${path} to be ${shown}`, `yours is ${shownValue(own)}`]
  }
  if (allowed) return [told.holds]
  if (wanted === null) return [`needs a target with a ${told.noun}`, 'this one has none']
  return [`needs ${told.needs(shown)}`, told.have(own === null ? null : shownValue(own))]
}

interface Telling {
  noun: string
  holds: string
  needs: (wanted: string) => string
  have: (own: string | null) => string
}

const SCOPES = new Map<string, Telling>(
  Object.entries({
    project_id: {
      noun: 'project',
      holds: 'the project is yours',
      needs: (wanted) => `a token for the project ${wanted}`,
      have: (own) => `yours is for ${own ?? 'no project'}`,
    },
    domain_id: {
      noun: 'domain',
      holds: 'the domain is yours',
      needs: (wanted) => `a token for the domain ${wanted}`,
      have: (own) => `yours is for ${own ?? 'no domain'}`,
    },
    user_id: {
      noun: 'user',
      holds: 'you are the user',
      needs: (wanted) => `the user ${wanted}`,
      have: (own) => `you are ${own ?? 'nobody'}`,
    },
    user_domain_id: {
      noun: 'domain',
      holds: 'it is the domain that you belong to',
      needs: (wanted) => `a user of the domain ${wanted}`,
      have: (own) => `you belong to ${own ?? 'none'}`,
    },
    project_domain_id: {
      noun: 'domain',
      holds: 'it is the domain of your project',
      needs: (wanted) => `a token for a project of the domain ${wanted}`,
      have: (own) => `yours is of ${own ?? 'none'}`,
    },
  }),
)

const FLAGS = new Map<string, Telling>(
  Object.entries({
    'system_scope:all': {
      noun: 'system',
      holds: 'your token is for the system',
      needs: () => 'a token for the system',
      have: () => 'yours is not',
    },
    'is_admin_project:True': {
      noun: 'project',
      holds: "your token is for the operator's project",
      needs: () => "a token for the operator's project",
      have: () => 'yours is not',
    },
  }),
)

/** A value for people: what it is not is said too. */
function shownValue(value: unknown): string {
  if (value === undefined) return 'not set'
  if (Array.isArray(value)) return value.map(shownValue).join(', ') || 'empty'
  return textOf(value) ?? 'None'
}
