/** What the families of verbs share: their ground, their turn on a machine, and the journal's marks. */
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import type { ComputeDriver, MachineSpec } from '../../drivers/compute/driver.ts'
import { CallError, type CallHandler, type ServedCall } from '../call.ts'
import type { MachineRecord } from './journal.ts'
import { badInput } from './verb-input.ts'
import type { Verb, VerbRunner } from './verb-runner.ts'

export interface VerbSettings {
  driver: ComputeDriver
  runner: VerbRunner
  apiUrl: string
  /** Told of a verb that takes its time; told as often as it likes. */
  onProgress(callId: string, doneBytes: number, totalBytes: number): void
}

export type Verbs = Record<string, CallHandler>

/** Does a verb in the machine's row, once, under the fence of its call. */
export async function onMachine(
  { runner }: VerbSettings,
  call: ServedCall,
  machineId: string,
  verb: Pick<Verb, 'run' | 'before' | 'after'>,
): Promise<unknown> {
  const { callId, fence, deadlineAt, verb: name } = call
  if (fence === null) throw badInput('a fence')
  return runner.run({
    // One step of a task may call several verbs under one id.
    callId: `${callId}/${name}`,
    ...{ fence, deadlineAt, name, machineId, log: call.log.child({ machineId }) },
    ...verb,
  })
}

/** Throws UNSUPPORTED where the driver can not do that. */
export function abilityOf<Name extends keyof ComputeAbilities>(
  { driver }: Pick<VerbSettings, 'driver'>,
  name: Name,
): NonNullable<ComputeAbilities[Name]> {
  const ability = driver.abilities[name]
  if (ability) return ability
  throw new CallError('UNSUPPORTED', `the hypervisor of this host can not do that: ${name}`, false)
}

/** The driver keeps the config drive, which may hold secrets; the journal does not. */
export function toKeep({ configDrive: _, ...spec }: MachineSpec): MachineSpec {
  return spec
}

export function nowRuns(record: MachineRecord, spec: MachineSpec): void {
  record.spec = toKeep(spec)
  record.running = true
  record.bringBack = false
  record.paused = false
}

/**
 * Before the verb, so that a machine that is being stopped, or goes elsewhere, isn't brought back by
 * a restarted agent. When the verb fails, what is seen of the machine puts it right.
 */
export function nowRests(record: MachineRecord): boolean {
  const changes = record.running || record.bringBack || record.paused === true
  record.running = false
  record.bringBack = false
  record.paused = false
  return changes
}
