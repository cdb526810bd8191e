/** The settings of compute: rows of the table in config.ts. */
import { z } from 'zod'
import type { ConsoleLimits } from '../services/compute/console-room.ts'
import type { ComputeSettings } from '../services/context.ts'
import { CELL_SETTINGS, type CellConfig, cellDefaults } from './config-cells.ts'
import { SCHEDULER_SETTINGS, type SchedulerConfig, schedulerDefaults } from './config-scheduler.ts'
import { SIMULATOR_SETTINGS, type SimulatorConfig, simulatorDefaults } from './config-simulator.ts'
import { Secret } from './secret.ts'
import { type Setting, wholeNumber } from './setting.ts'

const HOST_JOINS = ['open', 'token'] as const
const MAX_SOFT_DELETE_SECONDS = 365 * 24 * 3600
const MAX_RESIZE_CONFIRM_SECONDS = 30 * 24 * 3600
/** Enough to see placement at work. */
const SIMULATED_HOSTS = 3
export const MAX_SIMULATED_HOSTS = 10_000
/** Of one API process: more would be taken from others. */
const MAX_CONSOLES = 1_000
const METADATA_SECRET_LETTERS = { least: 16, most: 256 }

/** Consoles that may be open at once, in one API process, are of `ConsoleLimits`. */
export interface ComputeConfig extends SchedulerConfig, SimulatorConfig, ConsoleLimits, CellConfig {
  /** How long deleted servers can be restored. 0: they are deleted at once. */
  softDeleteSeconds: number
  /** What was resized or migrated is confirmed by itself after so long. 0: never. */
  resizeConfirmSeconds: number
  /** Which hosts are let in: `open`, all who are on the bus; `token`, those that joined with a token. */
  hostJoin: 'open' | 'token'
  /** How many hosts a simulated cloud has in this process. */
  simulatedHosts: number
  /** Shared with the proxies of the metadata service. Undefined: there is no such service. */
  metadataSharedSecret: Secret | undefined
}

/** As they are when nobody says anything. */
export const computeDefaults: ComputeConfig = {
  softDeleteSeconds: 0,
  resizeConfirmSeconds: 0,
  hostJoin: 'open',
  simulatedHosts: SIMULATED_HOSTS,
  metadataSharedSecret: undefined,
  consolesPerUser: 16,
  consolesPerProject: 64,
  consolesPerServer: 4,
  ...simulatorDefaults,
  ...schedulerDefaults,
  ...cellDefaults,
}

function consoles(environment: string) {
  const accepted = `a whole number from 1 to ${MAX_CONSOLES}`
  return { environment, accepted, schema: wholeNumber(1, MAX_CONSOLES) }
}

export const COMPUTE_SETTINGS = {
  ...CELL_SETTINGS,
  softDeleteSeconds: {
    environment: 'NEPHO_SOFT_DELETE_SECONDS',
    accepted: `whole seconds from 0 (deleted at once) to ${MAX_SOFT_DELETE_SECONDS}`,
    schema: wholeNumber(0, MAX_SOFT_DELETE_SECONDS),
  },
  resizeConfirmSeconds: {
    environment: 'NEPHO_RESIZE_CONFIRM_SECONDS',
    accepted: `whole seconds from 0 (never) to ${MAX_RESIZE_CONFIRM_SECONDS}`,
    schema: wholeNumber(0, MAX_RESIZE_CONFIRM_SECONDS),
  },
  hostJoin: {
    environment: 'NEPHO_HOST_JOIN',
    accepted: `one of ${HOST_JOINS.join(', ')}`,
    schema: z.enum(HOST_JOINS),
  },
  simulatedHosts: {
    environment: 'NEPHO_SIMULATED_HOSTS',
    accepted: `a whole number from 1 to ${MAX_SIMULATED_HOSTS}`,
    schema: wholeNumber(1, MAX_SIMULATED_HOSTS),
  },
  metadataSharedSecret: {
    environment: 'NEPHO_METADATA_SHARED_SECRET',
    accepted: `${METADATA_SECRET_LETTERS.least} to ${METADATA_SECRET_LETTERS.most} letters`,
    schema: z
      .string()
      .min(METADATA_SECRET_LETTERS.least)
      .max(METADATA_SECRET_LETTERS.most)
      .transform((text) => new Secret(text)),
    secret: true,
  },
  consolesPerUser: consoles('NEPHO_CONSOLES_PER_USER'),
  consolesPerProject: consoles('NEPHO_CONSOLES_PER_PROJECT'),
  consolesPerServer: consoles('NEPHO_CONSOLES_PER_SERVER'),
  ...SIMULATOR_SETTINGS,
  ...SCHEDULER_SETTINGS,
} satisfies Record<keyof ComputeConfig, Setting>

/** What services need of them. */
export const computeSettingsOf = ({
  softDeleteSeconds,
  resizeConfirmSeconds,
}: ComputeConfig): ComputeSettings => ({
  softDeleteSeconds,
  resizeConfirmSeconds,
})
