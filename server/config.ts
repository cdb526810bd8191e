/**
 * The settings: the command line and the environment first, then `nephograph.yaml`, then defaults.
 *
 * One table states for each setting its name in the environment, its check and what is accepted in
 * words; its rows are in `config-*.ts`. In the file a setting has the name that it has in `Config`.
 * What may hold a password is a `Secret`, and its value is never part of an error.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { z } from 'zod'
import { COMPUTE_SETTINGS, type ComputeConfig, computeDefaults } from './config-compute.ts'
import { IDENTITY_SETTINGS, type IdentityConfig, identityDefaults } from './config-identity.ts'
import { PROCESS_SETTINGS, type ProcessConfig, processDefaults, ROLES } from './config-process.ts'
import { nearestName } from './nearest-name.ts'
import type { Setting } from './setting.ts'

const CONFIG_FILE = 'nephograph.yaml'
/** A name in the environment that is this near to one of ours is a slip of the pen. */
const ENVIRONMENT_SLIP = 2

export interface Config extends ProcessConfig, IdentityConfig, ComputeConfig {}

export interface ConfigSources {
  env: Record<string, string | undefined>
  /** What follows the program's name: `['--roles', 'api,conductor']`. */
  argv: string[]
  cwd: string
}

/** A setting is wrong. The message names it, what was given, and what is accepted. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
  }
}

/** Exported for the test that holds the documents against it. */
export const SETTINGS = {
  ...PROCESS_SETTINGS,
  ...IDENTITY_SETTINGS,
  ...COMPUTE_SETTINGS,
} satisfies Record<keyof Config, Setting>

type Name = keyof Config

const NAMES = Object.keys(SETTINGS) as Name[]
const ENVIRONMENT_NAMES = [...NAMES.map((name) => SETTINGS[name].environment), 'NEPHO_CONFIG']

/** Reads and checks every setting. Throws one ConfigError that names all that is wrong. */
export function loadConfig(sources: ConfigSources): Config {
  const problems: string[] = []
  const file = readFile(sources, problems)
  const given = readArguments(sources.argv, problems)
  refuseSlips(sources.env, problems)
  const parsed: Record<string, unknown> = {}
  for (const name of NAMES) {
    const { environment } = SETTINGS[name]
    const where: [source: string, value: unknown][] = [
      [`--${name}`, given[name]],
      [environment, sources.env[environment] || undefined],
      [`${name} in ${file.path}`, file.values[name] ?? undefined],
    ]
    const first = where.find(([, value]) => value !== undefined)
    if (first) parsed[name] = check(name, first, problems)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  // Each value has passed the check of its own row.
  const config: Config = {
    ...processDefaults(sources.env),
    ...identityDefaults,
    ...computeDefaults,
    ...(parsed as Partial<Config>),
  }
  const { policyDir } = config
  return {
    ...config,
    dataDir: resolve(sources.cwd, config.dataDir),
    policyDir: policyDir && resolve(sources.cwd, policyDir),
  }
}

function check(name: Name, [source, value]: [string, unknown], problems: string[]): unknown {
  const setting: Setting = SETTINGS[name]
  const result = setting.schema.safeParse(value)
  if (result.success) return result.data
  const shown = setting.secret ? 'a value that is not shown here' : JSON.stringify(value)
  const hint = setting.hint?.(value)
  problems.push(`${source} is ${shown}, but must be ${setting.accepted}${hint ? `; ${hint}` : ''}`)
}

interface ConfigFile {
  path: string
  values: Record<string, unknown>
}

function readFile({ env, cwd }: ConfigSources, problems: string[]): ConfigFile {
  const path = resolve(cwd, env.NEPHO_CONFIG || CONFIG_FILE)
  if (!existsSync(path)) {
    if (env.NEPHO_CONFIG)
      problems.push(
        `NEPHO_CONFIG is ${JSON.stringify(env.NEPHO_CONFIG)}, but there is no such file`,
      )
    return { path, values: {} }
  }
  let content: unknown
  try {
    content = parse(readFileSync(path, 'utf8')) ?? {}
  } catch (error) {
    // The parser quotes the lines around, and one of them may hold a password.
    const words = error instanceof Error ? error.message.split('\n')[0] : ''
    problems.push(`${path} is not YAML: ${words}`)
    return { path, values: {} }
  }
  const mapping = z.record(z.string(), z.unknown()).safeParse(content)
  if (!mapping.success) {
    problems.push(`${path} must hold settings, one a line, such as "port: 8080"`)
    return { path, values: {} }
  }
  const values = mapping.data
  for (const key of Object.keys(values).filter((key) => !Object.hasOwn(SETTINGS, key))) {
    const nearest = nearestName(key.replace(/^NEPHO_/, '').replaceAll('_', ''), NAMES)
    const hint = nearest ? `did you mean ${nearest}?` : `there are ${NAMES.join(', ')}`
    problems.push(`${path} has an unknown setting ${JSON.stringify(key)}; ${hint}`)
  }
  // A path in the file is meant from where the file lies.
  for (const name of ['dataDir', 'policyDir'] as const) {
    const value = values[name]
    if (typeof value === 'string') values[name] = resolve(dirname(path), value)
  }
  return { path, values }
}

function readArguments(argv: string[], problems: string[]): Partial<Record<Name, string>> {
  try {
    return parseArgs({ args: argv, options: { roles: { type: 'string' } } }).values
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    problems.push(`${words.split('. ')[0]}; the only option is --roles ${ROLES.join(',')}`)
    return {}
  }
}

/** `NEPHO_DRIVER=linux` would otherwise be passed over without a word. */
function refuseSlips(env: ConfigSources['env'], problems: string[]): void {
  for (const name of Object.keys(env).filter((name) => name.startsWith('NEPHO_'))) {
    if (ENVIRONMENT_NAMES.includes(name)) continue
    const nearest = nearestName(name, ENVIRONMENT_NAMES, ENVIRONMENT_SLIP)
    if (nearest) problems.push(`${name} is not a setting; did you mean ${nearest}?`)
  }
}
