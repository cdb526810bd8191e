#!/usr/bin/env node
/**
 * The command of who administers the machine. It works with the same settings as the cloud, on the same data
 * directory and database, while the cloud runs and while it doesn't. Exit status: 0 done, 1 not.
 */
import { Argument, Command } from 'commander'
import { ADMIN_USER, DEFAULT_DOMAIN } from '../services/identity/bootstrap.ts'
import { type Config, loadConfig } from './config.ts'
import { type KeyKind, keyKinds } from './key-files.ts'
import { type ResetOptions, resetPassword } from './nepho/admin.ts'
import { bootstrap } from './nepho/bootstrap.ts'
import { examine, hasFailed, tell } from './nepho/doctor.ts'
import { listKeys, rotate } from './nepho/keys.ts'
import { readSecret, say } from './nepho/terminal.ts'

const sources = { env: process.env, argv: [], cwd: process.cwd() }
const config = (): Config => loadConfig(sources)

const program = new Command('nepho')
  .description('Administers a Nephograph cloud from the machine it runs on.')
  .showHelpAfterError()

program
  .command('bootstrap')
  .description('make the database ready: migrations and first rows; may be repeated')
  .action(() => bootstrap(config(), say))

program
  .command('doctor')
  .description('check each prerequisite and each promise of the system')
  .option('--json', 'for programs')
  .action(async ({ json }: { json?: boolean }) => {
    const outcomes = await examine({ sources })
    if (json) say(JSON.stringify({ ok: !hasFailed(outcomes), checks: outcomes }, null, 2))
    else tell(outcomes, say)
    if (hasFailed(outcomes)) process.exitCode = 1
  })

const keys = program.command('keys').description('the keys that tokens and secrets are made with')
keys
  .command('list')
  .description('which keys there are and what they are good for now')
  .action(() => listKeys(config(), say))
keys
  .command('rotate')
  .description('stage a new key, and remove those that have served their time')
  .addArgument(new Argument('[kind]', 'default: each').choices(keyKinds))
  .action((kind: KeyKind | undefined) => rotate(config(), kind, say))

const admin = program.command('admin').description('the way back in')
admin
  .command('reset-password')
  .description(
    'set a new password, enable and unlock the user, end its tokens; the password is asked for, or read from standard input',
  )
  .option('--user <name>', 'whose', ADMIN_USER)
  .option('--domain <name>', 'of which domain', DEFAULT_DOMAIN)
  .option('--generate', 'make one, and print it once')
  .option('--remove-totp', 'also take the second factor away', false)
  .action(async ({ generate, ...options }: ResetOptions & { generate?: boolean }) => {
    const settings = config()
    const given = generate ? null : await readSecret('New password', process.stdin)
    await resetPassword(settings, options, given, say)
  })

try {
  await program.parseAsync()
} catch (error) {
  const { message, cause } = error as Error
  process.stderr.write(`nepho: ${message}\n`)
  if (cause instanceof Error) process.stderr.write(`  because ${cause.message}\n`)
  process.exitCode = 1
}
