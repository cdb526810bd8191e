/**
 * The language of qemu-guest-agent: a JSON object per line, over a socket that QEMU serves.
 *
 * G1 Whatever is in a guest may answer, and may have died in the middle of an answer. A byte 0xff
 *    makes the agent forget what it has half read, and the answer that follows it carries our number
 *    (`guest-sync-delimited`): nobody there is known after one second.
 * G2 What a guest says is bounded, and its words go into no error: it may repeat a password.
 */

import { randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { AGENT_SOCKET } from './arguments.ts'
import { connectRunSocket } from './run-socket.ts'

const SYNC_TIMEOUT_MS = 1_000
const ANSWER_LIMIT_BYTES = 64 * 1024
const DELIMITER = 0xff

interface Answer {
  return?: unknown
  error?: unknown
}

/**
 * One command. Throws GUEST_SILENT when nobody answers in time and REFUSED when the agent says no.
 * QEMU lets one of us in at a time: callers take turns.
 */
export async function askGuestAgent(
  run: string,
  command: string,
  args: Record<string, unknown>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<unknown> {
  const socket = await connectRunSocket(run, AGENT_SOCKET, signal).catch(asSilence)
  const answers = new Answers(socket)
  try {
    const id = randomInt(2 ** 31)
    send(socket, 'guest-sync-delimited', { id }, Buffer.from([DELIMITER]))
    const synced = answers.next((answer, delimited) => delimited && answer.return === id)
    await within(synced, { timeoutMs: SYNC_TIMEOUT_MS, signal, what: 'the agent in the guest' })
    send(socket, command, args)
    const what = `the agent in the guest to answer ${command}`
    const answer = await within(
      answers.next(() => true),
      { timeoutMs, signal, what },
    )
    if (answer.error === undefined) return answer.return
    throw new DriverError('REFUSED', `the agent in the guest refuses ${command}`)
  } catch (error) {
    return asSilence(error)
  } finally {
    socket.destroy()
  }
}

function asSilence(error: unknown): never {
  if (!(error instanceof DriverError) || error.code !== 'TIMEOUT') throw error
  throw new DriverError('GUEST_SILENT', error.message, true)
}

function send(socket: Socket, execute: string, args: object, before = Buffer.alloc(0)): void {
  const line = `${JSON.stringify({ execute, arguments: args })}\n`
  socket.write(Buffer.concat([before, Buffer.from(line)]))
}

class Answers {
  private bytes = Buffer.alloc(0)
  private take: ((answer: Answer, delimited: boolean) => void) | null = null
  private fail: ((error: DriverError) => void) | null = null

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      // Too long is no answer: what went before the wait for one ends it (G2).
      if (this.bytes.length > ANSWER_LIMIT_BYTES) socket.destroy()
      else this.lines()
    })
    socket.on('close', () => this.fail?.(hungUp()))
  }

  /** The next answer that is the one; others are what an earlier talk left behind. */
  next(isIt: (answer: Answer, delimited: boolean) => boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.fail = reject
      this.take = (answer, delimited) => {
        if (isIt(answer, delimited)) resolve(answer)
      }
    })
  }

  private lines(): void {
    for (let end = this.bytes.indexOf(10); end >= 0; end = this.bytes.indexOf(10)) {
      const line = this.bytes.subarray(0, end)
      this.bytes = this.bytes.subarray(end + 1)
      const start = line.lastIndexOf(DELIMITER) + 1
      const answer = parse(line.subarray(start).toString('utf8'))
      if (answer) this.take?.(answer, start > 0)
    }
  }
}

function parse(text: string): Answer | null {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? answer : null
  } catch {
    return null
  }
}

function hungUp(): DriverError {
  return new DriverError('GUEST_SILENT', 'the agent in the guest speaks another language', true)
}
