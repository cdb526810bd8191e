/**
 * Who is writing which upload in this process. A newer writer ends the older one and waits until it
 * has let go: a client that lost its connection comes back long before we notice that it had gone.
 */
import { addAbortSignal, type Readable } from 'node:stream'
import { brokenOff } from './failure.ts'

interface Writer {
  controller: AbortController
  ended: Promise<void>
}

export class Writers {
  readonly #writers = new Map<string, Writer>()

  /** Ends the writer of an upload, if there is one. */
  async end(id: string): Promise<void> {
    for (let writer = this.#writers.get(id); writer; writer = this.#writers.get(id)) {
      writer.controller.abort()
      await writer.ended
    }
  }

  /** Runs `work` as the only writer; the signal that it gets fires with the caller's own too. */
  async write<T>(
    id: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    await this.end(id)
    // Of several that waited, the next one finds the first of them here and ends it in turn.
    if (this.#writers.has(id)) return this.write(id, signal, work)
    const controller = new AbortController()
    const result = work(AbortSignal.any([signal, controller.signal]))
    const forget = () => void this.#writers.delete(id)
    this.#writers.set(id, { controller, ended: result.then(forget, forget) })
    return result
  }
}

/**
 * The chunks of an upload. That it breaks off, for whatever reason, is ABORTED. A reader that
 * leaves early does not destroy the stream: its owner may still want to answer on the same
 * socket.
 */
export async function* received(
  id: string,
  bytes: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    addAbortSignal(signal, bytes)
    for await (const chunk of bytes.iterator({ destroyOnReturn: false })) {
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
    }
  } catch (cause) {
    throw brokenOff(id, cause)
  }
}
