/** The words of a rule text: parentheses, operators, and checks such as `role:member`. */
import type { Check, Operand } from './language.ts'

const MAX_SHOWN_LETTERS = 40

/** A rule text is wrong: `at` says where, in letters from 0. The message says it from 1. */
export class RuleError extends Error {
  constructor(
    readonly at: number,
    readonly words: string,
  ) {
    super(`at letter ${at + 1}: ${words}`)
    this.name = 'RuleError'
  }
}

export type Token = { at: number; text: string } & (
  | { kind: '(' | ')' | 'and' | 'or' | 'not' }
  | { kind: 'check'; check: Check }
)

/** A token as an error names it. */
export const said = (token: Token | undefined) =>
  `"${(token?.text ?? '').slice(0, MAX_SHOWN_LETTERS)}"`

const isSpace = (letter: string | undefined) => letter !== undefined && ' \t\r\n'.includes(letter)
const isEnd = (letter: string | undefined) =>
  letter === undefined || isSpace(letter) || letter === '(' || letter === ')'
const isQuote = (letter: string | undefined) => letter === "'" || letter === '"'
const inName = (letter: string) => /[\p{L}\p{M}\p{N}_.-]/u.test(letter)
const inWord = (letter: string) => inName(letter) || ':/@+=*,~'.includes(letter)

/** Throws RuleError at what is no word of the language. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const letter = text[at]
    if (isSpace(letter)) {
      at++
    } else if (letter === '(' || letter === ')') {
      tokens.push({ kind: letter, at, text: letter })
      at++
    } else {
      const token = wordToken(text, at)
      tokens.push(token)
      at += token.text.length
    }
  }
  return tokens
}

/** The operator or check that begins at `at`; its text is what was read. */
function wordToken(text: string, at: number): Token {
  const first = text[at]
  if ((first === '@' || first === '!') && isEnd(text[at + 1])) {
    const check: Check = { kind: 'constant', allowed: first === '@', text: first }
    return { kind: 'check', at, text: first, check }
  }
  if (first === '!') throw new RuleError(at, '"!" stands alone and means nobody; write "not"')
  const left = isQuote(first) ? quoted(text, at) : lettersFrom(text, at, inName)
  const colon = at + left.length
  if (text[colon] !== ':') {
    const operator = left.toLowerCase()
    if (isEnd(text[colon]) && (operator === 'and' || operator === 'or' || operator === 'not')) {
      return { kind: operator, at, text: left }
    }
    if (!isEnd(text[colon])) throw unknownLetter(text, colon)
    throw new RuleError(at, `"${left.slice(0, MAX_SHOWN_LETTERS)}" is no check: a colon is missing`)
  }
  if (left === '') throw new RuleError(at, 'a name is missing before the colon')
  if (/^https?$/i.test(left)) {
    throw new RuleError(at, 'http: is not available: a rule asks no other server')
  }
  const { operand, length } = rightSide(text, colon + 1)
  const whole = text.slice(at, colon + 1 + length)
  return { kind: 'check', at, text: whole, check: checkOf(left, operand, at, whole) }
}

function rightSide(text: string, at: number): { operand: Operand; length: number } {
  let operand: Operand
  let length: number
  if (isQuote(text[at])) {
    length = quoted(text, at).length
    operand = { value: text.slice(at + 1, at + length - 1) }
  } else if (text.startsWith('%(', at)) {
    const key = lettersFrom(text, at + 2, (letter) => inName(letter) || letter === ':')
    length = key.length + 4
    if (key === '' || text.slice(at + 2 + key.length, at + length) !== ')s') {
      throw new RuleError(at, 'a value of the target is written %(name)s')
    }
    operand = { key }
  } else {
    const word = lettersFrom(text, at, inWord)
    length = word.length
    operand = { value: word === 'None' ? null : word }
  }
  if (!isEnd(text[at + length])) throw unknownLetter(text, at + length)
  if (length === 0) throw new RuleError(at, 'something is missing after the colon')
  return { operand, length }
}

/** The quoted text at `at`, with its quotes. */
function quoted(text: string, at: number): string {
  const close = text.indexOf(text[at] ?? '', at + 1)
  if (close < 0) throw new RuleError(at, 'this quote is never closed')
  const whole = text.slice(at, close + 1)
  const escape = whole.indexOf('\\')
  if (escape >= 0) throw new RuleError(at + escape, 'a quoted text holds no backslash')
  return whole
}

function lettersFrom(text: string, at: number, belongs: (letter: string) => boolean): string {
  let end = at
  while (end < text.length) {
    const letter = String.fromCodePoint(text.codePointAt(end) ?? 0)
    if (!belongs(letter)) break
    end += letter.length
  }
  return text.slice(at, end)
}

const unknownLetter = (text: string, at: number) =>
  new RuleError(
    at,
    `${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))} means nothing here`,
  )

const LITERALS = new Map([
  ['True', 'True'],
  ['False', 'False'],
  ['None', null],
])
const MEANT = new Map([
  ['true', 'True'],
  ['false', 'False'],
  ['none', 'None'],
  ['null', 'None'],
  ['role', 'role'],
  ['rule', 'rule'],
])

/** What `left:operand` checks. */
function checkOf(left: string, operand: Operand, at: number, text: string): Check {
  if (isQuote(left[0])) return { kind: 'literal', value: left.slice(1, -1), operand, text }
  if (left === 'role') {
    if ('key' in operand) return { kind: 'role', role: operand, text }
    if (operand.value === '') throw new RuleError(at, 'a role has a name')
    return { kind: 'role', role: { value: operand.value ?? 'None' }, text }
  }
  if (left === 'rule') {
    const name = 'value' in operand ? operand.value : null
    if (!name) throw new RuleError(at, 'rule: takes the name of a rule')
    return { kind: 'rule', name, at, text }
  }
  const literal = LITERALS.get(left)
  if (literal !== undefined) return { kind: 'literal', value: literal, operand, text }
  const meant = MEANT.get(left.toLowerCase())
  if (meant) throw new RuleError(at, `"${left}" is written ${meant}`)
  if (/^-?\d+(\.\d+)?$/.test(left)) {
    return { kind: 'literal', value: String(Number(left)), operand, text }
  }
  const path = left.split('.')
  if (path.includes('')) throw new RuleError(at, `"${left}" has a dot too many`)
  return { kind: 'credential', path, operand, text }
}
