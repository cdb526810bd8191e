/**
 * The memory channel of a live migration: the bytes of QEMU's own stream, and between them what the
 * two drivers have to say to each other.
 *
 * Each frame is one byte of kind, four of length (big endian), and so many bytes.
 *
 * The talk, `>` from the source and `<` to it:
 *   > hello     what the machine is; both ends know then whether it fits
 *   < ready     the disk can be written, the memory can come
 *   > (memory)  and the end of it
 *   > (console) the end of the log, so that it goes on there
 *   < loaded    the guest is there and held still
 *   > go        from here on the source never lets it go on by itself
 *   < running
 */
import type { Duplex } from 'node:stream'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'

const DATA = 0
const TALK = 1
const END = 2
const CONSOLE = 3
const HEADER_BYTES = 5
const DATA_MAX_BYTES = 4 * 1024 * 1024
const TALK_MAX_BYTES = 64 * 1024
/** What the guest printed last. It waits for these bytes held still. */
export const CONSOLE_MAX_BYTES = 256 * 1024
const LIMITS_BYTES: Record<number, number> = {
  [DATA]: DATA_MAX_BYTES,
  [TALK]: TALK_MAX_BYTES,
  [END]: 0,
  [CONSOLE]: CONSOLE_MAX_BYTES,
}

export interface Hello {
  word: 'hello'
  version: 1
  /** QEMU's name of the board: `pc-q35-7.2`. */
  machineType: string
  accelerator: string
  vcpus: number
  memoryMiB: number
  configDrive: boolean
  diskSizeBytes: number
}

export type Talk = Hello | { word: 'ready' | 'loaded' | 'go' | 'running' }
type Word = Talk['word']

export class MigrationChannel {
  /** Counts every byte of memory, for who waits for something to move. */
  bytes = 0
  /** The end of the guest's log, once `go` was heard. */
  console: Buffer = Buffer.alloc(0)
  /** Rejects when the channel is over before we closed it. */
  readonly broken: Promise<never>
  private break: (error: DriverError) => void = () => {}
  private readonly heard = new Map<Word, Talk>()
  private readonly waiting = new Map<Word, (talk: Talk) => void>()

  /** `onMemory` takes the memory in order, and null at its end. */
  constructor(
    private readonly stream: Duplex,
    onMemory: (bytes: Buffer | null) => Promise<void>,
  ) {
    this.broken = new Promise((_, reject) => {
      this.break = reject
    })
    this.broken.catch(() => {})
    stream.on('error', () => {})
    stream.once('close', () => this.break(brokenOff()))
    this.read(onMemory).catch((error) => {
      this.break(error instanceof DriverError ? error : brokenOff(error))
      stream.destroy()
    })
  }

  say(talk: Talk): Promise<void> {
    return this.write(TALK, Buffer.from(JSON.stringify(talk)))
  }

  async sendMemory(source: AsyncIterable<Buffer>): Promise<void> {
    for await (const bytes of source) {
      this.bytes += bytes.length
      await this.write(DATA, bytes)
    }
    await this.write(END, Buffer.alloc(0))
  }

  sendConsole(bytes: Buffer): Promise<void> {
    return this.write(CONSOLE, bytes.subarray(-CONSOLE_MAX_BYTES))
  }

  async hear<W extends Word>(
    word: W,
    deadline: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Extract<Talk, { word: W }>> {
    const talk = new Promise<Talk>((resolve) => {
      const known = this.heard.get(word)
      if (known) resolve(known)
      else this.waiting.set(word, resolve)
    })
    const what = `the other host to say ${word}`
    return (await within(Promise.race([talk, this.broken]), { ...deadline, what })) as Extract<
      Talk,
      { word: W }
    >
  }

  close(): void {
    this.stream.destroy()
  }

  private write(kind: number, bytes: Buffer): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt8(kind, 0)
    header.writeUInt32BE(bytes.length, 1)
    const written = new Promise<void>((resolve, reject) => {
      if (this.stream.destroyed) return reject(brokenOff())
      const frame = Buffer.concat([header, bytes])
      this.stream.write(frame, (error) => (error ? reject(brokenOff(error)) : resolve()))
    })
    return Promise.race([written, this.broken])
  }

  private async read(onMemory: (bytes: Buffer | null) => Promise<void>): Promise<void> {
    let rest: Buffer = Buffer.alloc(0)
    for await (const chunk of this.stream) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
      for (let frame = nextFrame(rest); frame; frame = nextFrame(rest)) {
        rest = rest.subarray(HEADER_BYTES + frame.bytes.length)
        if (frame.kind === TALK) this.take(frame.bytes)
        else if (frame.kind === CONSOLE) this.console = Buffer.from(frame.bytes)
        else {
          this.bytes += frame.bytes.length
          await onMemory(frame.kind === END ? null : frame.bytes)
        }
      }
    }
    this.break(brokenOff())
  }

  private take(bytes: Buffer): void {
    const talk = JSON.parse(bytes.toString('utf8')) as Talk
    this.heard.set(talk.word, talk)
    this.waiting.get(talk.word)?.(talk)
  }
}

function nextFrame(bytes: Buffer): { kind: number; bytes: Buffer } | null {
  if (bytes.length < HEADER_BYTES) return null
  const kind = bytes.readUInt8(0)
  const length = bytes.readUInt32BE(1)
  if (length > (LIMITS_BYTES[kind] ?? -1)) {
    throw new DriverError('HYPERVISOR_FAILED', 'the other host speaks another language')
  }
  const end = HEADER_BYTES + length
  return bytes.length < end ? null : { kind, bytes: bytes.subarray(HEADER_BYTES, end) }
}

function brokenOff(cause?: unknown): DriverError {
  const message = 'the way between the two hosts broke off'
  return new DriverError('HYPERVISOR_FAILED', message, true, { cause })
}
