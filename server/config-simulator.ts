/** The settings of the simulator: rows of the table in config.ts, and what `nepho simulate` takes. */
import { z } from 'zod'
import {
  type SimulatedFaults,
  type SimulatedVerb,
  simulatedVerbs,
} from '../drivers/compute/simulated/knobs.ts'
import { nearestName } from './nearest-name.ts'
import type { Setting } from './setting.ts'

const MAX_DELAY_MS = 60 * 60_000
const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 }
const DELAY = /^(\d+(?:\.\d+)?)(ms|s|m)$/
const SHARE = /^(\d+(?:\.\d+)?)%$/
const WHOLE = 100

export interface SimulatorConfig {
  /** What simulated verbs take, in milliseconds. */
  simulatedDelays: Readonly<Partial<Record<SimulatedVerb, number>>>
  /** Which share of their calls fails, from 0 to 1. */
  simulatedFaults: Readonly<SimulatedFaults>
}

export const simulatorDefaults: SimulatorConfig = { simulatedDelays: {}, simulatedFaults: {} }

/** `start=200ms,create=1.5s`, as milliseconds by verb. Throws with what is wrong, in words. */
export const delaysFrom = (text: string): SimulatorConfig['simulatedDelays'] =>
  byVerb(text, (value) => {
    const [, number, unit = ''] = DELAY.exec(value) ?? []
    const ms = Number(number) * (UNITS_MS[unit] ?? Number.NaN)
    if (ms <= MAX_DELAY_MS) return ms
    throw new Error(`${value || 'nothing'} is no delay up to an hour, such as 200ms, 1.5s or 2m`)
  })

/** `create=1%,start=0.5%`, as shares of one by verb. Throws with what is wrong, in words. */
export const faultsFrom = (text: string): SimulatorConfig['simulatedFaults'] =>
  byVerb(text, (value) => {
    const percent = Number(SHARE.exec(value)?.[1])
    if (percent <= WHOLE) return percent / WHOLE
    throw new Error(`${value || 'nothing'} is no share from 0% to 100%, such as 1% or 0.5%`)
  })

function byVerb(
  text: string,
  read: (value: string) => number,
): Partial<Record<SimulatedVerb, number>> {
  const found: Partial<Record<SimulatedVerb, number>> = {}
  for (const pair of text.split(',').map((each) => each.trim())) {
    if (pair === '') continue
    const [name = '', value = ''] = pair.split('=', 2).map((each) => each.trim())
    found[verbFrom(name)] = read(value)
  }
  return found
}

function verbFrom(name: string): SimulatedVerb {
  const verb = simulatedVerbs.find((each) => each === name)
  if (verb) return verb
  const meant = nearestName(name, simulatedVerbs)
  const cure = meant ? `did you mean ${meant}?` : `there are ${simulatedVerbs.join(', ')}`
  throw new Error(`${name || 'nothing'} is no verb of the simulator; ${cure}`)
}

/** A setting that one of the readers above reads, and whose complaint is the hint. */
function readBy<T>(environment: string, accepted: string, read: (text: string) => T) {
  const schema = z.string().transform((text, context): T => {
    try {
      return read(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })
  const hint = (value: unknown): string | null =>
    schema.safeParse(value).error?.issues[0]?.message ?? null
  return { environment, accepted, schema, hint }
}

export const SIMULATOR_SETTINGS = {
  simulatedDelays: readBy(
    'NEPHO_SIMULATED_DELAYS',
    'times by verb, such as start=200ms,create=1.5s',
    delaysFrom,
  ),
  simulatedFaults: readBy(
    'NEPHO_SIMULATED_FAULTS',
    'shares of calls that fail by verb, such as create=1%,start=0.5%',
    faultsFrom,
  ),
} satisfies Record<keyof SimulatorConfig, Setting>
