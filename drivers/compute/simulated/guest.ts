/** The simulated guest agent: it sets passwords, of which a salted hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { GuestTalking } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import type { SimulatedHost } from './host.ts'
import type { SimulatedMachine } from './machine.ts'
import { mustBeOn } from './power.ts'

const USERS = ['root', 'admin', 'cloud', 'debian', 'ubuntu']
const SALT_BYTES = 8

export class SimulatedGuestTalking implements GuestTalking {
  constructor(private readonly host: SimulatedHost) {}

  setPassword(id: string, user: string, password: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('setPassword', id, signal, async () => {
      const found = mustBeOn(this.host.find(id))
      if (found.silent || found.powerState === 'PAUSED') {
        throw new DriverError('GUEST_SILENT', `the guest of machine ${id} does not answer`, true)
      }
      if (!USERS.includes(user)) throw new DriverError('REFUSED', 'the guest has no such user')
      const salt = randomBytes(SALT_BYTES).toString('hex')
      const passwords = { ...found.passwords, [user]: `${salt}:${hashOf(salt, password)}` }
      await this.host.keep({ ...found, passwords })
    })
  }
}

/** A user without a password is let in by any. */
export function isPassword(machine: SimulatedMachine, user: string, password: string): boolean {
  const { passwords = {} } = machine
  const kept = Object.hasOwn(passwords, user) ? passwords[user] : undefined
  if (kept === undefined) return USERS.includes(user)
  const [salt = '', hash = ''] = kept.split(':')
  return timingSafeEqual(Buffer.from(hash), Buffer.from(hashOf(salt, password)))
}

const hashOf = (salt: string, password: string): string =>
  createHash('sha256').update(salt).update(password).digest('hex')
