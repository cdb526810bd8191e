/** In which cell a command runs: that of the resource that its input names; else at home. */
import type { RuleName } from '../access/rules.ts'
import type { Context } from '../context.ts'
import { isId } from '../id.ts'
import { type Cell, type CelledResource, type Cells, HOME_CELL } from './cells.ts'
import { homeOf } from './home.ts'

/** What inputs of commands call the resource that decides. */
interface Naming {
  id?: unknown
  hostId?: unknown
  /** The name of a cell. */
  cell?: unknown
}

/** By the first two words of a rule: the resource, and the field that names it. */
const deciding: Record<string, [CelledResource, 'id' | 'hostId']> = {
  'compute.server': ['server', 'id'],
  'compute.host': ['host', 'id'],
  'compute.aggregate': ['host', 'hostId'],
  'image.image': ['image', 'id'],
}

/** The context that the command runs in. */
export async function cellOf(
  ctx: Context,
  cells: Cells,
  rule: RuleName,
  input: object,
): Promise<Context> {
  const cell = await named(cells, rule, input)
  return cell ? inCell(ctx, cell) : ctx
}

async function named(cells: Cells, rule: RuleName, input: Naming): Promise<Cell | null> {
  if (typeof input.cell === 'string') return cells.named(input.cell)
  const row = deciding[rule.split('.').slice(0, 2).join('.')]
  if (!row) return null
  const [resource, field] = row
  const id = input[field]
  return typeof id === 'string' && isId(id) ? cells.find(resource, id) : null
}

/** The same request, in a cell. */
export function inCell(ctx: Context, cell: Cell): Context {
  if (!ctx.cells) return ctx
  const { db, ring, placement, consoles } = cell
  if (cell.id === HOME_CELL) return { ...ctx, placement }
  return { ...ctx, db, ring, placement, consoles, cells: null, home: homeOf(ctx.db, cell.id) }
}
