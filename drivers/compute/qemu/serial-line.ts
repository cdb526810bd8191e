/**
 * The serial line of one QEMU, from where it goes to `console.log` and to whoever looks at it.
 *
 * While nobody looks, QEMU keeps what the guest prints in a ring (console-log.ts): so nothing is
 * lost while no agent runs, and no disk is filled. A ring takes no input. So while somebody looks,
 * the line is put on a socket that this agent holds; what comes is written to the log as well. The
 * last one to leave puts it back on its ring.
 *
 * V1 The socket is always read: who looks and does not read loses what is more than 256 KiB; the
 *    guest waits only for the log.
 * V2 What an agent that died while somebody looked leaves on the socket, its successor puts back on
 *    the ring; what was printed between is lost, and so are some bytes around each change (there
 *    are microseconds between the last reading of the ring and its replacement).
 */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { DriverError } from '../driver.ts'
import { appendConsole, CONSOLE_RING_BYTES } from './console-log.ts'
import type { Control } from './control.ts'
import type { MachinePaths } from './machine-folder.ts'
import { connectRunSocket } from './run-socket.ts'

export const SERIAL_SOCKET = 'serial.sock'
const VIEW_LIMIT_BYTES = 256 * 1024
const UNWRITTEN_LIMIT_BYTES = 1024 * 1024
const DRAIN_ROUNDS_MAX = 8
const VIEWERS_MAX = 32
const RING = { type: 'ringbuf', data: { size: CONSOLE_RING_BYTES } }
const SOCKET = {
  type: 'socket',
  data: {
    addr: { type: 'unix', data: { path: SERIAL_SOCKET } },
    server: true,
    wait: false,
  },
}

export class SerialLine {
  private readonly viewers = new Set<Duplex>()
  private socket: Socket | null = null
  private unwritten: Buffer[] = []
  private unwrittenBytes = 0
  /** Changes of the line and readings of it happen one after the other. */
  private turn: Promise<unknown> = Promise.resolve()
  private draining: Promise<void> | null = null

  constructor(
    private readonly control: Control,
    private readonly paths: MachinePaths,
  ) {}

  /** What the guest prints from now on, and the way to type. Ends when the machine does. */
  view(): Promise<Duplex> {
    return this.next(async () => {
      if (this.viewers.size >= VIEWERS_MAX) {
        throw new DriverError('REFUSED', `${VIEWERS_MAX} look at this serial console already`)
      }
      if (!this.socket) await this.toSocket()
      const viewer = this.makeViewer()
      this.viewers.add(viewer)
      return viewer
    })
  }

  /** Moves what the guest printed into the log file. */
  drain(): Promise<void> {
    this.draining ??= this.next(() => this.drainNow()).finally(() => {
      this.draining = null
    })
    return this.draining
  }

  /** Everybody's view ends, and the line is left as it is. */
  close(): void {
    this.socket?.destroy()
    this.socket = null
    for (const viewer of [...this.viewers]) {
      viewer.push(null)
      viewer.destroy()
    }
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work, work)
    this.turn = mine.catch(() => {})
    return mine
  }

  private async drainNow(): Promise<void> {
    if (this.socket) return this.write()
    try {
      await this.drainRing()
    } catch (error) {
      const refused = error instanceof DriverError && error.code === 'HYPERVISOR_FAILED'
      if (!refused || error.retryable) throw error
      // An agent before us left it on the socket (V2).
      await this.change(RING)
    }
  }

  private async drainRing(): Promise<void> {
    for (let round = 0; round < DRAIN_ROUNDS_MAX && this.control.connected; round++) {
      const args = { device: 'console', size: CONSOLE_RING_BYTES / 4, format: 'base64' }
      const text = (await this.control.ask('ringbuf-read', args)) as string
      if (text === '') return
      await appendConsole(this.paths.console, Buffer.from(text, 'base64'))
    }
  }

  private async write(): Promise<void> {
    const bytes = Buffer.concat(this.unwritten)
    this.unwritten = []
    this.unwrittenBytes = 0
    try {
      await appendConsole(this.paths.console, bytes)
    } finally {
      this.socket?.resume()
    }
  }

  private async toSocket(): Promise<void> {
    await this.drainNow()
    await this.change(SOCKET)
    try {
      const socket = await connectRunSocket(this.paths.run, SERIAL_SOCKET)
      this.socket = socket
      socket.on('data', (bytes: Buffer) => this.heard(bytes))
      socket.once('close', () => this.lost(socket))
    } catch (error) {
      await this.change(RING).catch(() => {})
      throw error
    }
  }

  private async toRing(): Promise<void> {
    if (!this.socket || this.viewers.size > 0) return
    const { socket } = this
    await this.change(RING)
    this.socket = null
    socket.destroy()
    await this.write()
  }

  private change(backend: object): Promise<unknown> {
    return this.control.ask('chardev-change', { id: 'console', backend })
  }

  private heard(bytes: Buffer): void {
    this.unwritten.push(bytes)
    this.unwrittenBytes += bytes.length
    if (this.unwrittenBytes > UNWRITTEN_LIMIT_BYTES) {
      this.socket?.pause()
      this.drain().catch(() => this.socket?.resume())
    }
    for (const viewer of this.viewers) {
      if (viewer.readableLength < VIEW_LIMIT_BYTES) viewer.push(bytes)
    }
  }

  private lost(socket: Socket): void {
    if (this.socket !== socket) return
    this.close()
    this.next(() => this.write()).catch(() => {})
  }

  private makeViewer(): Duplex {
    const viewer: Duplex = new Duplex({
      read() {},
      write: (bytes: Buffer, _encoding, done) => {
        if (this.socket) this.socket.write(bytes, () => done())
        else done()
      },
      destroy: (error, done) => {
        this.viewers.delete(viewer)
        done(error)
      },
    })
    // Who looks away says so by an error at times; it is nobody else's matter.
    viewer.on('error', () => {})
    viewer.once('close', () => {
      if (this.viewers.size === 0) void this.next(() => this.toRing()).catch(() => {})
    })
    return viewer
  }
}
