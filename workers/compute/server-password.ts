/** server.change-password: the host tells the guest's agent; the password is forgotten at every end. */
import { passwordForget } from '../../services/compute/server-interrupt.ts'
import type { PasswordTaskInput } from '../../services/compute/server-password.ts'
import { CallError } from '../call.ts'
import { type StepContext, StepFailure, step, taskKind } from '../conductor/task.ts'
import { callHost, PASSWORD_TIMEOUT_MS } from './agent-calls.ts'
import { hostOf, settleFailed, settleKept } from './server-settle.ts'

export const serverChangePassword = taskKind(
  'server.change-password',
  [
    step('password', {
      do: setPassword,
      save: async (c) => {
        await passwordForget(c.tx, c.task.id)
        await settleKept('changePassword')(c)
      },
      // Over some three seconds: the agent of a guest that has just booted may not be up yet.
      tries: 5,
    }),
  ],
  {
    failed: async (c, error) => {
      await passwordForget(c.tx, c.task.id)
      await settleFailed('changePassword')(c, error)
    },
  },
)

async function setPassword(c: StepContext): Promise<void> {
  const { userName, password } = c.task.input as PasswordTaskInput
  if (password === undefined) throw new Error('the password is forgotten')
  const input = { id: c.task.resourceId, user: userName, password: c.unseal(password) }
  try {
    await callHost(c, await hostOf(c), 'setPassword', input, PASSWORD_TIMEOUT_MS)
  } catch (error) {
    throw inWords(error)
  }
}

function inWords(cause: unknown): unknown {
  if (!(cause instanceof CallError)) return cause
  if (cause.code === 'GUEST_SILENT') {
    const message = 'The guest does not answer: the QEMU guest agent has to run inside it'
    return new StepFailure('INVALID_STATE', message, { retryable: true, cause })
  }
  if (cause.code === 'REFUSED') {
    return new StepFailure('BAD_INPUT', 'The guest refused: it has no such user, perhaps', {
      final: true,
      cause,
    })
  }
  return cause
}
