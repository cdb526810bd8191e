/**
 * The verbs of a compute agent: what each takes, checked by hand, and what it asks of the driver.
 */
import type { ComputeDriver, MachineSpec } from '../../drivers/compute/driver.ts'
import { CallError, type CallHandler, type ServedCall } from '../call.ts'
import { type ImageInput, imageSource } from './image-fetch.ts'
import type { MachineRecord } from './journal.ts'
import type { Verb, VerbRunner } from './verb-runner.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SHA512 = /^[0-9a-f]{128}$/
const MAX_NAME_CHARACTERS = 1_000
const MAX_CONSOLE_LINES = 10_000

export interface VerbSettings {
  driver: ComputeDriver
  runner: VerbRunner
  apiUrl: string
}

export function makeVerbs({ driver, runner, apiUrl }: VerbSettings): Record<string, CallHandler> {
  return {
    create(call) {
      const { machine, image } = fieldsOf(call)
      const spec = machineOf(machine)
      const source = imageSource(imageOf(image), apiUrl)
      return runner.run({
        ...verbOf(call, spec.id),
        run: (signal) => driver.create(spec, source, signal),
        after: (record) => {
          record.spec = spec
        },
      })
    },

    start(call) {
      const spec = machineOf(fieldsOf(call)['machine'])
      return runner.run({
        ...verbOf(call, spec.id),
        run: (signal) => driver.start(spec, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    stop(call) {
      const { id, mode, timeoutMs } = fieldsOf(call)
      const options = { mode: oneOf(mode, ['graceful', 'forced']), timeoutMs: count(timeoutMs) }
      return runner.run({
        ...verbOf(call, idOf(id)),
        before: nowRests,
        run: (signal) => driver.stop(idOf(id), options, signal),
      })
    },

    reboot(call) {
      const { machine, mode, timeoutMs } = fieldsOf(call)
      const spec = machineOf(machine)
      const options = { mode: oneOf(mode, ['soft', 'hard']), timeoutMs: count(timeoutMs) }
      return runner.run({
        ...verbOf(call, spec.id),
        run: (signal) => driver.reboot(spec, options, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    destroy(call) {
      const id = idOf(fieldsOf(call)['id'])
      return runner.run({
        ...verbOf(call, id),
        before: nowRests,
        run: (signal) => driver.destroy(id, signal),
        after: (record) => {
          record.spec = null
        },
      })
    },

    /** Only reads: no fence, no journal, and no waiting for a verb on the same machine. */
    async consoleLog(call) {
      const { id, lines } = fieldsOf(call)
      return await driver.consoleLog(idOf(id), Math.min(count(lines), MAX_CONSOLE_LINES))
    },
  }
}

function nowRuns(record: MachineRecord, spec: MachineSpec): void {
  record.spec = spec
  record.running = true
  record.bringBack = false
}

/**
 * Before the verb, so that a machine that is being stopped isn't brought back by a restarted agent.
 */
function nowRests(record: MachineRecord): boolean {
  const changes = record.running || record.bringBack
  record.running = false
  record.bringBack = false
  return changes
}

function verbOf(call: ServedCall, machineId: string): Omit<Verb, 'run'> {
  const { callId, fence, deadlineAt, verb: name } = call
  if (fence === null) throw badInput('a fence')
  return { callId, fence, deadlineAt, name, machineId, log: call.log.child({ machineId }) }
}

function fieldsOf({ input }: ServedCall): Record<string, unknown> {
  return recordOf(input, 'an input')
}

function machineOf(value: unknown): MachineSpec {
  const { id, name, vcpus, memoryMiB, diskGiB } = recordOf(value, 'machine')
  return {
    id: idOf(id),
    name: textOf(name, 'name'),
    vcpus: count(vcpus),
    memoryMiB: count(memoryMiB),
    diskGiB: count(diskGiB),
  }
}

function imageOf(value: unknown): ImageInput {
  const image = recordOf(value, 'image')
  const { checksum, path } = image
  if (typeof checksum !== 'string' || !SHA512.test(checksum)) throw badInput('a SHA-512 checksum')
  // One leading slash: '//host' would be another server.
  if (typeof path !== 'string' || !/^\/[^/\\]/.test(path)) throw badInput('a path')
  return {
    id: idOf(image['id']),
    checksum,
    format: oneOf(image['format'], ['qcow2', 'raw']),
    sizeBytes: count(image['sizeBytes']),
    virtualSizeBytes: count(image['virtualSizeBytes']),
    path,
    ticket: textOf(image['ticket'], 'ticket'),
  }
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw badInput(what)
  return value as Record<string, unknown>
}

function idOf(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw badInput('a UUID as id')
  return value
}

function textOf(value: unknown, what: string): string {
  const isText = typeof value === 'string' && value.length > 0
  if (!isText || (what === 'name' && value.length > MAX_NAME_CHARACTERS)) throw badInput(what)
  return value
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badInput('a whole number')
  return value as number
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw badInput(`one of ${allowed.join(', ')}`)
  return found
}

function badInput(expected: string): CallError {
  return new CallError('BAD_INPUT', `the call lacks ${expected}`, false)
}
