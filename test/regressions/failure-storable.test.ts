/**
 * What a program printed when it failed was cut in the middle of a letter, or held a NUL: PostgreSQL took
 * no such text, so that the task could never write down that it had failed.
 */
import { expect, it } from 'vitest'
import { isStorable } from '../../services/storable.ts'
import { CallError, failureOf as toldByAgent } from '../../workers/call.ts'
import { failureOf } from '../../workers/conductor/failure.ts'

it.each([
  ['many letters of two halves', `x${'😀'.repeat(5_000)}`],
  ['half a letter', 'left \ud83d right'],
  ['a NUL', 'left \0 right'],
])('a failure with %s can be written down', (_, text) => {
  const error = new CallError('HYPERVISOR_FAILED', text, false)
  expect(isStorable(text) && text.length < 5_000).toBe(false)
  for (const { message } of [toldByAgent(error), failureOf(error)]) {
    expect(isStorable(message)).toBe(true)
    expect(message.slice(0, 5)).toBe(text.slice(0, 5))
    expect(message.length).toBeLessThanOrEqual(4_000)
  }
})
