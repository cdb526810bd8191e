/** The settings of the process: where it listens, what it does, what it stands on. Rows of the table in config.ts. */
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Secret } from './secret.ts'
import { address, folder, name, type Setting, webAddress, wholeNumber } from './setting.ts'

export const ROLES = ['api', 'scheduler', 'conductor', 'agent'] as const
const DRIVERS = ['auto', 'linux', 'simulated'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const PASSWORD_LETTERS = { least: 8, most: 256 }

export type Role = (typeof ROLES)[number]

export interface ProcessConfig {
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
}

/** As they are when nobody says anything; where the data lies depends on who runs it. */
export function processDefaults(env: Record<string, string | undefined>): ProcessConfig {
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
  }
}

const roleList = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
  .transform((roles) => roles.map((role) => role.trim()).filter((role) => role !== ''))
  .pipe(z.array(z.enum(ROLES)).min(1))
  .transform((roles) => ROLES.filter((role) => roles.includes(role)))

const secret = (text: string) => new Secret(text)

export const PROCESS_SETTINGS = {
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
    ...folder,
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
    ...name,
  },
  apiUrl: {
    environment: 'NEPHO_API_URL',
    accepted: 'an address such as http://192.0.2.1:8080',
    schema: webAddress,
  },
  logLevel: {
    environment: 'NEPHO_LOG_LEVEL',
    accepted: `one of ${LOG_LEVELS.join(', ')}`,
    schema: z.enum(LOG_LEVELS),
  },
} satisfies Record<keyof ProcessConfig, Setting>
