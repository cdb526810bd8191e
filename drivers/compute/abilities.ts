/**
 * What a compute driver may be able to do beyond its contract (driver.ts), each ability an interface
 * of its own: whoever wants one asks whether it is there. The rules C1 to C7 hold for every verb here,
 * and all of them may throw MACHINE_NOT_FOUND. What the verbs mean in each state stands in
 * simulated.ts.
 */
import type { Duplex, Readable } from 'node:stream'
import type { ImageSource, MachineSpec } from './driver.ts'

export interface ComputeAbilities {
  pausing?: Pausing
  suspending?: Suspending
  rescuing?: Rescuing
  rebuilding?: Rebuilding
  resizing?: Resizing
  disks?: DiskCopying
  liveMigration?: LiveMigrating
  hotplug?: HotPlugging
  guest?: GuestTalking
  consoles?: Consoles
}

export interface Pausing {
  /** Holds a running machine in memory: PAUSED. One that is off is REFUSED. */
  pause(id: string, signal: AbortSignal): Promise<void>
  /**
   * Lets it go on; a running one is left alone. One that is off is REFUSED, and so is one that was sent
   * to another host and may run there: only `start` lets that go on here.
   */
  unpause(id: string, signal: AbortSignal): Promise<void>
}

export interface Suspending {
  /**
   * Writes the memory of a running or paused machine to the disk and turns it off: SUSPENDED. One that
   * is off is REFUSED. Throws NO_SPACE; then it goes on running.
   */
  suspend(id: string, signal: AbortSignal): Promise<void>
  /**
   * Goes on where `suspend` left off; a running one is left alone, one without kept memory is REFUSED.
   * (`start` of a suspended machine boots it anew and `stop` makes it SHUTDOWN: both drop the memory.)
   */
  resume(machine: MachineSpec, signal: AbortSignal): Promise<void>
}

export interface Rescuing {
  /**
   * Boots the machine from a fresh disk of `image`, with its own root disk as the second one. It stays
   * so through stop, start and reboot until `unrescue`. What runs is turned off first.
   */
  rescue(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void>
  /** Turns the rescue off and drops its disk; boots the machine from its own disk again. */
  unrescue(machine: MachineSpec, signal: AbortSignal): Promise<void>
}

export interface Rebuilding {
  /**
   * Turns the machine off and gives it a new root disk of `image`; what was on the old one is gone. It
   * is left SHUTDOWN. A machine that is not there is made, as by `create`.
   */
  rebuild(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void>
}

export interface Resizing {
  /**
   * Of a machine that is off: keeps its disk aside as it is and grows it to `diskGiB`. A smaller disk
   * is REFUSED, as is a running machine.
   */
  resize(machine: MachineSpec, signal: AbortSignal): Promise<void>
  /** Drops the disk that was kept aside; without one nothing is done. */
  confirmResize(id: string, signal: AbortSignal): Promise<void>
  /** Of a machine that is off: puts the disk that was kept aside back; without one nothing is done. */
  revertResize(id: string, signal: AbortSignal): Promise<void>
}

export interface DiskExport {
  sizeBytes: number
  virtualSizeBytes: number
  /** True when the guest agent held its file systems still for the moment of the copy. */
  quiesced: boolean
}

export interface DiskCopying {
  /**
   * Copies the root disk as it is at one moment, running or not, into a qcow2 that stands alone, and
   * hands its bytes to `take`, which resolves when it has them all. The copy is removed afterwards.
   */
  exportDisk(
    id: string,
    take: (bytes: Readable, found: DiskExport) => Promise<void>,
    signal: AbortSignal,
  ): Promise<DiskExport>
  /**
   * Makes a machine from such a copy, and leaves it SHUTDOWN; one that is there is left alone. The
   * bytes may have come from another host: they are checked as an image is. Throws IMAGE_INVALID.
   */
  importDisk(
    machine: MachineSpec,
    bytes: () => Promise<Readable>,
    signal: AbortSignal,
  ): Promise<void>
}

/** The way between two hosts: each channel is opened by both ends, under the same name. */
export interface MigrationLink {
  open(channel: 'memory' | 'disk'): Promise<Duplex>
}

export interface MigrationProgress {
  doneBytes: number
  totalBytes: number
  remainingBytes: number
}

export interface LiveMigrating {
  /**
   * Takes a running machine in, with its disk, its memory and the end of its console log, which goes on
   * here; resolves when it runs here. When the link breaks or the signal fires before that, nothing
   * of it is left here.
   */
  receive(machine: MachineSpec, link: MigrationLink, signal: AbortSignal): Promise<void>
  /**
   * Sends a running machine; resolves with the pause that its guest saw, in milliseconds, when it runs
   * there. Here it is then off and waits for `destroy`. When it fails or the signal fires, it goes on
   * running here.
   */
  send(
    id: string,
    link: MigrationLink,
    onProgress: (progress: MigrationProgress) => void,
    signal: AbortSignal,
  ): Promise<{ pausedMs: number }>
}

/** A disk beside the root disk. Only `file` yet: volumes bring their own kinds. */
export interface DiskSpec {
  /** A UUID; the guest sees its first 20 letters as the serial number. */
  id: string
  kind: 'file'
  /** Absolute, on the host; opened as the machine's user. */
  path: string
  format: 'qcow2' | 'raw'
  readOnly: boolean
}

/** A network card. `user`: QEMU's own isolated network; `bridge`: a tap on that bridge of the host. */
export interface PortSpec {
  /** A UUID. */
  id: string
  macAddress: string
  kind: 'user' | 'bridge'
  bridge?: string
}

export interface HotPlugging {
  /** Attached at once to a running machine, and at each boot until it is detached. */
  attachDisk(id: string, disk: DiskSpec, signal: AbortSignal): Promise<void>
  /** Resolves when the guest has let it go; TIMEOUT when it does not. */
  detachDisk(id: string, diskId: string, signal: AbortSignal): Promise<void>
  attachPort(id: string, port: PortSpec, signal: AbortSignal): Promise<void>
  detachPort(id: string, portId: string, signal: AbortSignal): Promise<void>
}

export interface GuestTalking {
  /** Through the agent inside the guest. Throws GUEST_SILENT, REFUSED (no such user). */
  setPassword(id: string, user: string, password: string, signal: AbortSignal): Promise<void>
}

export interface Consoles {
  /** A connection to the machine's screen in the RFB protocol (RFC 6143), without authentication. */
  vnc(id: string): Promise<Duplex>
  /**
   * Its serial console: what the guest prints from now on, and what is typed. Several may be open; each
   * sees all that is printed. Reading it takes nothing from `consoleLog`.
   */
  serial(id: string): Promise<Duplex>
  /** The screen as it is now, a PNG. */
  screenshot(id: string, signal: AbortSignal): Promise<Buffer>
}
