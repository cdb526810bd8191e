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
 * C7 Verbs on one machine run one after the other; every wait has a deadline.
 * Errors are `DriverError`s; anything else is a defect of the driver. Every verb may throw ABORTED,
 * TIMEOUT, NO_SPACE and HYPERVISOR_FAILED. What the verbs mean in each state stands in
 * simulated.ts.
 */
import type { Readable } from 'node:stream'
import type { ComputeAbilities } from './abilities.ts'

export interface ComputeDriver {
  readonly name: string
  /** What it can beyond the verbs below; what is not there is refused before it is asked for. */
  readonly abilities: ComputeAbilities
  /**
   * Probes the host once and remembers: accelerator, versions, limits. What does not work is said
   * too.
   */
  capabilities(): Promise<Capability[]>
  /** What the host has in all, before overcommit. */
  inventory(): Promise<Inventory>
  /**
   * Makes the disks of a machine from an image, and leaves it SHUTDOWN. `fetch` is called only when
   * the image is not cached, and once for all creates that wait for it. Throws IMAGE_INVALID,
   * IMAGE_UNAVAILABLE, NO_SPACE.
   */
  create(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void>
  /**
   * Boots a created machine; a running one is left alone, a paused one goes on. Throws
   * MACHINE_NOT_FOUND.
   */
  start(machine: MachineSpec, signal: AbortSignal): Promise<void>
  /**
   * Graceful: asks the guest, waits `timeoutMs`, then forces, which is success too. Forced: at
   * once. Throws MACHINE_NOT_FOUND.
   */
  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void>
  /**
   * Soft: asks the guest, waits `timeoutMs` for it and starts anew, or resets it. Hard: a reset
   * without asking. A machine that is off is started. Throws MACHINE_NOT_FOUND.
   */
  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void>
  /**
   * Removes the machine, running or not, whatever state its making was left in; cached images stay.
   */
  destroy(id: string, signal: AbortSignal): Promise<void>
  /**
   * The last `lines` lines of the serial console, decoded as UTF-8, at most 1 MiB. Throws
   * MACHINE_NOT_FOUND.
   */
  consoleLog(id: string, lines: number): Promise<string>
  /** Every machine that exists here, half-made ones included, with its state now. */
  recover(): Promise<Machine[]>
  /**
   * Calls back whenever a machine changes its power state by itself (guest shut down, crashed, was
   * killed, was paused by a full disk), and not for what a verb did. Returns the way to stop it.
   */
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
  /**
   * The files of a config drive (a read-only disk labelled `config-2`), by path. Given with the verbs
   * that make a disk (create, rebuild, importDisk, receive); kept with the machine and shown to its
   * guest at every boot. It may hold secrets: only the machine's own user reads it.
   */
  configDrive?: ConfigFile[]
}

/** A file of a config drive. `path` has no leading slash: `openstack/latest/meta_data.json`. */
export interface ConfigFile {
  path: string
  /** Base64. */
  content: string
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

/** SUSPENDED: off, with its memory kept on disk. */
export type PowerState = 'RUNNING' | 'PAUSED' | 'SHUTDOWN' | 'CRASHED' | 'SUSPENDED'

export interface Machine {
  id: string
  powerState: PowerState
  /**
   * Why it is as it is, when the driver knows: 'guest shut down', 'killed by signal 9'. A PAUSED one has a
   * reason only when it is held by something else than `pause`: an error of its disk. A RUNNING one has a
   * reason only when its hypervisor does not answer: then whether it runs is not known.
   */
  reason?: string
}

export interface Inventory {
  vcpus: number
  memoryMiB: number
  diskGiB: number
}

/**
 * One fact about the host, for people and for the scheduler: { name: 'accelerator', value: 'tcg' }.
 */
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
  /** The machine is not as the verb needs it, and trying again does not help: shrinking a disk. */
  | 'REFUSED'
  /** The guest does not answer: it has no guest agent, or it is busy. */
  | 'GUEST_SILENT'
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
