/**
 * One client for reading all cells: for the models that live in cells a list is each cell's list, merged
 * in its order; everything else is home's. Writes and raw SQL are home's too: who writes into a cell has
 * its own client, who reads by raw SQL asks `everywhere` (services/cells.ts).
 *
 * MR1 Pages are by key: `where`, `orderBy` and `take` mean the same in every cell, so the first rows of
 *     all are among the first rows of each. Text is ordered by its bytes, as the databases do.
 * MR2 A cell that does not answer is left out of lists, which say so; a row that is looked for by its key
 *     and found nowhere is UNAVAILABLE then.
 */
import { asksAll, type MissingCell } from '../../services/cells/cells.ts'
import type { Db } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'

/** A database that may be away. */
export interface Part {
  id: string
  name: string
  db: Db
  /** Undefined when it does not answer. Home's failures are the caller's. */
  ask<T>(read: (db: Db) => Promise<T>): Promise<T | undefined>
}

export interface Parts {
  all(): readonly Part[]
  missing(): readonly MissingCell[]
}

type Row = Record<string, unknown>
type Direction = 'asc' | 'desc'

interface FindArgs {
  where?: object
  orderBy?: Record<string, Direction> | Record<string, Direction>[]
  take?: number
  select?: Record<string, unknown>
}

/** What lives in cells. Images: home's are copied into the cells, which must not show twice. */
const celled: Record<string, { own?: (cellId: string) => object }> = {
  server: {},
  host: {},
  task: {},
  migration: {},
  inventory: {},
  allocation: {},
  auditEvent: {},
  process: {},
  aggregateHost: {},
  image: { own: (cellId) => ({ cellId }) },
}

export function readAll(home: Db, parts: Parts): Db {
  const delegates = new Map<string, object>()
  const merged = new Proxy(home, {
    get(target, name) {
      if (typeof name !== 'string' || !Object.hasOwn(celled, name)) {
        return Reflect.get(target, name) as unknown
      }
      const known = delegates.get(name)
      if (known) return known
      const delegate = new Delegate(home, name, parts).view()
      delegates.set(name, delegate)
      return delegate
    },
  })
  asksAll(merged, async (read) => (await fromAll(parts, (part) => part.ask(read))).flat())
  return merged
}

/** The answers of those that answer. */
async function fromAll<T>(
  { all }: Parts,
  ask: (part: Part) => Promise<T | undefined>,
): Promise<T[]> {
  const answers = await Promise.all(all().map(ask))
  return answers.filter((answer) => answer !== undefined)
}

class Delegate {
  constructor(
    private readonly home: Db,
    private readonly name: string,
    private readonly parts: Parts,
  ) {}

  /** As a delegate of Prisma's, as far as reads need it. */
  view(): object {
    const ours: Record<string, unknown> = {
      findMany: (args: FindArgs = {}) => this.findMany(args),
      findFirst: (args: FindArgs = {}) => this.findFirst(args),
      findUnique: (args: FindArgs) => this.findFirst(args),
      findFirstOrThrow: (args: FindArgs) => this.mustFind(args),
      findUniqueOrThrow: (args: FindArgs) => this.mustFind(args),
      count: (args: FindArgs = {}) => this.count(args),
      groupBy: (args: FindArgs & { by: string[] }) => this.groupBy(args),
      $missing: () => this.parts.missing(),
    }
    const { home, name } = this
    return new Proxy(Reflect.get(home, name) as object, {
      get: (target, key) =>
        typeof key === 'string' && Object.hasOwn(ours, key)
          ? ours[key]
          : (Reflect.get(target, key) as unknown),
    })
  }

  private ask<T>(method: string, args: FindArgs): Promise<T[]> {
    return fromAll<T>(this.parts, (part) =>
      part.ask((db) => {
        const delegate = Reflect.get(db, this.name) as Record<string, (a: object) => Promise<T>>
        const own = celled[this.name]?.own?.(part.id)
        const within = own ? { ...args, where: { AND: [args.where ?? {}, own] } } : args
        return (delegate[method] as (a: object) => Promise<T>)(within)
      }),
    )
  }

  private async findMany(args: FindArgs): Promise<Row[]> {
    const orders = ordersOf(args)
    const rows = (await this.ask<Row[]>('findMany', selecting(args, orders))).flat()
    if (orders.length > 0) rows.sort(byOrder(orders))
    return args.take === undefined ? rows : rows.slice(0, args.take)
  }

  private async findFirst(args: FindArgs): Promise<Row | null> {
    const [first] = await this.findMany({ ...args, take: 1 })
    if (first) return first
    const [missing] = this.parts.missing()
    if (missing) throw unavailable(missing)
    return null
  }

  private async mustFind(args: FindArgs): Promise<Row> {
    const row = await this.findFirst(args)
    if (!row) throw new Error(`there is no such ${this.name}`)
    return row
  }

  private async count(args: FindArgs): Promise<number> {
    const counts = await this.ask<number>('count', args)
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Groups are of keys that live in one cell, or are counts: those of one key are added up. */
  private async groupBy(args: FindArgs & { by: string[] }): Promise<Row[]> {
    const groups = (await this.ask<Row[]>('groupBy', args)).flat()
    const sums = new Map<string, Row>()
    for (const group of groups) {
      const key = JSON.stringify(args.by.map((field) => group[field]))
      const known = sums.get(key)
      if (!known) sums.set(key, { ...group })
      else known._count = Number(known._count) + Number(group._count)
    }
    return [...sums.values()]
  }
}

export const unavailable = ({ cell }: Pick<MissingCell, 'cell'>): CloudError =>
  new CloudError(
    'UNAVAILABLE',
    `The cell ${cell} does not answer now, and may have it: try again later`,
  )

const ordersOf = ({ orderBy }: FindArgs): [string, Direction][] =>
  (Array.isArray(orderBy) ? orderBy : [orderBy ?? {}]).flatMap((order) => Object.entries(order))

/** What rows are ordered by must be in them. */
function selecting(args: FindArgs, orders: [string, Direction][]): FindArgs {
  if (!args.select) return args
  const ordered = Object.fromEntries(orders.map(([field]) => [field, true]))
  return { ...args, select: { ...args.select, ...ordered } }
}

const byOrder =
  (orders: [string, Direction][]) =>
  (a: Row, b: Row): number => {
    for (const [field, direction] of orders) {
      const difference = compare(a[field], b[field])
      if (difference !== 0) return direction === 'asc' ? difference : -difference
    }
    return 0
  }

/** As PostgreSQL has it: NULL is the greatest. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (a === null || a === undefined) return 1
  if (b === null || b === undefined) return -1
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }
  const [x, y] = [a instanceof Date ? a.getTime() : a, b instanceof Date ? b.getTime() : b]
  if (x === y) return 0
  return (x as number) < (y as number) ? -1 : 1
}
