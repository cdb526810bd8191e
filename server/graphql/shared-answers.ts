/**
 * One execution of an event for all watchers who would get the same answer: a thousand people on the
 * same page cost one execution and a thousand sends.
 *
 * S1 An answer is shared only between watches of the same document, operation, variables and
 *    audience, for the very same payload. A watch without an audience shares with nobody.
 * S2 The audience names all that an answer may depend on besides: project and roles. Whether a
 *    watcher may see the event at all was decided before, for each of them.
 * S3 Nothing is kept longer than its payload.
 */
import type { DocumentNode, ExecutionResult } from 'graphql'
import type { OperationRequest } from './documents.ts'

export interface SharedAnswers {
  /** What watches must have in common to share; null: nothing is shared. */
  keyOf(request: OperationRequest, audience: string | null): string | null
  /** The answer to the payload for a key: the first who asks executes. */
  answer(
    payload: unknown,
    key: string | null,
    execute: () => ExecutionResult | Promise<ExecutionResult>,
  ): ExecutionResult | Promise<ExecutionResult>
}

export function makeSharedAnswers(): SharedAnswers {
  const numbers = new WeakMap<DocumentNode, number>()
  let lastNumber = 0
  const answers = new WeakMap<object, Map<string, ExecutionResult | Promise<ExecutionResult>>>()

  const numberOf = (document: DocumentNode): number => {
    const known = numbers.get(document)
    if (known !== undefined) return known
    numbers.set(document, ++lastNumber)
    return lastNumber
  }

  return {
    keyOf({ document, operationName, variables }, audience) {
      if (audience === null) return null
      return JSON.stringify([numberOf(document), operationName ?? null, variables ?? {}, audience])
    },

    answer(payload, key, execute) {
      if (key === null || typeof payload !== 'object' || payload === null) return execute()
      let ofPayload = answers.get(payload)
      if (!ofPayload) answers.set(payload, (ofPayload = new Map()))
      const known = ofPayload.get(key)
      if (known) return known
      const fresh = execute()
      ofPayload.set(key, fresh)
      return fresh
    },
  }
}
