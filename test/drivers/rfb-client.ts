/** As much of an RFB 3.8 client (RFC 6143) as it takes to see a picture. */
import type { Duplex } from 'node:stream'

const READ_TIMEOUT_MS = 60_000
const NO_SECURITY = 1

export class RfbClient {
  private came = Buffer.alloc(0)
  private over = false
  private wake = (): void => {}

  constructor(private readonly stream: Duplex) {
    stream.on('data', (bytes: Buffer) => {
      this.came = Buffer.concat([this.came, bytes])
      this.wake()
    })
    for (const end of ['end', 'close', 'error']) {
      stream.on(end, () => {
        this.over = true
        this.wake()
      })
    }
  }

  async connect(): Promise<{ width: number; height: number; name: string }> {
    const version = (await this.read(12)).toString('latin1')
    if (version !== 'RFB 003.008\n') throw new Error(`it speaks ${JSON.stringify(version)}`)
    this.stream.write(version)
    const [count = 0] = await this.read(1)
    const types = await this.read(count)
    if (!types.includes(NO_SECURITY)) throw new Error('it wants to know who we are')
    this.stream.write(Buffer.from([NO_SECURITY]))
    if ((await this.read(4)).readUInt32BE(0) !== 0) throw new Error('it does not let us in')
    // Shared: others may look too.
    this.stream.write(Buffer.from([1]))
    const init = await this.read(24)
    const name = (await this.read(init.readUInt32BE(20))).toString('utf8')
    this.width = init.readUInt16BE(0)
    this.height = init.readUInt16BE(2)
    return { width: this.width, height: this.height, name }
  }

  private width = 0
  private height = 0
  private last = Buffer.alloc(0)

  /** The pixels of the last update. */
  get pixels(): Buffer {
    return this.last
  }

  /** Asks for the whole picture in 32 bits per pixel, raw; resolves to its bytes. */
  async update(): Promise<number> {
    const format = [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]
    this.stream.write(Buffer.from([0, 0, 0, 0, ...format]))
    // One encoding: raw.
    this.stream.write(Buffer.from([2, 0, 0, 1, 0, 0, 0, 0]))
    const request = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    request.writeUInt16BE(this.width, 6)
    request.writeUInt16BE(this.height, 8)
    this.stream.write(request)
    let bytes = 0
    const parts: Buffer[] = []
    while (bytes < this.width * this.height * 4) {
      const head = await this.read(4)
      if (head[0] !== 0) throw new Error(`it sent message ${head[0]}`)
      for (let left = head.readUInt16BE(2); left > 0; left--) {
        const rectangle = await this.read(12)
        if (rectangle.readInt32BE(8) !== 0) throw new Error('it sent what is not raw')
        const size = rectangle.readUInt16BE(4) * rectangle.readUInt16BE(6) * 4
        parts.push(await this.read(size))
        bytes += size
      }
    }
    this.last = Buffer.concat(parts)
    return bytes
  }

  private async read(length: number): Promise<Buffer> {
    const late = setTimeout(() => this.stream.destroy(), READ_TIMEOUT_MS)
    try {
      while (this.came.length < length) {
        if (this.over) throw new Error(`it ended with ${this.came.length} of ${length} bytes`)
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
      }
    } finally {
      clearTimeout(late)
    }
    const bytes = this.came.subarray(0, length)
    this.came = this.came.subarray(length)
    return bytes
  }
}
