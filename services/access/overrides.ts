/**
 * The operator's policy files: YAML mappings from the name of a rule to its check, one file per
 * service. Only reads; whether the rules fit together is for `policy.ts`.
 *
 * O1 Whatever YAML could turn into something else than was written is refused: tags (`x: !` would be
 *    the empty text, which allows everybody), aliases, empty values without quotes, a key twice.
 * O2 A file is flat: what is nested in it is refused before it is made into a document.
 */
import { isMap, isScalar, LineCounter, type Pair, Parser, parseDocument, Scalar } from 'yaml'
import type { RuleError } from './tokens.ts'

const MAX_FILE_LETTERS = 256 * 1024

/** `compute.yaml` overrides what begins with `compute.`, `bases.yaml` what these rules share. */
export interface PolicyFile {
  /** The path as problems name it; the last part says the service. */
  file: string
  text: string
}

export interface Override {
  name: string
  text: string
  /** `compute.yaml:3`, of the name. */
  where: string
  /** The same of a place in the rule text. */
  whereIn: (error: Pick<RuleError, 'at'>) => string
}

/** The service of `folder/compute.yaml`: `compute`. */
export const serviceOf = (file: string): string =>
  (file.split(/[/\\]/).at(-1) ?? file).replace(/\.yaml$/, '')

/** What a file says, in its order. What is wrong is added to the problems. */
export function readOverrides({ file, text }: PolicyFile, problems: string[]): Override[] {
  if (text.length > MAX_FILE_LETTERS) {
    problems.push(`${file}:1: longer than ${MAX_FILE_LETTERS} letters`)
    return []
  }
  const lines = new LineCounter()
  const at = (offset: number) => `${file}:${lines.linePos(offset).line || 1}`
  const nested = nestedAt(text, lines)
  if (nested !== null) {
    problems.push(`${at(nested)}: a rule is a name and a check in quotes, no list and no mapping`)
    return []
  }
  const document = parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
  })
  const wrong = [...document.errors, ...document.warnings]
  problems.push(...wrong.map((error) => `${at(error.pos[0])}: ${yamlWords(error.message)}`))
  if (wrong.length > 0) return []
  const { contents } = document
  if (contents === null || (isScalar(contents) && contents.value === null && !contents.tag)) {
    return []
  }
  if (!isMap(contents)) {
    problems.push(`${file}:1: must hold rules, one a line, such as "name: 'role:member'"`)
    return []
  }
  const seen = new Map<string, string>()
  return contents.items.flatMap((pair) => {
    const override = readPair(pair, text, at, problems)
    if (!override) return []
    const before = seen.get(override.name)
    if (before) {
      problems.push(`${override.where}: ${override.name} is there already, at ${before}`)
      return []
    }
    seen.set(override.name, override.where)
    return [override]
  })
}

/**
 * Where the first collection inside the outermost one begins, or null. Asked before the document is
 * made, which recurses: thousands of brackets would exhaust the stack, and end the process when that
 * happens inside of a regular expression.
 */
function nestedAt(text: string, lines: LineCounter): number | null {
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type !== 'document' || !token.value || !('items' in token.value)) continue
    for (const { key, value } of token.value.items) {
      if (key && 'items' in key) return key.offset
      if (value && 'items' in value) return value.offset
    }
  }
  return null
}

function readPair(
  { key, value }: Pair,
  text: string,
  at: (offset: number) => string,
  problems: string[],
): Override | null {
  const where = at(offsetOf(key) ?? offsetOf(value) ?? 0)
  if (!isScalar(key) || key.tag || typeof key.value !== 'string') {
    problems.push(`${where}: the name of a rule must be plain text`)
    return null
  }
  const name = key.value
  const refused = valueProblem(value)
  if (refused !== null || !isScalar(value)) {
    problems.push(`${at(offsetOf(value) ?? offsetOf(key) ?? 0)}: ${name} ${refused}`)
    return null
  }
  const rule = String(value.value)
  const start = offsetOf(value) ?? 0
  const quotes = value.type === Scalar.PLAIN ? 0 : 1
  // In a block or with escapes the letters are not where they seem: then the start has to do.
  const verbatim = text.startsWith(rule, start + quotes)
  const whereIn = (error: { at: number }) => at(verbatim ? start + quotes + error.at : start)
  return { name, text: rule, where, whereIn }
}

/** Why a value is no check, or null. */
function valueProblem(value: unknown): string | null {
  const advice = 'must be a check in quotes, such as "role:member", "@" or "!"'
  if (!isScalar(value)) return value === null ? `has no value; it ${advice}` : advice
  if (value.tag) return `has a YAML tag, "!", outside of quotes; it ${advice}`
  if (value.value === null) return `has no value; it ${advice}`
  if (typeof value.value !== 'string') return `is ${JSON.stringify(value.value)}, but ${advice}`
  const inQuotes = value.type === Scalar.QUOTE_DOUBLE || value.type === Scalar.QUOTE_SINGLE
  if (value.value.trim() === '' && !inQuotes) return `has no value; it ${advice}`
  return null
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  const { range } = node
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined
}

const yamlWords = (message: string) => {
  const first = message.split('\n')[0] ?? ''
  return first.includes('reserved character @') ? `${first}; write '@' in quotes` : first
}
