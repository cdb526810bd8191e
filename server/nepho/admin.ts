/** `nepho admin reset-password`: the way back in when the administrator's password is lost. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { adminReset } from '../../services/identity/admin-reset.ts'
import { ADMIN_USER, DEFAULT_DOMAIN } from '../../services/identity/bootstrap.ts'
import { passwordProblem } from '../../services/identity/password-rules.ts'
import type { Config } from '../config.ts'
import { passwordRulesOf } from '../config-identity.ts'
import { openDatabase } from '../database/client.ts'
import { writeWhole } from '../whole-file.ts'
import { withDatabase } from './database.ts'
import type { Say } from './terminal.ts'

export interface ResetOptions {
  user: string
  domain: string
  removeTotp: boolean
}

const GENERATED_BYTES = 18

/** `given` null: a password is made, and said once. */
export async function resetPassword(
  config: Config,
  { user, domain, removeTotp }: ResetOptions,
  given: string | null,
  say: Say,
): Promise<void> {
  const password = given ?? randomBytes(GENERATED_BYTES).toString('base64url')
  const problem = passwordProblem(password, { userName: user, rules: passwordRulesOf(config) })
  if (problem) throw new Error(problem)
  const done = await withDatabase(config, async (url) => {
    const database = openDatabase({ url, poolSize: 2 })
    try {
      const cloud = { db: database.prisma, now: () => new Date() }
      return await adminReset(cloud, { user, domain, password, removeTotp })
    } finally {
      await database.close()
    }
  })
  say(`the password of ${user}, domain ${domain}, is new, and the tokens of ${user} have ended`)
  if (done.wasDisabled) say('the user was disabled and is enabled again')
  if (done.wasLocked) say('the user was locked after wrong passwords and is unlocked')
  if (done.domainIsDisabled) say(`domain ${domain} is disabled: nobody of it can sign in`)
  if (done.hasTotp) say('a TOTP code is still asked for; --remove-totp takes that away')
  if (given === null) say(`password: ${password}`)
  if (user === ADMIN_USER && domain === DEFAULT_DOMAIN) keepFileTrue(config.dataDir, password, say)
}

/** The start says that the password is in this file, so that it has to be. */
function keepFileTrue(dataDir: string, password: string, say: Say): void {
  const file = join(dataDir, 'admin-password')
  if (!existsSync(file)) return
  writeWhole(file, `${password}\n`)
  say(`kept in ${file}, as the one before was`)
}
