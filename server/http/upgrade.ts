/** Requests that become something else than an answer: who takes them, and how they are refused. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** Takes WebSockets beside `/graphql`, by their paths. */
export interface UpgradeTaker {
  /** True when it is its own: then it is taken over, or turned away, by this taker. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Ends what it has taken; resolves when all of it is closed. */
  close(): Promise<void>
}

export function turnAway(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
