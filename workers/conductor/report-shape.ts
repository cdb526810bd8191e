/**
 * What a report must look like: agents are not trusted with more than their host, and many reports are
 * applied in one statement, which one of another shape must not break for the others.
 */
import { powerStates } from '../../services/compute/server.states.ts'
import { isId } from '../../services/id.ts'
import { isStorable } from '../../services/storable.ts'
import { MAX_TEXT_LETTERS, type Report } from '../agent/reports.ts'

const MAX_LETTERS = 500
const MAX_AMOUNT = Number.MAX_SAFE_INTEGER

/** The message as a report, or null when it is none. */
export function reportFrom(message: unknown): Report | null {
  if (!isRecord(message) || !hasHead(message)) return null
  const { kind, machine, machines } = message
  if (kind === 'progress') return message as unknown as Report
  if (kind === 'machine') return isMachine(machine) ? (message as unknown as Report) : null
  if (kind !== 'host' || !hasFacts(message)) return null
  const isListed = machines === null || (Array.isArray(machines) && machines.every(isMachine))
  return isListed ? (message as unknown as Report) : null
}

const hasHead = ({ host, agentStartedAt, sequence, at }: Record<string, unknown>): boolean =>
  isWord(host) && isTime(agentStartedAt) && isTime(at) && Number.isSafeInteger(sequence)

function hasFacts({
  driver,
  bootId,
  inventory,
  capabilities,
  traits,
}: Record<string, unknown>): boolean {
  if (!isWord(driver) || !isWord(bootId) || !isRecord(inventory)) return false
  const { vcpus, memoryMiB, diskGiB } = inventory
  if (!Number.isSafeInteger(vcpus) || ![vcpus, memoryMiB, diskGiB].every(isAmount)) return false
  if (!Array.isArray(traits) || !traits.every(isWord) || !Array.isArray(capabilities)) return false
  return capabilities.every(
    (each) => isRecord(each) && isWord(each['name']) && isText(each['value']),
  )
}

function isMachine(machine: unknown): boolean {
  if (!isRecord(machine)) return false
  const { id, powerState, reason, fence } = machine
  return (
    typeof id === 'string' &&
    isId(id) &&
    (powerStates as readonly unknown[]).includes(powerState) &&
    (reason === undefined || isText(reason)) &&
    (fence === null || Number.isSafeInteger(fence))
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTime = (value: unknown): boolean =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value))

const isText = (value: unknown): boolean => isStorable(value) && value.length <= MAX_TEXT_LETTERS

const isWord = (value: unknown): boolean =>
  isStorable(value) && value.length > 0 && value.length <= MAX_LETTERS

const isAmount = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value <= MAX_AMOUNT
