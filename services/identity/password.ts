/** Password hashes. */
import { hash, verify } from '@node-rs/argon2'

/** argon2id (the library's default) with OWASP's first choice: 19 MiB, 2 passes, 1 lane. */
const settings = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string): Promise<string> => hash(password, settings)

/** Whether the password fits; a user that is not there takes as long as one that is. */
export async function passwordFits(
  passwordHash: string | null,
  password: string,
): Promise<boolean> {
  const fits = await verify(passwordHash ?? (await nobody()), password)
  return passwordHash !== null && fits
}

let nobodyHash: Promise<string> | undefined
const nobody = (): Promise<string> => {
  nobodyHash ??= hashPassword('the password of nobody')
  return nobodyHash
}
