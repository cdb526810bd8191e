/**
 * Which cell gets new servers: each cell is asked, by a dry run of the very request, how many of its hosts
 * would take them; most wins. A group with affinity stays where its members are, and a request that is
 * repeated goes where it went.
 */
import { may } from '../access/allow.ts'
import type { CommandInput } from '../command.ts'
import type { Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import { isId } from '../id.ts'
import { type Cell, HOME_CELL } from './cells.ts'
import { inCell } from './route.ts'

/** How long what was just made at home may take to be in a cell. */
const ARRIVES_MS = 10_000
const LOOK_MS = 50

interface Request extends CommandInput {
  flavorId: string
  imageId: string
  groupId?: string | null
}

interface Planned {
  plan: { placement: { hostsPassed: number } | null } | null
}

type Create<I, R> = (ctx: Context, input: I) => Promise<R>

/** The creation, in the cell that suits it best. */
export const inBestCell =
  <I extends Request, R extends Planned>(create: Create<I, R>): Create<I, R> =>
  async (ctx, input) => {
    const projectId = ctx.actor?.projectId
    if (!ctx.cells || !projectId) return create(ctx, input)
    // Whoever may not make servers is refused by the command itself, and learns nothing of cells.
    if (!may(ctx, 'compute.server.create', { project_id: projectId })) return create(ctx, input)
    const cell = await bestCell(ctx, input, create)
    return create(inCell(ctx, cell), input)
  }

async function bestCell<I extends Request, R extends Planned>(
  ctx: Context,
  input: I,
  create: Create<I, R>,
): Promise<Cell> {
  const { up, enabled, home } = await usable(ctx)
  // Also where nothing new goes: what was asked for before is there.
  const known = (await wherever(up, (cell) => isKeyed(ctx, cell, input))) ?? null
  if (known) return known
  const together = await cellOfGroup(ctx, enabled, input.groupId)
  if (together) {
    await bring(ctx, together, input)
    return together
  }
  let best = { cell: home, hosts: 0 }
  let refusal: unknown = null
  for (const cell of enabled) {
    try {
      await bring(ctx, cell, input)
      const { plan } = await create(inCell(ctx, cell), { ...input, dryRun: true })
      const hosts = plan?.placement?.hostsPassed ?? 0
      if (hosts > best.hosts) best = { cell, hosts }
    } catch (error) {
      if (!(error instanceof CloudError)) throw error
      // Home knows everything that a request can name: what it refuses is refused everywhere.
      if (cell.id === HOME_CELL) refusal = error
    }
  }
  if (refusal && best.hosts === 0) throw refusal
  return best.cell
}

interface Usable {
  up: readonly Cell[]
  /** Of those, where new servers go. */
  enabled: Cell[]
  home: Cell
}

async function usable({ db, cells }: Context): Promise<Usable> {
  const up = cells?.up() ?? []
  const rows = await db.cell.findMany({ where: { enabled: true }, select: { id: true } })
  const ids = new Set(rows.map(({ id }) => id))
  const home = up.find(({ id }) => id === HOME_CELL)
  if (!home) throw new Error('home is no cell')
  return { up, enabled: up.filter(({ id }) => ids.has(id)), home }
}

async function wherever(
  cells: readonly Cell[],
  holds: (cell: Cell) => Promise<boolean>,
): Promise<Cell | undefined> {
  const answers = await Promise.all(cells.map(holds))
  return cells.find((_, i) => answers[i])
}

async function isKeyed({ actor }: Context, { db }: Cell, input: CommandInput): Promise<boolean> {
  if (!input.idempotencyKey || !actor) return false
  const where = { userId: actor.userId, key: input.idempotencyKey }
  return (await db.idempotencyKey.count({ where })) > 0
}

async function cellOfGroup(
  { db }: Context,
  cells: readonly Cell[],
  groupId: string | null | undefined,
): Promise<Cell | undefined> {
  if (!groupId || !isId(groupId)) return undefined
  const group = await db.serverGroup.findUnique({ where: { id: groupId } })
  if (group?.policy !== 'AFFINITY') return undefined
  return wherever(cells, async (cell) => (await cell.db.server.count({ where: { groupId } })) > 0)
}

/** What the request names is in the cell: home's by replication, another cell's image by a copy of its row. */
async function bring(ctx: Context, cell: Cell, { flavorId, imageId, groupId }: Request) {
  const owner = isId(imageId) ? await ctx.cells?.find('image', imageId) : null
  if (owner && owner.id !== HOME_CELL && owner.id !== cell.id) {
    const mine = [{ projectId: ctx.actor?.projectId ?? '' }, { visibility: 'PUBLIC' }]
    const image = await owner.db.image.findFirst({ where: { id: imageId, OR: mine } })
    // Of a server that the cell does not have; the bytes are the API's.
    const { properties, fault: _, ...row } = image ?? {}
    const data = { ...row, properties: properties ?? {}, serverId: null } as never
    if (image) await cell.db.image.createMany({ data: [data], skipDuplicates: true })
  }
  if (cell.id === HOME_CELL) return
  const wanted = [
    ['project', ctx.actor?.projectId],
    ['flavor', flavorId],
    ['serverGroup', groupId],
    ['image', owner?.id === HOME_CELL ? imageId : null],
  ] as const
  for (const [model, id] of wanted) {
    if (id && isId(id)) await arrives(ctx, cell, model, id)
  }
}

async function arrives(
  { db }: Context,
  cell: Cell,
  model: 'project' | 'flavor' | 'serverGroup' | 'image',
  id: string,
): Promise<void> {
  const count = (of: Context['db']) =>
    (of[model] as unknown as { count(args: { where: object }): Promise<number> }).count({
      where: { id },
    })
  const end = Date.now() + ARRIVES_MS
  while ((await count(cell.db)) === 0) {
    // What is not there either is refused by the command.
    if ((await count(db)) === 0) return
    if (Date.now() > end) {
      throw new CloudError('UNAVAILABLE', `The cell ${cell.name} lags behind: try again later`)
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
