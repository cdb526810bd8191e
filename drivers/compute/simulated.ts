/**
 * The simulator: the compute contract without a hypervisor, and the definition of its semantics. It
 * runs the whole cloud on a laptop, and a test bends it with knobs.
 *
 * What every compute driver means:
 *
 * - A machine exists from `create` to `destroy`. It is made SHUTDOWN, and so it lies until `start`.
 * - `create` and `start` of what is there already change nothing, whatever the description says:
 *   the id is the machine. Its other sizes are taken over at each boot.
 * - A verb on a machine that does not exist is MACHINE_NOT_FOUND; `destroy` of it is success, and
 *   `create`, `rebuild`, `importDisk` and `receive` make it.
 * - `stop` ends in SHUTDOWN from every state. A guest that ignores the power button is forced off
 *   when `timeoutMs` has gone by; that is success too. A paused guest can not hear: it is forced.
 * - `reboot` ends in RUNNING from every state; a machine that is off is started.
 * - `watch` tells only what nobody asked for through a verb: a guest that shut itself down
 *   (SHUTDOWN) or a machine that was lost (CRASHED). `recover` tells the same afterwards.
 * - Verbs on one machine run one after the other. A verb whose signal fires throws ABORTED.
 *
 * And beyond the contract (abilities.ts):
 *
 * - PAUSED goes on with `unpause` and `start`, SUSPENDED with `resume`, without a new boot. `start`
 *   of a SUSPENDED one is a new boot, and its memory is lost, as it is with `stop`.
 * - Of a machine that is off, `pause`, `unpause`, `suspend`, `setPassword`, the consoles and `send`
 *   are REFUSED. `suspend` of a suspended one is success; `resume` of a paused one is REFUSED.
 * - `rescue` and `unrescue` boot anew from every state; done already and RUNNING, nothing is done.
 *   `rebuild` ends a rescue and drops what `resize` kept aside; disks and ports beside stay.
 * - `resize` needs SHUTDOWN or CRASHED, and no rescue; `diskGiB` 0 leaves the disk as large as it is.
 *   Done twice, what was kept aside first stays so. `revertResize` needs it only when it has to act.
 * - `exportDisk` and `importDisk` are about the root disk, also while the machine is rescued. What
 *   `take` throws comes out as it is. An imported disk is at least `diskGiB` large.
 * - `send` needs RUNNING and no rescue; a machine that was sent already is success. Where it came
 *   from it is SHUTDOWN. Two hosts never run it both: simulated/migration.ts says what that means.
 * - What is attached to a machine that is off is there at its next boot; attaching what is attached
 *   and detaching what is not is success.
 * - A console ends when its machine goes off. It begins empty, and survives a reset.
 *
 * It costs a map entry per machine and nothing while idle: no timer, no file handle, no console
 * text.
 */
import type { ComputeAbilities } from './abilities.ts'
import { pause } from './deadline.ts'
import type {
  Capability,
  ComputeDriver,
  ImageSource,
  Inventory,
  Machine,
  MachineSpec,
  PowerState,
  RebootOptions,
  StopOptions,
} from './driver.ts'
import { lastLines } from './last-lines.ts'
import { bootLog } from './simulated/boot-log.ts'
import { SimulatedConsoles } from './simulated/consoles.ts'
import { SimulatedDiskCopying } from './simulated/disk-copy.ts'
import { SimulatedGuestTalking } from './simulated/guest.ts'
import { SimulatedHost } from './simulated/host.ts'
import { SimulatedHotPlugging } from './simulated/hot-plug.ts'
import {
  type Fault,
  Knobs,
  type SimulatedDelays,
  type SimulatedFaults,
  type SimulatedVerb,
} from './simulated/knobs.ts'
import {
  booted,
  describe,
  diskFrom,
  goingOn,
  isOn,
  machineFrom,
  type SimulatedMachine,
  turnedOff,
} from './simulated/machine.ts'
import { SimulatedLiveMigrating } from './simulated/migration.ts'
import { SimulatedPausing, SimulatedSuspending } from './simulated/power.ts'
import { SimulatedRebuilding, SimulatedRescuing, SimulatedResizing } from './simulated/root-disk.ts'

const DEFAULT_INVENTORY: Inventory = { vcpus: 16, memoryMiB: 64 * 1024, diskGiB: 1000 }

export interface SimulatedOptions {
  /**
   * Keeps the machines there, so that a restarted process finds them; without it only in memory.
   */
  dir?: string
  inventory?: Inventory
  delayMs?: SimulatedDelays
  faults?: SimulatedFaults
  /** Abilities that it does not have. */
  without?: readonly (keyof ComputeAbilities)[]
}

export class SimulatedComputeDriver implements ComputeDriver {
  readonly name = 'simulated'
  readonly abilities: ComputeAbilities
  private readonly knobs: Knobs
  private readonly host: SimulatedHost

  constructor(private readonly options: SimulatedOptions = {}) {
    this.knobs = new Knobs(options.delayMs, options.faults)
    this.host = new SimulatedHost(options.dir, this.knobs)
    this.abilities = abilitiesOn(this.host, options.without)
  }

  async capabilities(): Promise<Capability[]> {
    return [
      { name: 'hypervisor', value: 'simulated' },
      { name: 'accelerator', value: 'none' },
      { name: 'architecture', value: 'x86_64' },
      { name: 'vcpusMax', value: '255' },
    ]
  }

  async inventory(): Promise<Inventory> {
    return { ...(this.options.inventory ?? DEFAULT_INVENTORY) }
  }

  /** No bytes are fetched: there is no guest that would read them. */
  create(machine: MachineSpec, image: ImageSource, signal: AbortSignal): Promise<void> {
    return this.host.verb('create', machine.id, signal, async () => {
      if (this.host.has(machine.id)) return
      await this.host.keep(machineFrom(machine, diskFrom(image, machine.diskGiB)))
    })
  }

  start(machine: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('start', machine.id, signal, async () => {
      const found = this.host.find(machine.id)
      if (found.powerState === 'RUNNING') return
      const paused = found.powerState === 'PAUSED'
      await this.host.keep(paused ? goingOn(found) : booted(found, machine))
    })
  }

  stop(id: string, options: StopOptions, signal: AbortSignal): Promise<void> {
    return this.host.verb('stop', id, signal, async () => {
      const found = this.host.find(id)
      if (found.powerState === 'SHUTDOWN') return
      const reason = await powerDown(found, options.mode === 'graceful', options, signal)
      await this.host.keep(turnedOff(found, reason))
    })
  }

  reboot(machine: MachineSpec, options: RebootOptions, signal: AbortSignal): Promise<void> {
    return this.host.verb('reboot', machine.id, signal, async () => {
      const found = this.host.find(machine.id)
      await powerDown(found, options.mode === 'soft', options, signal)
      await this.host.keep(booted(found, machine))
    })
  }

  destroy(id: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('destroy', id, signal, () => this.host.forget(id))
  }

  consoleLog(id: string, lines: number): Promise<string> {
    return this.host.verb('consoleLog', id, new AbortController().signal, async () => {
      return lastLines(bootLog(this.host.find(id)), lines)
    })
  }

  async recover(): Promise<Machine[]> {
    return this.host.look('recover', () => this.host.all().map(describe))
  }

  watch(onChange: (machine: Machine) => void): () => void {
    return this.host.watch((machine) => onChange(machine))
  }

  async close(): Promise<void> {
    this.host.close()
  }

  /** Knob: the next calls of a verb fail. */
  failNext(verb: SimulatedVerb, fault: Fault): void {
    this.knobs.failNext(verb, fault)
  }

  /** Knob: the next calls of a verb never end, unless their signal fires. */
  hangNext(verb: SimulatedVerb, times = 1): void {
    this.knobs.hangNext(verb, times)
  }

  /** Knob: the hypervisor of a running machine dies. */
  crash(id: string, reason = 'killed by signal 9'): Promise<void> {
    return this.changes(id, 'CRASHED', reason)
  }

  /** Knob: the guest shuts itself down. */
  powerOff(id: string): Promise<void> {
    return this.changes(id, 'SHUTDOWN', 'guest shut down')
  }

  /** Knob: a running guest is held still by itself, as by a full disk. */
  holdStill(id: string, reason = 'the disk of the host is full'): Promise<void> {
    return this.changes(id, 'PAUSED', reason)
  }

  /** Knob: the hypervisor of a running machine answers nothing from now on, or answers again. */
  async setMute(id: string, mute: boolean): Promise<void> {
    await this.host.load()
    const { reason: _, ...found } = this.host.find(id)
    await this.host.keep(mute ? { ...found, reason: 'the hypervisor does not answer' } : found)
  }

  /** Knob: the guest ignores its power button from now on, or heeds it again. */
  async setDeaf(id: string, deaf: boolean): Promise<void> {
    await this.host.load()
    await this.host.keep({ ...this.host.find(id), deaf })
  }

  /** Knob: the guest has no agent inside from now on, or has one again. */
  async setSilent(id: string, silent: boolean): Promise<void> {
    await this.host.load()
    await this.host.keep({ ...this.host.find(id), silent })
  }

  /** What is kept of a machine: for a test to look at. */
  async inside(id: string): Promise<Readonly<SimulatedMachine>> {
    await this.host.load()
    return this.host.find(id)
  }

  private async changes(id: string, powerState: PowerState, reason: string): Promise<void> {
    await this.host.load()
    const found = this.host.find(id)
    if (!isOn(found)) return
    await this.host.keep({ ...found, powerState, reason })
    this.host.tell({ id, powerState, reason })
  }
}

function abilitiesOn(
  host: SimulatedHost,
  without: readonly (keyof ComputeAbilities)[] = [],
): ComputeAbilities {
  const abilities: ComputeAbilities = {
    pausing: new SimulatedPausing(host),
    suspending: new SimulatedSuspending(host),
    rescuing: new SimulatedRescuing(host),
    rebuilding: new SimulatedRebuilding(host),
    resizing: new SimulatedResizing(host),
    disks: new SimulatedDiskCopying(host),
    liveMigration: new SimulatedLiveMigrating(host),
    hotplug: new SimulatedHotPlugging(host),
    guest: new SimulatedGuestTalking(host),
    consoles: new SimulatedConsoles(host),
  }
  for (const name of without) delete abilities[name]
  return abilities
}

/** Why the machine is off then. */
async function powerDown(
  machine: SimulatedMachine,
  graceful: boolean,
  { timeoutMs }: { timeoutMs: number },
  signal: AbortSignal,
): Promise<string> {
  if (!graceful || machine.powerState !== 'RUNNING') return 'powered off'
  if (!machine.deaf) return 'guest shut down'
  await pause(timeoutMs, signal)
  return 'powered off'
}
