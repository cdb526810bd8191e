/**
 * Secrets at rest that we must be able to read back: TOTP secrets, EC2 secrets, the client secrets
 * of OpenID Connect. Passwords are not among them, they are hashed (password.ts).
 * The keys are for sealing alone: a key that also signs tokens would make one leak two.
 */
import { type FernetKey, fernetDecrypt, fernetEncrypt } from './fernet.ts'

/** `current` seals; `all` (current among them) unseal. */
export interface SealKeys {
  current: FernetKey
  all: readonly FernetKey[]
}

/** The text, readable with the keys only; the same text never gives the same twice. */
export const seal = (keys: SealKeys, text: string): string =>
  // The time in a seal means nothing: services take theirs from the context, and this has none.
  fernetEncrypt(keys.current, Buffer.from(text), new Date(0))

/** What was sealed. Throws, with nothing of the content, when none of the keys fits. */
export function unseal(keys: SealKeys, sealed: string): string {
  try {
    return fernetDecrypt(keys.all, sealed).message.toString()
  } catch (cause) {
    throw new Error('A sealed secret can not be read: its key is not there, or it was changed', {
      cause,
    })
  }
}

/** The same secret under the current key, or null when it is so already: for rotating the keys. */
export function resealed(keys: SealKeys, sealed: string): string | null {
  const text = unseal(keys, sealed)
  try {
    fernetDecrypt([keys.current], sealed)
    return null
  } catch {
    return seal(keys, text)
  }
}
