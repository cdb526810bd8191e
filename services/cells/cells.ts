/**
 * Cells: a database, a broker and hosts each, behind one API. The first is *home*: the database that the
 * API starts with, which alone has what belongs to no cell (people and projects, flavors, quotas).
 *
 * CE1 A row of a cell is changed there only, in one transaction: a command runs whole in the cell of the
 *     resource that it names (`cellOf`).
 * CE2 Reads that list look into all cells (`everywhere`, and the merged client of the API).
 * CE3 What a cell's servers take of quotas is claimed at home first, so that no cell that is down lets a
 *     project have more (`Home`).
 * CE4 What can't be asked is never "not there": it is UNAVAILABLE.
 */
import type { Placer } from '../compute/placement-placer.ts'
import type { Context, Db, HostConsoles, Tx } from '../context.ts'
import { CloudError } from '../errors.ts'
import type { Claims } from '../identity/quota-claim.ts'

/** Resources that live in cells, as the rules of commands name them. */
export const celledResources = ['server', 'host', 'image', 'task', 'migration'] as const
export type CelledResource = (typeof celledResources)[number]

/** The first cell's id, in every cloud. */
export const HOME_CELL = '00000000-0000-7000-8000-000000000001'

/** One cell, as far as commands and reads need it. */
export interface Cell {
  id: string
  name: string
  db: Db
  ring: (taskId: string) => void
  placement: Placer
  consoles: HostConsoles
}

/** A cell that can't be asked now. */
export interface MissingCell {
  cell: string
  reason: string
  since: Date
}

/** All cells of the cloud; null in the context of a cloud that has one. */
export interface Cells {
  /** Home first; those that answer. */
  up(): readonly Cell[]
  missing(): readonly MissingCell[]
  /** The cell of a resource; null when no cell has it. UNAVAILABLE while one that may have it is down. */
  find(resource: CelledResource, id: string): Promise<Cell | null>
  /** By name; NOT_FOUND, or UNAVAILABLE. */
  named(name: string): Cell
}

type Asking = Pick<Context, 'actor' | 'policy' | 'region'>

/** Home, for one command that runs in another cell. */
export interface Home {
  db: Db
  /** Claims at home what servers of the cell will take; QUOTA_EXCEEDED as of any claim. */
  claim(c: Asking, claims: Claims): Promise<void>
  /** How many owners of these amounts home has room for. */
  room(c: Asking, claim: Pick<Claims, 'projectId' | 'amounts'>): Promise<number>
  /** Takes back what the command claimed: it failed. */
  giveBack(): Promise<void>
}

/** The cells besides home, all of them: UNAVAILABLE while one is down. */
export function otherCells(cells: Cells | null): readonly Cell[] {
  const [missing] = cells?.missing() ?? []
  if (missing) {
    const message = `The cell ${missing.cell} does not answer now, and may hold it: try again later`
    throw new CloudError('UNAVAILABLE', message)
  }
  return (cells?.up() ?? []).filter(({ id }) => id !== HOME_CELL)
}

/** The clients behind the merged one. */
const behind = new WeakMap<object, <Row>(read: (db: Db) => Promise<Row[]>) => Promise<Row[]>>()

/** Says how the merged client asks all cells. */
export const asksAll = (
  merged: Db,
  ask: <Row>(read: (db: Db) => Promise<Row[]>) => Promise<Row[]>,
): void => void behind.set(merged, ask)

/** Rows of every cell, one cell's after the other's; in a cloud with one cell, that one's. */
export function everywhere<Row, D extends Db | Tx>(
  db: D,
  read: (db: D) => Promise<Row[]>,
): Promise<Row[]> {
  const ask = behind.get(db)
  return ask ? ask(read as (db: Db) => Promise<Row[]>) : read(db)
}
