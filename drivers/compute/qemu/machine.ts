/**
 * One machine whose QEMU exists: the process, the control connection, and what they tell.
 *
 * M1 `down` is set once, by whatever tells it first: the guest shut down or panicked, or the
 *    process went away. From then on the machine can only be ended.
 * M2 A QEMU that does not answer is still a machine: each question has a deadline, and `end` falls
 *    back to SIGKILL.
 * M3 A lost control connection is made anew by `tend`; QEMU does not notice its absence.
 */
import { rm, stat, truncate } from 'node:fs/promises'
import { spawnDetached } from '../../shell.ts'
import { pause, poll, throwIfAborted } from '../deadline.ts'
import { DriverError, type Machine } from '../driver.ts'
import { programFailed, tailOf } from '../failure.ts'
import { machineArguments, type QemuHost, type QemuMachine } from './arguments.ts'
import { Control } from './control.ts'
import type { MachinePaths } from './machine-folder.ts'
import { QEMU } from './probe.ts'
import { QemuProcess } from './process.ts'
import type { QmpEvent } from './qmp.ts'
import { type Down, downBy, downIn, GUEST_PANICKED, isHeldStill } from './run-state.ts'
import { SerialLine } from './serial-line.ts'
import { asUser, type QemuUser } from './user.ts'

const BOOT_TIMEOUT_MS = 30_000
const CONNECT_RETRY_MS = 25
const RECONNECT_TIMEOUT_MS = 2_000
/** QEMU flushes its disks before it quits. */
const QUIT_TIMEOUT_MS = 5_000
const KILL_TIMEOUT_MS = 10_000
/** A busy QEMU may be late; one that says nothing for so long does not answer. */
const SILENT_AFTER_MS = 10_000
/** How often what an error of its disk holds still is let go on, to see whether that is over. */
const RETRY_HELD_MS = 10_000
const HELD_AGAIN_WAIT_MS = 500
/** A guest that still boots does not hear the power button; it is pressed again. */
const POWER_BUTTON_EVERY_MS = 2_000
const LOG_LIMIT_BYTES = 256 * 1024
const MAX_REASON_LETTERS = 200
/** The first one that a program inherits beside its standard ones. */
const INHERITED_FD = 3

export interface BootOptions {
  /** An open file that its memory is read from, instead of a boot. */
  memory?: number
  /** Its memory comes later, from where QEMU is told then. */
  incoming?: 'defer'
  /** What must have happened before the machine counts as started. */
  ready?(live: LiveMachine): Promise<void>
}

export class LiveMachine {
  down: Down | null = null
  /** Settles when `down` is set; never rejects. */
  readonly whenDown: Promise<Down>
  /** Somebody is bringing this machine down on purpose: its end is no news. */
  ending = false
  onPauseChanged: (machine: Machine) => void = () => {}
  readonly line: SerialLine
  private setDown: (down: Down) => void = () => {}
  private readonly control: Control
  private pauseReason: string | undefined
  private paused = false
  private silences = 0
  /** When its QEMU last answered a question about its state. */
  private answeredAt = 0
  private retriedAt = 0
  private heldByDisk = false
  private toldToPause = false

  private constructor(
    readonly id: string,
    private readonly paths: MachinePaths,
    private readonly process: QemuProcess,
  ) {
    this.control = new Control(paths.run)
    this.line = new SerialLine(this.control, paths)
    this.control.onLost = () => void this.lost()
    this.control.listen((event) => this.heard(event))
    this.whenDown = new Promise((resolve) => {
      this.setDown = (down) => {
        if (this.down) return
        this.down = down
        resolve(down)
      }
    })
  }

  /** Starts a QEMU and waits until it answers. What fails or is aborted leaves no process. */
  static async boot(
    machine: QemuMachine,
    paths: MachinePaths,
    host: QemuHost & { user: QemuUser | null },
    signal: AbortSignal,
    { memory, incoming, ready }: BootOptions = {},
  ): Promise<LiveMachine> {
    await rm(paths.socket, { force: true })
    await rm(paths.log, { force: true })
    throwIfAborted(signal, 'the start of QEMU')
    const source = memory === undefined ? incoming : { fd: INHERITED_FD }
    const command = asUser(host.user, QEMU, machineArguments(host, machine, source))
    const inherit = memory === undefined ? [] : [memory]
    const child = await spawnDetached(...command, {
      cwd: paths.run,
      outputFile: paths.log,
      inherit,
    })
    const process = QemuProcess.started(child, machine.id, paths.run)
    const live = new LiveMachine(machine.id, paths, process)
    try {
      await live.connectUntil(BOOT_TIMEOUT_MS, signal)
      live.answeredAt = Date.now()
      await ready?.(live)
      return live
    } catch (error) {
      live.ending = true
      await live.kill()
      throw error
    }
  }

  /** Takes over a QEMU that runs already, whether it answers or not. */
  static async adopt(id: string, paths: MachinePaths, pid: number): Promise<LiveMachine | null> {
    const process = QemuProcess.adopt(pid, id, paths.run)
    if (!process) return null
    const live = new LiveMachine(id, paths, process)
    await live.control.connect(RECONNECT_TIMEOUT_MS).catch(() => {})
    await live.look().catch(() => {})
    return live
  }

  /**
   * How the machine is now. A QEMU that does not answer is as it was; after a while it is RUNNING, as far
   * as anybody can tell, with a reason.
   */
  async state(): Promise<Machine> {
    if (this.down) return { id: this.id, ...this.down }
    try {
      return await this.look()
    } catch {
      if (this.down) return { id: this.id, ...(this.down as Down) }
      const isLate = Date.now() - this.answeredAt < SILENT_AFTER_MS
      if (isLate) return this.paused ? this.pausedAs() : { id: this.id, powerState: 'RUNNING' }
      return { id: this.id, powerState: 'RUNNING', reason: 'QEMU does not answer' }
    }
  }

  async pause(signal: AbortSignal): Promise<void> {
    this.toldToPause = true
    await this.silently(() => this.ask('stop', {}, signal))
  }

  /**
   * Makes a paused machine go on; a running one is left alone. Throws when QEMU does not answer.
   */
  async resume(signal: AbortSignal): Promise<void> {
    const { powerState } = await this.look(signal)
    this.toldToPause = false
    if (powerState === 'PAUSED') await this.silently(() => this.ask('cont', {}, signal))
  }

  /** What QEMU pauses or lets go on meanwhile was asked for, and is no news. */
  async silently<T>(work: () => Promise<T>): Promise<T> {
    this.silences++
    try {
      return await work()
    } finally {
      this.silences--
    }
  }

  /** One command of QEMU's machine protocol; see Control. */
  ask(
    command: string,
    args?: Record<string, unknown>,
    signal?: AbortSignal,
    timeoutMs?: number,
  ): Promise<unknown> {
    return this.control.ask(command, args, signal, timeoutMs)
  }

  /** Calls back for every event of QEMU. Returns the way to stop it. */
  listen(listener: (event: QmpEvent) => void): () => void {
    return this.control.listen(listener)
  }

  /** Presses the power button until the guest is off; false when it is not after `timeoutMs`. */
  async powerDown(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const end = Date.now() + timeoutMs
    const over = new AbortController()
    const giveUp = AbortSignal.any([signal, over.signal])
    try {
      // A paused guest hears nothing.
      if ((await this.look(signal)).powerState === 'PAUSED') return false
      while (!this.down && Date.now() < end) {
        await this.ask('system_powerdown', {}, signal)
        const wait = Math.max(0, Math.min(POWER_BUTTON_EVERY_MS, end - Date.now()))
        await Promise.race([this.whenDown, pause(wait, giveUp)])
      }
    } catch (error) {
      this.control.throwIfLeft()
      if (signal.aborted) throw error
      // QEMU refuses or is hung (M2): the guest will never hear of it.
    } finally {
      over.abort()
    }
    return this.down !== null
  }

  async reset(signal: AbortSignal): Promise<void> {
    await this.ask('system_reset', {}, signal)
    await this.resume(signal)
  }

  /** Ends QEMU in order, with its disks flushed, or by force when it does not listen. */
  async end(): Promise<void> {
    this.ending = true
    try {
      // Only QEMU's own silence is a reason to be rough; a full disk of ours is none.
      await this.drain().catch((error) => {
        if (error instanceof DriverError) throw error
      })
      await this.ask('quit')
      if (await this.process.gone(QUIT_TIMEOUT_MS)) return this.control.release()
    } catch {
      // It does not listen, or it went away while we asked.
    }
    await this.kill()
  }

  /** SIGKILL, and nothing is left of the process. Throws TIMEOUT when the kernel cannot end it. */
  async kill(): Promise<void> {
    this.control.throwIfLeft()
    this.ending = true
    this.process.kill()
    this.control.release()
    if (await this.process.gone(KILL_TIMEOUT_MS)) return
    const message = `QEMU (pid ${this.process.pid}) does not die, even by signal 9`
    throw new DriverError('TIMEOUT', message, true)
  }

  /** Moves what the guest printed from QEMU's memory into the log file. */
  drain(): Promise<void> {
    return this.line.drain()
  }

  /**
   * Called every other second: reconnects (M3), drains the console, keeps QEMU's own log bounded.
   */
  async tend(): Promise<void> {
    if (this.ending || this.down) return
    if (!this.control.connected) {
      if (await this.noticeDeath(0)) return
      await this.control.connect(RECONNECT_TIMEOUT_MS)
    }
    if (this.heldByDisk || this.pauseReason) await this.retryHeld()
    await this.drain()
    const log = await stat(this.paths.log).catch(() => null)
    // QEMU appends, so it goes on at the new end.
    if (log && log.size > LOG_LIMIT_BYTES) await truncate(this.paths.log)
  }

  /** Its writes are tried again: there may be room by now. Only that it goes on is news. */
  private async retryHeld(): Promise<void> {
    if (this.silences > 0 || this.toldToPause) return
    if (Date.now() - this.retriedAt < RETRY_HELD_MS) return
    this.retriedAt = Date.now()
    await this.silently(async () => {
      await this.look()
      if (!this.heldByDisk) return
      await this.ask('cont')
      await pause(HELD_AGAIN_WAIT_MS)
      await this.look()
    })
    if (this.heldByDisk || this.down) return
    this.pauseReason = undefined
    this.paused = false
    this.onPauseChanged({ id: this.id, powerState: 'RUNNING' })
  }

  /** Lets go of the machine for good: a verb that is still at work may not touch it any more. */
  leaveAlone(): void {
    this.line.close()
    this.control.leaveAlone()
  }

  private async connectUntil(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const end = Date.now() + timeoutMs
    const connected = await poll(
      async () => {
        if (await this.process.gone(0)) {
          const ending = `QEMU did not start (${this.process.ending()})`
          throw programFailed(ending, await tailOf(this.paths.log))
        }
        await this.control.connect(Math.max(1, end - Date.now()), signal).catch((error) => {
          if (signal.aborted) throw error
        })
        return this.control.connected || null
      },
      { everyMs: CONNECT_RETRY_MS, timeoutMs, signal },
    )
    if (connected) return
    const seconds = timeoutMs / 1000
    throw new DriverError('TIMEOUT', `QEMU did not answer within ${seconds} s of its start`, true)
  }

  private async look(signal?: AbortSignal): Promise<Machine> {
    const { status } = (await this.ask('query-status', {}, signal)) as { status: string }
    this.answeredAt = Date.now()
    this.heldByDisk = status === 'io-error'
    const down = downIn(status)
    if (down) this.setDown(down)
    if (this.down) return { id: this.id, ...this.down }
    if (status === 'io-error') return this.pausedAs('an error of its disk')
    if (isHeldStill(status)) return this.pausedAs()
    return { id: this.id, powerState: 'RUNNING' }
  }

  private pausedAs(otherwise?: string): Machine {
    const reason = this.pauseReason ?? otherwise
    return { id: this.id, powerState: 'PAUSED', ...(reason && { reason }) }
  }

  private heard({ event, data }: QmpEvent): void {
    if (event === 'SHUTDOWN') this.setDown(downBy(textOf(data?.reason)))
    if (event === 'GUEST_PANICKED') this.setDown(GUEST_PANICKED)
    if (event === 'BLOCK_IO_ERROR') {
      this.pauseReason = data?.nospace ? "the host's disk is full" : textOf(data?.reason)
    }
    if (this.down || this.ending) return
    if (event === 'STOP' || event === 'RESUME') this.pauseChanged(event === 'STOP')
  }

  private pauseChanged(paused: boolean): void {
    const before = this.paused
    this.paused = paused
    if (!paused) this.pauseReason = undefined
    if (paused === before || this.silences > 0) return
    const running = { id: this.id, powerState: 'RUNNING' } as const
    this.onPauseChanged(paused ? this.pausedAs() : running)
  }

  /** The connection closed by itself: mostly because the process is gone. */
  private async lost(): Promise<void> {
    await this.noticeDeath(QUIT_TIMEOUT_MS)
  }

  private async noticeDeath(timeoutMs: number): Promise<boolean> {
    const gone = await this.process.gone(timeoutMs)
    if (gone) this.setDown({ powerState: 'CRASHED', reason: this.process.ending() })
    return gone
  }
}

/** Of a QEMU that was taken over: anything. */
const textOf = (reason: unknown): string =>
  typeof reason === 'string' ? reason.slice(0, MAX_REASON_LETTERS) : 'no reason given'
