/** Asking the agent inside a guest; see guest-agent.ts. */
import type { GuestTalking } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import { OneAtATime } from '../one-at-a-time.ts'
import { askGuestAgent } from './guest-agent.ts'
import type { LiveMachine } from './machine.ts'
import { machinePaths } from './machine-folder.ts'
import type { QemuMachines, Thaw } from './machines.ts'

const PASSWORD_TIMEOUT_MS = 15_000
/** Hooks inside the guest make its databases ready first. */
const FREEZE_TIMEOUT_MS = 10_000
const THAW_TIMEOUT_MS = 10_000
const THAW_TRIES = 3
const USER_MAX_BYTES = 256

export const guest = (machines: QemuMachines): GuestTalking => {
  const talks = new OneAtATime()
  const ask = (
    id: string,
    run: string,
    command: string,
    args: Record<string, unknown>,
    deadline: { timeoutMs: number; signal: AbortSignal },
  ) => talks.run(id, deadline.signal, () => askGuestAgent(run, command, args, deadline))

  machines.holdStill = async (live, signal) => {
    const { run } = machinePaths((await machines.ground()).dir, live.id)
    return holdStill(live, (command, deadline) => ask(live.id, run, command, {}, deadline), signal)
  }

  return {
    setPassword: (id, user, password, signal) =>
      machines.verb('setPassword', id, signal, async (_, paths) => {
        await machines.runningOrRefuse(id, paths, 'nobody in it can be asked')
        if (Buffer.byteLength(user) > USER_MAX_BYTES) {
          throw new DriverError('REFUSED', 'no user has a name of this length')
        }
        const secret = Buffer.from(password, 'utf8').toString('base64')
        const args = { username: user, password: secret, crypted: false }
        const deadline = { timeoutMs: PASSWORD_TIMEOUT_MS, signal }
        await ask(id, paths.run, 'guest-set-user-password', args, deadline)
      }),
  }
}

type Ask = (
  command: string,
  deadline: { timeoutMs: number; signal: AbortSignal },
) => Promise<unknown>

/** Null when nobody answers or the guest can't; whatever was held still then goes on. */
async function holdStill(live: LiveMachine, ask: Ask, signal: AbortSignal): Promise<Thaw | null> {
  const never = new AbortController().signal
  const thaw = async () => {
    for (let left = THAW_TRIES; !live.down; left--) {
      try {
        await ask('guest-fsfreeze-thaw', { timeoutMs: THAW_TIMEOUT_MS, signal: never })
        return
      } catch (error) {
        if (left <= 1) throw error
      }
    }
  }
  let asked = false
  try {
    await ask('guest-ping', { timeoutMs: FREEZE_TIMEOUT_MS, signal })
    asked = true
    await ask('guest-fsfreeze-freeze', { timeoutMs: FREEZE_TIMEOUT_MS, signal })
    return thaw
  } catch (error) {
    if (asked) await thaw().catch(() => {})
    if (signal.aborted) throw error
    return null
  }
}
