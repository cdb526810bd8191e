/**
 * Changing a password inside a server. The password is sealed until the host is told, and forgotten
 * when the task ends, whatever its end: no log, audit entry or error ever has it.
 */
import { CloudError } from '../errors.ts'
import { seal } from '../identity/sealed.ts'
import type { ServerTaskInput } from './server.ts'
import { type ServerActionRequest, serverAction } from './server-action.ts'

export const DEFAULT_USER_NAME = 'root'

export interface ServerChangePassword extends ServerActionRequest {
  password: string
  userName?: string | null
}

export interface PasswordTaskInput extends ServerTaskInput {
  userName: string
  /** Sealed; not there any more once the task has ended. */
  password?: string
}

export const serverChangePassword = serverAction(
  'changePassword',
  'server.change-password',
  async (c, _server, { password, userName }: ServerChangePassword) => {
    const name = userName ?? DEFAULT_USER_NAME
    if (/[:\s]/.test(name)) {
      throw new CloudError('BAD_INPUT', 'No user is called so', {
        fields: [{ path: 'input.userName', message: 'must hold no space and no colon' }],
      })
    }
    return {
      task: { userName: name, password: seal(c.sealKeys, password) },
      audit: { userName: name },
    }
  },
)
