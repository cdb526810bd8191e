/** What sub-commands say and ask at the terminal. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

export type Say = (line?: string) => void

export const say: Say = (line = '') => void process.stdout.write(`${line}\n`)

const MAX_INPUT_BYTES = 4096

/**
 * A secret: asked for without an echo, twice, when a person sits there; otherwise the first line of
 * standard input. Null when nothing was given.
 */
export async function readSecret(what: string, input: NodeJS.ReadStream): Promise<string | null> {
  if (!input.isTTY) return (await firstLine(input)) || null
  const first = await ask(`${what} (nothing: one is made): `, input)
  if (first === '') return null
  if ((await ask('The same again: ', input)) !== first) throw new Error('the two were not the same')
  return first
}

/** A word that somebody was given: asked for once, without an echo, or the first line of standard input. */
export async function readWord(what: string, input: NodeJS.ReadStream): Promise<string | null> {
  return (await (input.isTTY ? ask(`${what}: `, input) : firstLine(input))).trim() || null
}

async function ask(question: string, input: NodeJS.ReadStream): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: nowhere, terminal: true })
  lines.once('SIGINT', () => process.exit(1))
  // Not before: until here the terminal would have shown what is typed.
  process.stderr.write(question)
  try {
    return await lines.question('')
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

async function firstLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += chunk.toString()
    if (text.length > MAX_INPUT_BYTES) throw new Error('that is too long to be a password')
  }
  return text.split(/\r?\n/, 1)[0] ?? ''
}

/** Rows as columns that line up; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  )
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
