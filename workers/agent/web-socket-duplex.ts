/**
 * A WebSocket as a stream of bytes, with back-pressure both ways.
 *
 * E1 Nothing is read from the socket that the reader has no room for; a write is done when the
 *    kernel has taken it.
 * E2 The stream ends when the other side closed with 1000 or without a code; whatever else ends the
 *    connection is an error, so that half of something never looks like the whole.
 * E3 `end()` says goodbye in both directions: there is no half of a WebSocket. Who must know that
 *    all has arrived has to be told so by the other side before.
 */
import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** The longest message that is sent, and the longest that a receiver has to take. */
const PIECE_BYTES = 256 * 1024
export const MAX_MESSAGE_BYTES = 1024 * 1024
const BUFFER_BYTES = 256 * 1024
const NORMAL = 1000
const NO_STATUS = 1005
const UNSUPPORTED_DATA = 1003
const BROKEN = 1011
/** What the other side gets to answer the close code of a connection that broke. */
const FAREWELL_MS = 2_000

export class WebSocketDuplex extends Duplex {
  private saidGoodbye = false

  constructor(private readonly socket: WebSocket) {
    super({ highWaterMark: BUFFER_BYTES, allowHalfOpen: false })
    socket.on('message', (data: Buffer, isBinary: boolean) => this.heard(data, isBinary))
    socket.on('error', (error) => this.destroy(error))
    socket.once('close', (code, reason) => this.wasClosed(code, String(reason)))
  }

  override _read(): void {
    if (this.socket.isPaused) this.socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const isLast = at + PIECE_BYTES >= chunk.length
      const piece = chunk.subarray(at, at + PIECE_BYTES)
      this.socket.send(piece, { binary: true }, isLast ? done : undefined)
    }
    if (chunk.length === 0) done()
  }

  override _final(done: () => void): void {
    if (this.socket.readyState === this.socket.CLOSED) return done()
    this.socket.once('close', () => done())
    this.socket.close(NORMAL)
    // The answer to it comes behind what was sent meanwhile.
    this.saidGoodbye = true
    this.socket.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { socket } = this
    if (socket.readyState !== socket.CLOSED) {
      socket.resume()
      // Whoever destroys it has not said goodbye (E2).
      socket.close(BROKEN)
      const impatient = setTimeout(() => socket.terminate(), FAREWELL_MS)
      socket.once('close', () => clearTimeout(impatient))
    }
    done(error)
  }

  private heard(data: Buffer, isBinary: boolean): void {
    if (this.destroyed || this.readableEnded) return
    if (!isBinary) {
      this.socket.close(UNSUPPORTED_DATA, 'Only binary messages')
      this.destroy(new Error('a text message came where bytes were expected'))
    } else if (this.saidGoodbye) {
      if (this.readableLength < BUFFER_BYTES) this.push(data)
    } else if (!this.push(data)) this.socket.pause()
  }

  private wasClosed(code: number, reason: string): void {
    if (code === NORMAL || code === NO_STATUS) this.push(null)
    else this.destroy(new Error(`the stream was closed: ${code}${reason && ` ${reason}`}`))
  }
}
