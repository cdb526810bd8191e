/** The screen of a simulated machine: its name on a dark ground, as pixels and as a PNG. */
import { crc32, deflateSync } from 'node:zlib'
import { glyphOf } from './font.ts'
import type { SimulatedMachine } from './machine.ts'

export const WIDTH = 320
export const HEIGHT = 200
const SCALE = 2
const LETTER_WIDTH = 6 * SCALE
const LINE_HEIGHT = 10 * SCALE
const MARGIN = 10

export type Colour = readonly [red: number, green: number, blue: number]
export const BACKGROUND: Colour = [16, 24, 40]
export const FOREGROUND: Colour = [230, 236, 245]

/** One byte per pixel, row by row: 1 where something is drawn. */
export function draw({ name, powerState, boots }: SimulatedMachine): Uint8Array {
  const pixels = new Uint8Array(WIDTH * HEIGHT)
  const lines = [...wrapped(name), '', powerState, `BOOT ${boots}`]
  lines.forEach((line, n) => {
    const y = MARGIN + n * LINE_HEIGHT
    if (y + LINE_HEIGHT <= HEIGHT) drawLine(pixels, line, y)
  })
  return pixels
}

function wrapped(name: string): string[] {
  const perLine = Math.floor((WIDTH - 2 * MARGIN) / LETTER_WIDTH)
  const text = name.slice(0, 4 * perLine)
  return Array.from({ length: Math.ceil(text.length / perLine) }, (_, n) =>
    text.slice(n * perLine, (n + 1) * perLine),
  )
}

function drawLine(pixels: Uint8Array, line: string, y: number): void {
  for (let n = 0; n < line.length; n++) {
    glyphOf(line[n] ?? ' ').forEach((column, dx) => {
      for (let dy = 0; dy < 8; dy++) {
        if (column & (1 << dy)) dot(pixels, MARGIN + n * LETTER_WIDTH + dx * SCALE, y + dy * SCALE)
      }
    })
  }
}

function dot(pixels: Uint8Array, x: number, y: number): void {
  for (let dy = 0; dy < SCALE; dy++) {
    const start = (y + dy) * WIDTH + x
    pixels.fill(1, start, start + SCALE)
  }
}

/** An indexed PNG of two colours, eight bits per pixel. */
export function pngOf(pixels: Uint8Array): Buffer {
  const rows = Buffer.alloc((WIDTH + 1) * HEIGHT)
  for (let y = 0; y < HEIGHT; y++) {
    rows.set(pixels.subarray(y * WIDTH, (y + 1) * WIDTH), y * (WIDTH + 1) + 1)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  // Depth 8, a palette; compression, filter and interlacing have one value each.
  header.set([8, 3, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from([...BACKGROUND, ...FOREGROUND])),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}
