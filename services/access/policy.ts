/**
 * A whole set of rules, compiled: the defaults in the code with the operator's overrides in them.
 *
 * P1 A set is taken whole or refused whole: one PolicyError names every problem with file and line.
 * P2 Every reference leads to a rule, and none back to itself; chains and what a rule comes to with
 *    all that it refers to are limited, so every decision takes a bounded number of checks.
 * P3 A policy never changes: who holds one decides by one and the same set.
 * P4 What bears a rule's name is in the defaults. `bases.yaml` may add bases of its own, but only
 *    such as a rule refers to: otherwise a slip in a name would go unnoticed.
 */

import { type Draft, draftRules, type Nearest } from './drafts.ts'
import { compile, type Decide } from './evaluate.ts'
import { explain } from './explain.ts'
import type { Credentials, Target } from './language.ts'
import type { PolicyFile } from './overrides.ts'
import { type Measure, measureRules } from './references.ts'

const MAX_SHOWN_PROBLEMS = 50

export interface RuleDefaults {
  /** By the name of what they guard, `<service>.<resource>.<verb>`. */
  defaults: Readonly<Record<string, { check: string; description: string }>>
  /** What the defaults are made of, by names without a dot. */
  bases: Readonly<Record<string, string>>
}

/** A set is wrong. Each problem is `file:line: words`. */
export class PolicyError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    const shown = problems.slice(0, MAX_SHOWN_PROBLEMS)
    const more = problems.length - shown.length
    super([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'))
    this.name = 'PolicyError'
    this.problems = problems
  }
}

interface Rule extends Draft {
  decide: Decide
}

export class Policy {
  private constructor(
    private readonly all: ReadonlyMap<string, Rule>,
    /** What is guarded: all but the bases. */
    private readonly guarded: readonly Rule[],
    private readonly measures: ReadonlyMap<string, Measure>,
    private readonly nearest: Nearest,
  ) {}

  /** Throws PolicyError. `nearest` adds what was probably meant to unknown names. */
  static of(
    rules: RuleDefaults,
    files: readonly PolicyFile[] = [],
    nearest: Nearest = () => undefined,
  ): Policy {
    const problems: string[] = []
    const drafts = draftRules(rules, files, problems, nearest)
    const measures = measureRules(drafts, problems, nearest)
    if (problems.length > 0) throw new PolicyError(problems)
    const all = compileAll(drafts)
    const guarded = [...all.values()].filter(({ name }) => Object.hasOwn(rules.defaults, name))
    return new Policy(all, guarded, measures, nearest)
  }

  /** Whether there is a rule, or a base, of that name. */
  has(name: string): boolean {
    return this.all.has(name)
  }

  /** The guarded rule that somebody who wrote `name` probably meant. */
  nearestTo(name: string): string | undefined {
    return this.nearest(
      name,
      this.guarded.map((rule) => rule.name),
    )
  }

  /** Throws when there is no such rule: a slip in the code, not a refusal. */
  allows(name: string, creds: Credentials, target: Target): boolean {
    return this.named(name).decide(creds, target)
  }

  /** The decision, the text of the rule, and a sentence that says why. */
  explain(
    name: string,
    creds: Credentials,
    target: Target,
  ): { allowed: boolean; rule: string; reason: string } {
    const { check, text } = this.named(name)
    const ruleNamed = (other: string) => this.named(other).check
    return { rule: text, ...explain(check, { creds, target, ruleNamed }) }
  }

  rules(): { name: string; check: string; description: string; overridden: boolean }[] {
    return this.guarded.map(({ name, text, description, override }) => ({
      name,
      check: text,
      description,
      overridden: override !== null,
    }))
  }

  /**
   * Whether a rule depends on one of these credentials, itself or through what it refers to; rules
   * whose name begins with one of `exceptPrefixes` aside. Answers may be shared between callers who differ in
   * nothing that is mentioned.
   */
  mentions(credentialKeys: readonly string[], ...exceptPrefixes: string[]): boolean {
    return this.guarded.some(({ name }) => {
      if (exceptPrefixes.some((prefix) => name.startsWith(prefix))) return false
      return credentialKeys.some((key) => this.measures.get(name)?.credentials.has(key))
    })
  }

  private named(name: string): Rule {
    const rule = this.all.get(name)
    if (!rule) throw new Error(`there is no rule ${name}`)
    return rule
  }
}

/** Each rule once, those it refers to first. */
function compileAll(drafts: Map<string, Draft>): Map<string, Rule> {
  const compiled = new Map<string, Decide>()
  const decideRule = (name: string): Decide => {
    const known = compiled.get(name)
    if (known) return known
    const draft = drafts.get(name)
    if (!draft) throw new Error(`there is no rule ${name}`)
    const decide = compile(draft.check, decideRule)
    compiled.set(name, decide)
    return decide
  }
  return new Map([...drafts].map(([name, draft]) => [name, { ...draft, decide: decideRule(name) }]))
}
