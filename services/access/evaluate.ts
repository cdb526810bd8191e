/**
 * Checks as closures: a rule is compiled once and asked many times.
 *
 * E1 Values are compared as oslo does it, as texts: `True` is the text of true, 20 is `20`.
 * E2 What is not there agrees with nothing: a key that the target lacks makes its check false. And
 *    other than in oslo, null agrees with the literal `None` only: somebody without a project has
 *    no part in a thing without one, and nobody owns what belongs to a project named "None".
 * E3 Only own properties are looked up: `constructor` is no credential.
 */
import type { Check, Credentials, Leaf, Operand, Target } from './language.ts'

export type Decide = (creds: Credentials, target: Target) => boolean

/** `decideRule` gives the compiled form of a rule that is referred to. */
export function compile(check: Check, decideRule: (name: string) => Decide): Decide {
  switch (check.kind) {
    case 'rule':
      return decideRule(check.name)
    case 'not': {
      const inner = compile(check.check, decideRule)
      return (creds, target) => !inner(creds, target)
    }
    case 'and':
    case 'or': {
      const parts = check.checks.map((part) => compile(part, decideRule))
      const settling = check.kind === 'or'
      return (creds, target) => {
        for (const part of parts) if (part(creds, target) === settling) return settling
        return !settling
      }
    }
    default:
      return compileLeaf(check)
  }
}

export function compileLeaf(leaf: Leaf): Decide {
  switch (leaf.kind) {
    case 'constant':
      return () => leaf.allowed
    case 'role':
      return roleCheck(leaf.role)
    case 'literal': {
      const { operand, value } = leaf
      if ('value' in operand) return () => operand.value === value
      return (_, target) => textOf(valueOf(target, operand.key)) === value
    }
    case 'credential': {
      const { operand, path } = leaf
      if ('value' in operand) return (creds) => agrees(creds, path, 0, operand.value)
      return (creds, target) => {
        const wanted = textOf(valueOf(target, operand.key))
        return typeof wanted === 'string' && agrees(creds, path, 0, wanted)
      }
    }
  }
}

function roleCheck(role: Operand): Decide {
  if ('value' in role) {
    const name = (role.value ?? '').toLowerCase()
    return (creds) => hasRole(creds.roles, name)
  }
  return (creds, target) => {
    const name = textOf(valueOf(target, role.key))
    return typeof name === 'string' && hasRole(creds.roles, name.toLowerCase())
  }
}

function hasRole(roles: readonly string[], name: string): boolean {
  for (const role of roles) if (role === name || role.toLowerCase() === name) return true
  return false
}

/** Whether what lies at the path is the text; of a list, whether any of its members is. */
function agrees(value: unknown, path: string[], from: number, text: string | null): boolean {
  const step = path[from]
  if (step === undefined) return textOf(value) === text
  const next = valueOf(value, step)
  if (!Array.isArray(next)) return agrees(next, path, from + 1, text)
  return next.some((member) => agrees(member, path, from + 1, text))
}

/** An own property, or undefined. */
export function valueOf(holder: unknown, key: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key)) return undefined
  return (holder as Record<string, unknown>)[key]
}

/** A value as Python writes it; null for null, undefined for what has no text. */
export function textOf(value: unknown): string | null | undefined {
  if (typeof value === 'string' || value === null) return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  return undefined
}
