/** Messages of one JSON object per line over a byte stream, each awaited with a time limit. */
import type { Duplex } from 'node:stream'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'

const MAX_LINE_BYTES = 64 * 1024

export class JsonLines {
  private text = ''
  private readonly parts: AsyncIterator<Buffer>

  constructor(private readonly stream: Duplex) {
    this.parts = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
    // What breaks it is told by the read or write that meets it.
    stream.on('error', () => {})
  }

  send(message: object): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.stream.destroyed) return reject(broken())
      this.stream.write(`${JSON.stringify(message)}\n`, (error) =>
        error ? reject(broken(error)) : resolve(),
      )
    })
  }

  /** The next message, which must be of this step. */
  async expect<T extends { step: string }>(
    step: T['step'],
    deadline: { timeoutMs: number; signal: AbortSignal },
  ): Promise<T> {
    const line = await within(this.nextLine(), { ...deadline, what: `the other host's "${step}"` })
    const message = parse(line)
    if (message?.['step'] !== step) {
      throw new DriverError('HYPERVISOR_FAILED', `the other host did not say "${step}"`, true)
    }
    return message as unknown as T
  }

  private async nextLine(): Promise<string> {
    for (;;) {
      const end = this.text.indexOf('\n')
      if (end >= 0) {
        const line = this.text.slice(0, end)
        this.text = this.text.slice(end + 1)
        return line
      }
      if (this.text.length > MAX_LINE_BYTES) throw broken()
      const next = await this.parts.next().catch((error: unknown) => Promise.reject(broken(error)))
      if (next.done) throw broken()
      this.text += String(next.value)
    }
  }
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const broken = (cause?: unknown): DriverError =>
  new DriverError('HYPERVISOR_FAILED', 'the link to the other host broke', true, { cause })
