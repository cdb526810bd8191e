import { encode } from 'uqr'

/** The light frame that readers need, in modules: as wide as the standard (ISO 18004) wants it. */
const quietModules = 4

export interface QrPath {
  /** Width and height, frame included, in modules. */
  size: number
  /** The dark modules as the `d` of an SVG path: a rectangle for each run in a row. */
  path: string
}

/** A text as a QR code. Throws when it is longer than a QR code can hold (2331 bytes). */
export function qrPath(text: string): QrPath {
  const { data, size } = encode(text, { ecc: 'M', border: quietModules })
  const runs: string[] = []
  data.forEach((row, y) => {
    let x = 0
    while (x < row.length) {
      const from = x
      while (row[x]) x += 1
      if (x > from) runs.push(`M${from} ${y}h${x - from}v1h${from - x}z`)
      else x += 1
    }
  })
  return { size, path: runs.join('') }
}
