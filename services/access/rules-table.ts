/** The default rules as docs/policy.md shows them; scripts/schema-emit.mjs writes them there. */
import { bases, defaultRules } from './rules.ts'

const BEGIN = '<!-- rules: written by scripts/schema-emit.mjs -->'
const END = '<!-- end of rules -->'

const row = (cells: string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const code = (text: string) => `\`${text}\``

function rulesTable(): string {
  const shared = Object.entries(bases).map(([name, check]) => row([code(name), code(check)]))
  const guarding = Object.entries(defaultRules.defaults).map(([name, { check, description }]) =>
    row([code(name), code(check), description]),
  )
  return [
    'What the rules are made of:',
    '',
    row(['base', 'check']),
    '|---|---|',
    ...shared,
    '',
    'The rules:',
    '',
    row(['rule', 'check', 'what it guards']),
    '|---|---|---|',
    ...guarding,
  ].join('\n')
}

/** The document with the rules as they are now between its markers; at its end when it has none. */
export function withRules(document: string): string {
  const table = `${BEGIN}\n\n${rulesTable()}\n\n${END}`
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (begin < 0 || end < begin) return `${document.trimEnd()}\n\n${table}\n`
  return document.slice(0, begin) + table + document.slice(end + END.length)
}
