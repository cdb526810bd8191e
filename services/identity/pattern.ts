/**
 * Regular expressions that operators write, run on what strangers send. A short text is enough to
 * keep a bad one busy for years ((a+)+$ doubles with each letter), so a limit on the length does not
 * help: the match itself has a time limit, kept by the engine.
 */
import { createContext, Script } from 'node:vm'

export const MAX_PATTERN_LENGTH = 512
/** For one try of a call, all patterns and texts together. */
const TIMEOUT_MS = 50
/** The engine's clock goes on while the machine does something else: a good pattern gets another chance. */
const TRIES = 3

/** A pattern needed more than its time: nobody knows whether it fits. */
export class PatternTooSlow extends Error {
  constructor() {
    super('a regular expression took too long')
    this.name = 'PatternTooSlow'
  }
}

const script = new Script('patterns.some((p) => texts.some((t) => p.test(t)))')
const inside: { patterns: RegExp[]; texts: readonly string[] } = { patterns: [], texts: [] }
const world = createContext(inside)

/** What is wrong with a pattern as it is written, or null. */
export function patternProblem(source: string): string | null {
  if (source.length > MAX_PATTERN_LENGTH) return `longer than ${MAX_PATTERN_LENGTH} characters`
  try {
    compiled(source)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Whether one of the patterns is found in one of the texts; `^` and `$` tie it to the ends.
 * Throws PatternTooSlow, and SyntaxError for what patternProblem would have told.
 */
export function anyPatternFits(sources: readonly string[], texts: readonly string[]): boolean {
  inside.patterns = sources.map(compiled)
  inside.texts = texts
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const fits = fitsInTime()
      if (fits !== null) return fits
    }
    throw new PatternTooSlow()
  } finally {
    inside.patterns = []
    inside.texts = []
  }
}

/** Null: the time was over before. */
function fitsInTime(): boolean | null {
  try {
    return script.runInContext(world, { timeout: TIMEOUT_MS }) === true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null
    throw error
  }
}

const compiled = (source: string): RegExp => new RegExp(source, 'u')
