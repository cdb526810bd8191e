/**
 * A small RFB 3.8 server (RFC 6143) over a byte stream: security None, raw pixels in whatever true
 * colour the client asks for. It draws the machine anew when that has changed. What a client says is
 * hostile: it is read with bounds, and who says nonsense is hung up on.
 */
import type { Duplex } from 'node:stream'
import type { SimulatedMachine } from './machine.ts'
import { BACKGROUND, type Colour, draw, FOREGROUND, HEIGHT, WIDTH } from './screen.ts'

const VERSION = 'RFB 003.008\n'
const MAX_BUFFERED_BYTES = 256 * 1024
const MAX_CUT_TEXT_BYTES = 64 * 1024
const NO_SECURITY = 1
const RAW = 0

interface PixelFormat {
  bytesPerPixel: number
  bigEndian: boolean
  max: Colour
  shift: Colour
}

/** 32 bits, little-endian, red in the third byte: what most clients use as it is. */
const DEFAULT_FORMAT: PixelFormat = {
  bytesPerPixel: 4,
  bigEndian: false,
  max: [255, 255, 255],
  shift: [16, 8, 0],
}

/** Takes as many bytes as it needs from what came; null when it needs more. Throws at nonsense. */
type Step = (bytes: Buffer) => number | null

export class VncServer {
  private came: Buffer = Buffer.alloc(0)
  private format = DEFAULT_FORMAT
  /** An incremental request waits for the next change. */
  private waits = false
  private next: Step = (bytes) => this.version(bytes)

  constructor(
    private readonly client: Duplex,
    private machine: SimulatedMachine,
  ) {
    client.on('data', (bytes: Buffer) => this.read(bytes))
    client.write(VERSION)
  }

  changed(now: SimulatedMachine): void {
    this.machine = now
    if (!this.waits) return
    this.waits = false
    this.sendScreen()
  }

  private read(bytes: Buffer): void {
    this.came = Buffer.concat([this.came, bytes])
    try {
      for (;;) {
        const taken = this.came.length > 0 ? this.next(this.came) : null
        if (taken === null) break
        this.came = this.came.subarray(taken)
      }
      if (this.came.length > MAX_BUFFERED_BYTES) throw new Error('too long a message')
    } catch {
      this.client.destroy()
    }
  }

  private version(bytes: Buffer): number | null {
    if (bytes.length < VERSION.length) return null
    if (bytes.toString('latin1', 0, VERSION.length) !== VERSION) throw new Error('another version')
    this.client.write(Buffer.from([1, NO_SECURITY]))
    this.next = (rest) => this.security(rest)
    return VERSION.length
  }

  private security(bytes: Buffer): number {
    if (bytes[0] !== NO_SECURITY) throw new Error('another security type')
    this.client.write(Buffer.alloc(4))
    this.next = () => {
      this.sendInit()
      this.next = (rest) => this.message(rest)
      return 1
    }
    return 1
  }

  private sendInit(): void {
    const name = Buffer.from(this.machine.name.slice(0, 255))
    const init = Buffer.alloc(24)
    init.writeUInt16BE(WIDTH, 0)
    init.writeUInt16BE(HEIGHT, 2)
    // Bits, depth, little-endian, true colour, then three maxima and three shifts.
    init.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4)
    init.writeUInt32BE(name.length, 20)
    this.client.write(Buffer.concat([init, name]))
  }

  private message(bytes: Buffer): number | null {
    const length = lengthOf(bytes)
    if (length === null || bytes.length < length) return null
    if (bytes[0] === 0) this.format = formatOf(bytes)
    if (bytes[0] === 3) {
      const incremental = bytes[1] !== 0
      // The next whole picture is enough for who has not taken the last one.
      if (incremental || this.client.writableNeedDrain) this.waits = true
      else this.sendScreen()
    }
    return length
  }

  private sendScreen(): void {
    const head = Buffer.alloc(16)
    head.writeUInt16BE(1, 2)
    head.writeUInt16BE(WIDTH, 8)
    head.writeUInt16BE(HEIGHT, 10)
    head.writeInt32BE(RAW, 12)
    const { bytesPerPixel } = this.format
    const [dark, light] = [pixel(BACKGROUND, this.format), pixel(FOREGROUND, this.format)]
    const drawn = draw(this.machine)
    const pixels = Buffer.alloc(drawn.length * bytesPerPixel)
    drawn.forEach((on, n) => pixels.set(on ? light : dark, n * bytesPerPixel))
    this.client.write(Buffer.concat([head, pixels]))
  }
}

/** How long a client's message is; null when that is not known yet. */
function lengthOf(bytes: Buffer): number | null {
  switch (bytes[0]) {
    case 0: // SetPixelFormat
      return 20
    case 2: // SetEncodings
      return bytes.length < 4 ? null : 4 + 4 * bytes.readUInt16BE(2)
    case 3: // FramebufferUpdateRequest
      return 10
    case 4: // KeyEvent
      return 8
    case 5: // PointerEvent
      return 6
    case 6: {
      // ClientCutText; a negative length marks the extended clipboard, which we never announced.
      if (bytes.length < 8) return null
      const length = bytes.readUInt32BE(4)
      if (length > MAX_CUT_TEXT_BYTES) throw new Error('too long a text')
      return 8 + length
    }
    default:
      throw new Error('an unknown message')
  }
}

function formatOf(bytes: Buffer): PixelFormat {
  const [bits, trueColour] = [bytes.readUInt8(4), bytes.readUInt8(7)]
  if (![8, 16, 32].includes(bits) || trueColour === 0) throw new Error('an unknown pixel format')
  const shift: Colour = [bytes.readUInt8(14), bytes.readUInt8(15), bytes.readUInt8(16)]
  if (shift.some((by) => by > 31)) throw new Error('an unknown pixel format')
  return {
    bytesPerPixel: bits / 8,
    bigEndian: bytes[6] !== 0,
    max: [bytes.readUInt16BE(8), bytes.readUInt16BE(10), bytes.readUInt16BE(12)],
    shift,
  }
}

function pixel(colour: Colour, { bytesPerPixel, bigEndian, max, shift }: PixelFormat): Buffer {
  let value = 0
  for (const n of [0, 1, 2] as const) {
    value |= Math.round((colour[n] * max[n]) / 255) << shift[n]
  }
  const word = Buffer.alloc(4)
  word.writeInt32LE(value | 0)
  const bytes = word.subarray(0, bytesPerPixel)
  return bigEndian ? bytes.reverse() : bytes
}
