/**
 * The contract of a compute driver: what a host's agent asks of its hypervisor.
 *
 * C1 Every verb is idempotent: doing it twice is doing it once; what is already so is success.
 * C2 A verb takes a plain description; a driver knows no database, no bus and no other driver.
 * C3 `recover()` tells what really exists on the host, whoever started it and whenever.
 * C4 A machine outlives the process that started it.
 * C5 A verb that is aborted by its signal leaves the machine in a state that the same verb, or
 *    `destroy`, can take on from.
 * C6 `destroy` ends with nothing of the machine left: no process, no disk, no log.
 * Errors are `DriverError`s; anything else is a defect of the driver.
 */
import type { Readable } from 'node:stream'

export interface ComputeDriver {
  readonly name: string
  /** Probes the host once and remembers: accelerator, versions, limits. What does not work is said too. */
  capabilities(): Promise<Capability[]>
  /** What the host has in all, before overcommit. */
  inventory(): Promise<Inventory>
  /** Makes the disks of a machine from an image. `fetch` is called only when the image is not cached. */
  create(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void>
  /** Boots a created machine; a running one is left alone. */
  start(machine: MachineSpec, signal: AbortSignal): Promise<void>
  /** Graceful: asks the guest, waits `timeoutMs`, then forces. Forced: at once. */
  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void>
  /** Soft: asks the guest and waits for it, then starts anew. Hard: a reset without asking. */
  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void>
  destroy(id: string, signal: AbortSignal): Promise<void>
  /** The last `lines` lines of the serial console, decoded as UTF-8, at most 1 MiB. */
  consoleLog(id: string, lines: number): Promise<string>
  recover(): Promise<Machine[]>
  /** Calls back whenever a machine changes its power state by itself (guest shut down, crashed, was killed). */
  watch(onChange: (machine: Machine) => void): () => void
  /** Lets go of the host without touching a machine. */
  close(): Promise<void>
}

export interface MachineSpec {
  /** The server's id, a UUID. */
  id: string
  name: string
  vcpus: number
  memoryMiB: number
  /** Size of the root disk; 0 means as large as the image. */
  diskGiB: number
}

export interface ImageSource {
  id: string
  /** SHA-512 in hex: the name in the cache, checked after the fetch. */
  checksum: string
  format: 'qcow2' | 'raw'
  sizeBytes: number
  virtualSizeBytes: number
  fetch(signal: AbortSignal): Promise<Readable>
}

export interface StopOptions {
  mode: 'graceful' | 'forced'
  timeoutMs: number
}

export interface RebootOptions {
  mode: 'soft' | 'hard'
  timeoutMs: number
}

export type PowerState = 'RUNNING' | 'PAUSED' | 'SHUTDOWN' | 'CRASHED'

export interface Machine {
  id: string
  powerState: PowerState
  /** Why it is as it is, when the driver knows: 'guest shut down', 'killed by signal 9'. */
  reason?: string
}

export interface Inventory {
  vcpus: number
  memoryMiB: number
  diskGiB: number
}

/** One fact about the host, for people and for the scheduler: { name: 'accelerator', value: 'tcg' }. */
export interface Capability {
  name: string
  value: string
}

export type DriverErrorCode =
  | 'MACHINE_NOT_FOUND'
  | 'IMAGE_INVALID'
  | 'IMAGE_UNAVAILABLE'
  | 'NO_SPACE'
  | 'HYPERVISOR_FAILED'
  | 'TIMEOUT'
  | 'ABORTED'

/** `retryable`: the same call may succeed on this host a little later. */
export class DriverError extends Error {
  constructor(
    readonly code: DriverErrorCode,
    message: string,
    readonly retryable = false,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'DriverError'
  }
}
