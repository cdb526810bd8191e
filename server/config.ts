/**
 * The settings: the command line and the environment first, then `nephograph.yaml`, then defaults.
 *
 * One table states for each setting its name in the environment, its check and what is accepted in
 * words. In the file a setting has the name that it has in `Config`. What may hold a password is a
 * `Secret`, and its value is never part of an error.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { z } from 'zod'
import {
  defaultPasswordRules,
  MAX_PASSWORD_LENGTH,
  MAX_UNIQUE_LAST_COUNT,
  MIN_PASSWORD_LENGTH,
  type PasswordRules,
} from '../services/identity/password-rules.ts'
import { patternProblem } from '../services/identity/pattern.ts'
import { type TokenFormat, tokenFormats } from '../services/identity/token.ts'
import { COMPUTE_SETTINGS, type ComputeConfig, computeDefaults } from './config-compute.ts'
import { nearestName } from './nearest-name.ts'
import { Secret } from './secret.ts'
import { address, type Setting, wholeNumber } from './setting.ts'

export const ROLES = ['api', 'scheduler', 'conductor', 'agent'] as const
const DRIVERS = ['auto', 'linux', 'simulated'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const PASSWORD_LETTERS = { least: 8, most: 256 }
const TOKEN_TTL_SECONDS = { least: 60, most: 30 * 24 * 3600 }
const MAX_PASSWORD_DAYS = 3650
const MAX_RETENTION_DAYS = 36_500
const CONFIG_FILE = 'nephograph.yaml'
/** A name in the environment that is this near to one of ours is a slip of the pen. */
const ENVIRONMENT_SLIP = 2

export type Role = (typeof ROLES)[number]

export interface Config extends ComputeConfig {
  /** 0 takes a free port. */
  port: number
  host: string
  /** Absolute. */
  dataDir: string
  drivers: (typeof DRIVERS)[number]
  roles: Role[]
  /** Undefined: the embedded PostgreSQL. */
  databaseUrl: Secret | undefined
  /** Undefined: the bus inside the process. */
  amqpUrl: Secret | undefined
  /** Undefined: one is made at the first start. */
  adminPassword: Secret | undefined
  /** The name of this machine as a compute host. */
  hostName: string
  /** How agents reach the data plane. Undefined: derived from host and port once they are known. */
  apiUrl: string | undefined
  logLevel: (typeof LOG_LEVELS)[number]
  tokenTtlSeconds: number
  /** What new tokens are; both are accepted. */
  tokenFormat: TokenFormat
  /** Absolute. Undefined: `policy` in the data directory. */
  policyDir: string | undefined
  /** The region that this control plane is, in the catalog. */
  region: string
  /** How users reach the API, for the catalog and identity providers. Undefined: as it listens. */
  publicUrl: string | undefined
  passwordMinLength: number
  passwordRegex: string | undefined
  passwordRegexDescription: string | undefined
  /** 0: none is remembered. */
  passwordUniqueLastCount: number
  /** 0: never. */
  passwordExpiresDays: number
  passwordMinimumAgeDays: number
  /** How long the audit log is kept. 0: for ever. */
  auditRetentionDays: number
}

/** The settings of identity, as they are when nobody says anything. */
export const identityDefaults = {
  tokenTtlSeconds: 24 * 3600,
  tokenFormat: 'jwt',
  policyDir: undefined,
  region: 'RegionOne',
  publicUrl: undefined,
  passwordMinLength: defaultPasswordRules.minLength,
  passwordRegex: undefined,
  passwordRegexDescription: undefined,
  passwordUniqueLastCount: 0,
  passwordExpiresDays: 0,
  passwordMinimumAgeDays: 0,
  auditRetentionDays: 0,
} satisfies Partial<Config>

/** The rules for passwords, of the settings. */
export const passwordRulesOf = (
  config: Pick<Config, Extract<keyof Config, `password${string}`>>,
): PasswordRules => ({
  minLength: config.passwordMinLength,
  regex: config.passwordRegex ?? null,
  regexDescription: config.passwordRegexDescription ?? null,
  uniqueLastCount: config.passwordUniqueLastCount,
  expiresDays: config.passwordExpiresDays || null,
  minimumAgeDays: config.passwordMinimumAgeDays,
})

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

const roleList = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
  .transform((roles) => roles.map((role) => role.trim()).filter((role) => role !== ''))
  .pipe(z.array(z.enum(ROLES)).min(1))
  .transform((roles) => ROLES.filter((role) => roles.includes(role)))

const secret = (text: string) => new Secret(text)

const SETTINGS = {
  port: {
    environment: 'NEPHO_PORT',
    accepted: 'a port from 0 to 65535; 0 takes a free one',
    schema: wholeNumber(0, 65_535),
  },
  host: {
    environment: 'NEPHO_HOST',
    accepted: 'an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::',
    schema: z.string().regex(/^[\w.:-]+$/),
  },
  dataDir: {
    environment: 'NEPHO_DATA_DIR',
    accepted: 'the path of a folder',
    schema: z.string().regex(/^[^\0]+$/),
  },
  drivers: {
    environment: 'NEPHO_DRIVERS',
    accepted: `one of ${DRIVERS.join(', ')}`,
    schema: z.enum(DRIVERS),
  },
  roles: {
    environment: 'NEPHO_ROLES',
    accepted: `some of ${ROLES.join(', ')}, with commas between them`,
    schema: roleList,
  },
  databaseUrl: {
    environment: 'DATABASE_URL',
    accepted: 'an address such as postgresql://user:password@host:5432/name',
    schema: address('postgresql:', 'postgres:').transform(secret),
    secret: true,
  },
  amqpUrl: {
    environment: 'AMQP_URL',
    accepted: 'an address such as amqp://user:password@host:5672/vhost',
    schema: address('amqp:', 'amqps:').transform(secret),
    secret: true,
  },
  adminPassword: {
    environment: 'NEPHO_ADMIN_PASSWORD',
    accepted: `${PASSWORD_LETTERS.least} to ${PASSWORD_LETTERS.most} letters`,
    schema: z.string().min(PASSWORD_LETTERS.least).max(PASSWORD_LETTERS.most).transform(secret),
    secret: true,
  },
  hostName: {
    environment: 'NEPHO_HOST_NAME',
    accepted: 'at most 63 letters, digits, dots, dashes and underscores',
    schema: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/),
  },
  apiUrl: {
    environment: 'NEPHO_API_URL',
    accepted: 'an address such as http://192.0.2.1:8080',
    schema: address('http:', 'https:').transform((text) => text.replace(/\/+$/, '')),
  },
  logLevel: {
    environment: 'NEPHO_LOG_LEVEL',
    accepted: `one of ${LOG_LEVELS.join(', ')}`,
    schema: z.enum(LOG_LEVELS),
  },
  tokenTtlSeconds: {
    environment: 'NEPHO_TOKEN_TTL_SECONDS',
    accepted: `whole seconds from ${TOKEN_TTL_SECONDS.least} to ${TOKEN_TTL_SECONDS.most}`,
    schema: wholeNumber(TOKEN_TTL_SECONDS.least, TOKEN_TTL_SECONDS.most),
  },
  tokenFormat: {
    environment: 'NEPHO_TOKEN_FORMAT',
    accepted: `one of ${tokenFormats.join(', ')}`,
    schema: z.enum(tokenFormats),
  },
  policyDir: {
    environment: 'NEPHO_POLICY_DIR',
    accepted: 'the path of a folder',
    schema: z.string().regex(/^[^\0]+$/),
  },
  region: {
    environment: 'NEPHO_REGION',
    accepted: 'at most 63 letters, digits, dots, dashes and underscores',
    schema: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/),
  },
  publicUrl: {
    environment: 'NEPHO_PUBLIC_URL',
    accepted: 'an address such as https://cloud.example.org',
    schema: address('http:', 'https:').transform((text) => text.replace(/\/+$/, '')),
  },
  passwordMinLength: {
    environment: 'NEPHO_PASSWORD_MIN_LENGTH',
    accepted: `whole characters from ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH}`,
    schema: wholeNumber(MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH),
  },
  passwordRegex: {
    environment: 'NEPHO_PASSWORD_REGEX',
    accepted: 'a regular expression that passwords must fit',
    schema: z.string().refine((text) => patternProblem(text) === null),
  },
  passwordRegexDescription: {
    environment: 'NEPHO_PASSWORD_REGEX_DESCRIPTION',
    accepted: 'what the regular expression wants, in words',
    schema: z.string().min(1).max(255),
  },
  passwordUniqueLastCount: {
    environment: 'NEPHO_PASSWORD_UNIQUE_LAST_COUNT',
    accepted: `a count from 0 to ${MAX_UNIQUE_LAST_COUNT}`,
    schema: wholeNumber(0, MAX_UNIQUE_LAST_COUNT),
  },
  passwordExpiresDays: {
    environment: 'NEPHO_PASSWORD_EXPIRES_DAYS',
    accepted: `days from 0 (never) to ${MAX_PASSWORD_DAYS}`,
    schema: wholeNumber(0, MAX_PASSWORD_DAYS),
  },
  passwordMinimumAgeDays: {
    environment: 'NEPHO_PASSWORD_MINIMUM_AGE_DAYS',
    accepted: `days from 0 to ${MAX_PASSWORD_DAYS}`,
    schema: wholeNumber(0, MAX_PASSWORD_DAYS),
  },
  auditRetentionDays: {
    environment: 'NEPHO_AUDIT_RETENTION_DAYS',
    accepted: `days from 0 (for ever) to ${MAX_RETENTION_DAYS}`,
    schema: wholeNumber(0, MAX_RETENTION_DAYS),
  },
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
  const config: Config = { ...defaults(sources.env), ...(parsed as Partial<Config>) }
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

function defaults(env: ConfigSources['env']): Config {
  const dataHome = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share')
  const asRoot = process.getuid?.() === 0
  return {
    port: 8080,
    host: '127.0.0.1',
    dataDir: asRoot ? '/var/lib/nephograph' : join(dataHome, 'nephograph'),
    drivers: 'auto',
    roles: [...ROLES],
    databaseUrl: undefined,
    amqpUrl: undefined,
    adminPassword: undefined,
    hostName:
      hostname()
        .replace(/[^\w.-]/g, '-')
        .slice(0, 63) || 'localhost',
    apiUrl: undefined,
    logLevel: 'info',
    ...identityDefaults,
    ...computeDefaults,
  }
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
