/**
 * The rule language of oslo.policy, as its documentation states it: text in, a tree of checks out.
 *
 *   @  !  ''                        everybody, nobody, everybody
 *   role:member  role:%(role)s      a role of the caller, in any case of letters
 *   rule:project_member             another rule
 *   project_id:%(project_id)s       a credential against a value of the target
 *   system_scope:all                a credential against a literal
 *   True:%(public)s  'x':%(name)s   a literal against a value of the target
 *   not, and, or, ( )               binding in this order, in any case of letters
 *
 * L1 Text either parses whole or is refused with the place of the first thing that is wrong. oslo
 *    takes what it can't read for `!` and goes on, which hides a slip until somebody is locked out.
 * L2 Reading takes time linear in the text; length and depth have limits.
 * L3 No check leaves the process: `http:` is refused.
 * L4 More than oslo reads: quoted texts may hold spaces and parentheses, and may stand on the right
 *    too (its documentation shows that, its parser compares the quotes).
 */
import { RuleError, said, type Token, tokensOf } from './tokens.ts'

const MAX_RULE_LETTERS = 4096
/** Parentheses and `not` inside each other. */
const MAX_RULE_DEPTH = 32

/** Who asks, under oslo's names. Nothing in it is secret: explanations quote it. */
export interface Credentials {
  user_id: string
  user_domain_id: string
  project_id: string | null
  project_domain_id: string | null
  domain_id: string | null
  system_scope: 'all' | null
  is_admin_project: boolean
  roles: readonly string[]
  trust_id?: string | null
  [key: string]: unknown
}

/** What is asked about. Keys are flat: `%(target.project.id)s` names the key `target.project.id`. */
export type Target = Readonly<Record<string, string | number | boolean | null | undefined>>

/** A value of the target, or a literal; null is `None`. */
export type Operand = { key: string } | { value: string | null }

export type Leaf =
  | { kind: 'constant'; allowed: boolean; text: string }
  | { kind: 'role'; role: Operand; text: string }
  | { kind: 'credential'; path: string[]; operand: Operand; text: string }
  | { kind: 'literal'; value: string | null; operand: Operand; text: string }

export type Check =
  | Leaf
  /** `at` is where the reference stands in the text, in letters from 0. */
  | { kind: 'rule'; name: string; at: number; text: string }
  | { kind: 'not'; check: Check }
  | { kind: 'and' | 'or'; checks: Check[] }

/** The checks of a rule text. Throws RuleError. References to other rules are not followed. */
export function parseRule(text: string): Check {
  if (text.length > MAX_RULE_LETTERS) {
    throw new RuleError(
      MAX_RULE_LETTERS,
      `a rule has at most ${MAX_RULE_LETTERS} letters, this one ${text.length}`,
    )
  }
  if (text === '') return { kind: 'constant', allowed: true, text: '@' }
  const tokens = tokensOf(text)
  if (tokens.length === 0) {
    throw new RuleError(0, 'nothing but spaces; write @ for everybody or ! for nobody')
  }
  return parseTokens(tokens, text.length)
}

function parseTokens(tokens: Token[], end: number): Check {
  let next = 0

  const several = (kind: 'or' | 'and', part: (depth: number) => Check, depth: number): Check => {
    const first = part(depth)
    const checks = [first]
    while (tokens[next]?.kind === kind) {
      next++
      checks.push(part(depth))
    }
    return checks.length === 1 ? first : { kind, checks }
  }
  const alternatives = (depth: number): Check => several('or', conjunction, depth)
  const conjunction = (depth: number): Check => several('and', single, depth)

  const single = (depth: number): Check => {
    const token = tokens[next]
    if (!token) throw new RuleError(end, `${said(tokens[next - 1])} is followed by nothing`)
    if (depth > MAX_RULE_DEPTH) {
      throw new RuleError(token.at, `nested more than ${MAX_RULE_DEPTH} deep`)
    }
    next++
    if (token.kind === 'check') return token.check
    if (token.kind === 'not') return { kind: 'not', check: single(depth + 1) }
    if (token.kind !== '(')
      throw new RuleError(token.at, `a check must stand before ${said(token)}`)
    const inside = alternatives(depth + 1)
    const close = tokens[next]
    if (!close) throw new RuleError(token.at, 'this parenthesis is never closed')
    if (close.kind !== ')') throw missingOperator(close)
    next++
    return inside
  }

  const whole = alternatives(0)
  const rest = tokens[next]
  if (rest?.kind === ')') throw new RuleError(rest.at, 'this parenthesis closes nothing')
  if (rest) throw missingOperator(rest)
  return whole
}

const missingOperator = (token: Token) =>
  new RuleError(token.at, `"and" or "or" is missing before ${said(token)}`)
