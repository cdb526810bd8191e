/**
 * A client of QEMU's machine protocol: one JSON object per line on a unix socket.
 *
 * Q1 `connect` returns only after the greeting and the answer to `qmp_capabilities`.
 * Q2 Every command has an id and a deadline; an answer that comes too late is dropped.
 * Q3 A guest controls part of what QEMU says, so a line that is too long closes the connection.
 * Q4 QEMU serves one client at a time. Of a hung QEMU the kernel still accepts the connection; only
 *    the greeting tells that somebody is there.
 */
import { connect, type Socket } from 'node:net'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'

const LINE_LIMIT_BYTES = 4 * 1024 * 1024
const PENDING_LIMIT = 64

export interface QmpEvent {
  event: string
  data?: Record<string, unknown>
}

interface Pending {
  command: string
  resolve(value: unknown): void
  reject(error: DriverError): void
}

interface QmpMessage {
  QMP?: unknown
  id?: unknown
  event?: unknown
  data?: Record<string, unknown>
  return?: unknown
  error?: { class?: string; desc?: string }
}

export class QmpClient {
  onEvent: (event: QmpEvent) => void = () => {}
  onClose: () => void = () => {}
  private readonly pending = new Map<number, Pending>()
  private lastId = 0
  private chunks: Buffer[] = []
  private bufferedBytes = 0
  private open = true
  private greet: () => void = () => {}
  private readonly greeted: Promise<void>

  private constructor(private readonly socket: Socket) {
    this.greeted = new Promise((resolve, reject) => {
      this.greet = resolve
      socket.once('close', () => reject(closed()))
    })
    this.greeted.catch(() => {})
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.ended())
  }

  /** Connects, greets and negotiates within `timeoutMs`. Throws a retryable DriverError. */
  static async connect(
    path: string,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<QmpClient> {
    const end = Date.now() + options.timeoutMs
    const socket = connect(path)
    const client = new QmpClient(socket)
    try {
      await within(client.greeted, { ...options, what: 'the greeting of QEMU' })
      await client.execute('qmp_capabilities', {}, Math.max(1, end - Date.now()), options.signal)
      return client
    } catch (error) {
      client.close()
      throw error
    }
  }

  get connected(): boolean {
    return this.open
  }

  /** Runs one command. Throws HYPERVISOR_FAILED when QEMU refuses or is gone, TIMEOUT otherwise. */
  async execute(
    command: string,
    args: Record<string, unknown> = {},
    timeoutMs = 5_000,
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (!this.open) throw closed()
    if (this.pending.size >= PENDING_LIMIT) {
      throw new DriverError('TIMEOUT', `${this.pending.size} commands wait for QEMU already`, true)
    }
    const id = ++this.lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      this.pending.set(id, { command, resolve, reject })
    })
    this.socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    try {
      return await within(answer, { timeoutMs, signal, what: `QEMU to answer ${command}` })
    } finally {
      this.pending.delete(id)
      // When we gave up first, the rejection at closing has nobody else to catch it.
      answer.catch(() => {})
    }
  }

  close(): void {
    this.socket.destroy()
    this.ended()
  }

  private ended(): void {
    if (!this.open) return
    this.open = false
    this.chunks = []
    for (const waiting of this.pending.values()) waiting.reject(closed())
    this.pending.clear()
    this.onClose()
  }

  private receive(chunk: Buffer): void {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.chunks, rest.subarray(0, end)]).toString('utf8')
      this.chunks = []
      this.bufferedBytes = 0
      rest = rest.subarray(end + 1)
      this.take(line)
    }
    if (rest.length === 0 || !this.open) return
    this.chunks.push(rest)
    this.bufferedBytes += rest.length
    if (this.bufferedBytes > LINE_LIMIT_BYTES) this.close()
  }

  private take(line: string): void {
    if (line.trim() === '') return
    try {
      const message = JSON.parse(line) as QmpMessage
      if (message.QMP !== undefined) this.greet()
      else if (typeof message.event === 'string') {
        this.onEvent({ event: message.event, data: message.data })
      } else if (typeof message.id === 'number') this.answer(message.id, message)
    } catch {
      // Not the protocol any more: nothing that follows could be trusted, and a guest that took its QEMU
      // over must not end the agent.
      this.close()
    }
  }

  private answer(id: number, message: QmpMessage): void {
    const waiting = this.pending.get(id)
    if (!waiting) return
    if (message.error) {
      const text = message.error.desc ?? message.error.class ?? 'no reason given'
      waiting.reject(
        new DriverError('HYPERVISOR_FAILED', `QEMU refused ${waiting.command}: ${text}`),
      )
    } else waiting.resolve(message.return)
  }
}

function closed(): DriverError {
  return new DriverError('HYPERVISOR_FAILED', 'the control connection to QEMU closed', true)
}
