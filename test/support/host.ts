/**
 * Tests of what not every host can do. A skip says its reason in the test's name; with CI=true it
 * is a failure instead, because there a host that can do everything is promised.
 */
import { describe, it, type TestContext } from 'vitest'

const REQUIRED = process.env.CI === 'true'

/** A test that runs when `problem` is null; otherwise `problem` says what is missing. */
export function itNeeds(
  problem: string | null,
  name: string,
  run: () => Promise<void> | void,
  timeoutMs?: number,
): void {
  if (problem === null) it(name, run, timeoutMs)
  else if (REQUIRED) it(name, () => refuse(problem))
  else it.skip(`${name} (skipped: ${problem})`, run)
}

/** A group of tests that run when `problem` is null. */
export function describeNeeds(problem: string | null, name: string, group: () => void): void {
  if (problem === null) describe(name, group)
  else if (REQUIRED) describe(name, () => it('can run on this host', () => refuse(problem)))
  else describe.skip(`${name} (skipped: ${problem})`, group)
}

/** For a test that finds out only as it runs what is missing. */
export function cannotRun(context: Pick<TestContext, 'skip'>, problem: string): never {
  return REQUIRED ? refuse(problem) : context.skip(problem)
}

function refuse(problem: string): never {
  throw new Error(`this host can not run it: ${problem}; with CI=true that is a failure`)
}

/** What is in the way of a test that needs root, or null. */
export function rootProblem(): string | null {
  return process.getuid?.() === 0 ? null : 'needs root'
}

/** What is in the way of a test that looks at processes and namespaces of Linux, or null. */
export function linuxProblem(): string | null {
  return process.platform === 'linux' ? null : 'needs Linux'
}
