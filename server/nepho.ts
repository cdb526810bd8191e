#!/usr/bin/env node
/**
 * The command of who administers the machine. It works with the same settings as the cloud, on the same data
 * directory and database, while the cloud runs and while it doesn't. Exit status: 0 done, 1 not.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, InvalidArgumentError } from 'commander'
import { simulatedVerbs } from '../drivers/compute/simulated/knobs.ts'
import { ADMIN_USER, DEFAULT_DOMAIN } from '../services/identity/bootstrap.ts'
import { type Config, loadConfig } from './config.ts'
import { MAX_SIMULATED_HOSTS } from './config-compute.ts'
import { delaysFrom, faultsFrom } from './config-simulator.ts'
import { type KeyKind, keyKinds } from './key-files.ts'
import { type ResetOptions, resetPassword } from './nepho/admin.ts'
import { bootstrap } from './nepho/bootstrap.ts'
import {
  type CellCreateOptions,
  type CellRemoveOptions,
  createCell,
  listCells,
  removeCell,
} from './nepho/cell.ts'
import { examine, hasFailed, tell } from './nepho/doctor.ts'
import { joinHost } from './nepho/host.ts'
import { listKeys, rotate } from './nepho/keys.ts'
import { type SimulateOptions, simulate } from './nepho/simulate.ts'
import { readSecret, readWord, say } from './nepho/terminal.ts'

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

const host = program.command('host').description('this machine as a host of a cloud')
host
  .command('join')
  .description(
    'join the cloud at this address; the token is asked for, or read from standard input',
  )
  .argument('<url>', 'of the API, for example https://cloud.example.com')
  .option('--name <name>', 'what it is called there; default: the setting hostName')
  .action(async (url: string, { name }: { name?: string }) => {
    const settings = config()
    const token = await readWord('Join token', process.stdin)
    if (!token) throw new Error('a token is needed: hostJoinTokenCreate gives one')
    await joinHost(settings, { url, token, name: name ?? settings.hostName }, say)
  })

const cell = program.command('cell').description('shares of the cloud with databases of their own')
cell
  .command('create')
  .description(
    'make a database a cell: migrations, and a copy of what belongs to home; may be repeated',
  )
  .requiredOption('--name <name>', 'what it is called')
  .requiredOption('--database <url>', 'of the cell, empty to begin with: postgresql://…')
  .option('--home-from-cell <url>', "home's database as the cell's PostgreSQL reaches it")
  .action((options: CellCreateOptions) => createCell(config(), options, say))
cell
  .command('list')
  .description('which cells there are, and how far each is behind home')
  .action(() => listCells(config(), say))
cell
  .command('remove')
  .description('take a cell out of the cloud, once it has no servers, hosts and images')
  .requiredOption('--name <name>', 'which')
  .option('--database <url>', 'of the cell; default: that of the setting cells')
  .action(async (options: CellRemoveOptions) => removeCell(config(), options, say))

const atMost = (most: number) => (text: string) => {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 0 && count <= most) return count
  throw new InvalidArgumentError(`a whole number up to ${most}`)
}

/** Of an option that may be given more than once: checked here, read by the cloud. */
const pairs = (read: (text: string) => object) => (text: string, before?: string) => {
  try {
    read(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  return before ? `${before},${text}` : text
}

program
  .command('simulate')
  .description('run a cloud of simulated hosts, in a data directory of its own, until Ctrl-C')
  .option('--hosts <count>', 'how many', atMost(MAX_SIMULATED_HOSTS), 100)
  .option('--servers <count>', 'how many are made', atMost(1_000_000), 1000)
  .option('--clients <count>', 'who ask for them at once', atMost(64), 8)
  .option('--data-dir <folder>', 'where it is kept', join(homedir(), '.nephograph-simulation'))
  .option('--delay <verb=time>', 'what a verb takes: start=200ms', pairs(delaysFrom))
  .option('--fault <verb=share>', 'how often it fails: create=1%', pairs(faultsFrom))
  .addHelpText('after', `\nVerbs of --delay and --fault: ${simulatedVerbs.join(', ')}`)
  .action(async (options: Omit<SimulateOptions, 'env'>) => {
    process.exitCode = await simulate({ ...options, env: process.env }, say)
  })

try {
  await program.parseAsync()
} catch (error) {
  const { message, cause } = error as Error
  process.stderr.write(`nepho: ${message}\n`)
  if (cause instanceof Error) process.stderr.write(`  because ${cause.message}\n`)
  process.exitCode = 1
}
