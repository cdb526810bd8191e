/**
 * A place in the events of all cells: a position in each cell's, null where none is known. As a cursor it is
 * `cell=position` for each, joined by `;`: names of cells have neither (server/config-cells.ts).
 */
import { mustBeCursor } from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'

/** By the number of the cell, home first. */
export type Place = readonly (string | null)[]

/** Cursors come from clients: as long as that of some hundred cells. */
const MAX_CURSOR_LENGTH = 16_384

export const encodePlace = (names: readonly string[], place: Place): string =>
  names.flatMap((name, i) => (place[i] ? [`${name}=${place[i]}`] : [])).join(';')

/**
 * BAD_INPUT for what is no cursor. Cells that are gone are passed over; what names no cell was given when
 * home was alone.
 */
export function decodePlace(names: readonly string[], cursor: string): (string | null)[] {
  if (cursor.length > MAX_CURSOR_LENGTH) throw notOurs()
  const positions = new Map<string, string>()
  for (const part of cursor.split(';')) {
    const [name, position, ...more] = part.includes('=') ? part.split('=') : [names[0], part]
    if (name === undefined || position === undefined || more.length > 0 || positions.has(name)) {
      throw notOurs()
    }
    mustBeCursor(position)
    positions.set(name, position)
  }
  return names.map((name) => positions.get(name) ?? null)
}

const notOurs = (): CloudError => new CloudError('BAD_INPUT', 'The cursor is not one of ours')
