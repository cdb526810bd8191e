/**
 * Guests over the agent's own stop and start.
 *
 * G1 A clean stop with its guests first marks each as one to bring back, then stops it: a kill in
 *    between loses no mark, and a mark on a machine that still runs does no harm.
 * G2 At the start, what is marked is started, and after a reboot of the host also what ran before
 *    it. Each machine gets one try; what fails stays down and its reason is reported. What was paused
 *    is paused again; what lies suspended has its memory, and stays so.
 */
import type { Logger } from 'pino'
import type { ComputeDriver, Machine } from '../../drivers/compute/driver.ts'
import { within } from '../pause.ts'
import type { Journal, MachineRecord } from './journal.ts'

const STOPS_AT_ONCE = 64
const STARTS_AT_ONCE = 8
const LIST_TIMEOUT_MS = 30_000
/** Beyond what the guests were given to shut down. */
const FORCE_WAIT_MS = 10_000
const START_TIMEOUT_MS = 60_000
/** For all of them: as long as this lasts the host is silent. */
const BRING_BACK_TIMEOUT_MS = 3 * 60_000

export interface GuestSettings {
  driver: ComputeDriver
  journal: Journal
  log: Logger
}

/** Stops every running guest: asked first, forced after `timeoutMs`. */
export async function stopGuests(
  { driver, journal, log }: GuestSettings,
  timeoutMs: number,
): Promise<void> {
  const running = (await listMachines(driver)).filter(isOn)
  await Promise.all(
    running.map(async ({ id }) => {
      const record = journal.find(id)
      if (!record?.spec) return log.warn({ machineId: id }, 'nobody will bring this machine back')
      record.running = true
      record.bringBack = true
      await journal.save(id)
    }),
  )
  await eachAtMost(STOPS_AT_ONCE, running, ({ id }) => stopGuest(driver, id, timeoutMs, log))
  log.info({ guests: running.length }, 'the guests were stopped')
}

async function stopGuest(
  driver: ComputeDriver,
  id: string,
  timeoutMs: number,
  log: Logger,
): Promise<void> {
  try {
    const patience = AbortSignal.timeout(timeoutMs + FORCE_WAIT_MS)
    await driver.stop(id, { mode: 'graceful', timeoutMs }, patience)
  } catch (error) {
    log.warn({ machineId: id, err: error }, 'a guest could not be asked to stop and is forced')
    const patience = AbortSignal.timeout(FORCE_WAIT_MS)
    await driver.stop(id, { mode: 'forced', timeoutMs: 0 }, patience).catch((failure: unknown) => {
      log.error({ machineId: id, err: failure }, 'a guest could not be stopped')
    })
  }
}

/**
 * Starts what should be running; returns the reasons of what could not be, by machine. What
 * `stopping` cuts short keeps its mark.
 */
export async function bringGuestsBack(
  { driver, journal, log }: GuestSettings,
  hostRebooted: boolean,
  stopping?: AbortSignal,
): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  const wanted = journal
    .all()
    .filter((record) => record.bringBack || (hostRebooted && record.running))
  if (wanted.length === 0) return failures
  const found = await listMachines(driver)
  // A start of what is suspended would drop its memory.
  const atRest = found.filter((machine) => isOn(machine) || machine.powerState === 'SUSPENDED')
  const asTheyAre = new Set(atRest.map(({ id }) => id))
  const patience = AbortSignal.timeout(BRING_BACK_TIMEOUT_MS)
  await eachAtMost(STARTS_AT_ONCE, wanted, async (record) => {
    // Also what a reboot of the host brought down: the next start does not know of that any more.
    record.bringBack = !asTheyAre.has(record.id) && !(await bringBack(record))
    await journal.save(record.id)
  })
  return failures

  /** False when it is left to the next start. */
  async function bringBack(record: MachineRecord): Promise<boolean> {
    if (stopping?.aborted) return false
    try {
      if (!record.spec) throw new Error('its description was lost')
      const signals = [patience, AbortSignal.timeout(START_TIMEOUT_MS)]
      const signal = AbortSignal.any(stopping ? [...signals, stopping] : signals)
      await driver.start(record.spec, signal)
      record.running = true
      if (record.paused) await pauseAgain(record.id, signal)
      log.info({ machineId: record.id }, 'a machine was brought back')
    } catch (error) {
      if (stopping?.aborted) return false
      record.running = false
      failures.set(record.id, `could not be brought back: ${(error as Error).message}`)
      log.error({ machineId: record.id, err: error }, 'a machine could not be brought back')
    }
    return true
  }

  async function pauseAgain(id: string, signal: AbortSignal): Promise<void> {
    await driver.abilities.pausing?.pause(id, signal).catch((err: unknown) => {
      log.error({ machineId: id, err }, 'a machine that was paused is back, but runs')
    })
  }
}

function listMachines(driver: ComputeDriver): Promise<Machine[]> {
  return within(
    LIST_TIMEOUT_MS,
    driver.recover(),
    () => new Error('listing machines took too long'),
  )
}

function isOn({ powerState }: Machine): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED'
}

async function eachAtMost<T>(
  limit: number,
  items: T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
