/**
 * Pages of a list, by key: the cursor names the last row, not a count, so that a page costs the same
 * wherever it lies and rows that come or go meanwhile are neither shown twice nor passed over.
 */

import type { MissingCell, PageOf } from '../schema/connection.ts'
import { MAX_FIRST, MAX_NAME_LENGTH } from '../schema/core/input.ts'
import { CloudError } from '../services/errors.ts'
import { isId } from '../services/id.ts'
import { isStorable } from '../services/storable.ts'

export interface PageRequest {
  first: number
  after?: string | null
}

/** Rows are ordered by `by` and then by id; ids alone are the order of creation. */
export interface Order {
  by: 'id' | 'name'
  direction: 'asc' | 'desc'
}

interface Source<Row> {
  /** The model's name: a cursor is good for its list only. */
  $name?: string
  /** Its ids are names that people chose. */
  namedIds?: boolean
  findMany(args: { where: object; orderBy: object[]; take: number }): Promise<Row[]>
  count(args: { where: object }): Promise<number>
  /** Of a list that is merged of several cells. */
  $missing?(): readonly MissingCell[]
}

export async function pageOf<Row extends { id: string; name?: string }>(
  source: unknown,
  where: object,
  { first, after }: PageRequest,
  order: Order = { by: 'id', direction: 'asc' },
): Promise<PageOf<Row>> {
  // Prisma's delegates share this shape, but no type that says so.
  const rowsOf = source as Source<Row>
  const list = `${rowsOf.$name} ${order.by} ${order.direction}`
  const orderBy = order.by === 'id' ? [] : [{ [order.by]: order.direction }]
  const rows = await rowsOf.findMany({
    where: after == null ? where : { AND: [where, behind(after, list, order, rowsOf.namedIds)] },
    orderBy: [...orderBy, { id: order.direction }],
    take: first + 1,
  })
  const nodes = rows.slice(0, first)
  const edges = nodes.map((node) => ({ cursor: cursorOf(node, list, order), node }))
  return {
    nodes,
    edges,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: Boolean(after),
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    count: () => rowsOf.count({ where }),
    missing: [...(rowsOf.$missing?.() ?? [])],
  }
}

const cursorOf = (row: { id: string; name?: string }, list: string, { by }: Order): string =>
  Buffer.from(JSON.stringify([list, row.id, row[by]])).toString('base64url')

/** The first comparison bounds the index scan; the second is exact. */
function behind(cursor: string, list: string, { by, direction }: Order, namedIds = false): object {
  const [id, value] = parse(cursor, list, namedIds)
  const beyond = direction === 'asc' ? 'gt' : 'lt'
  if (by === 'id') return { id: { [beyond]: id } }
  return {
    [by]: { [`${beyond}e`]: value },
    OR: [{ [by]: { [beyond]: value } }, { [by]: value, id: { [beyond]: id } }],
  }
}

function parse(cursor: string, list: string, namedIds: boolean): [id: string, value: string] {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    const [of, id, value] = parts
    const good = namedIds ? isStorable(id) : isId(id)
    if (of === list && good && isStorable(value)) return [id as string, value]
  } catch {
    // Falls through: whatever it is, it is not ours.
  }
  throw badCursor()
}

const badCursor = (): CloudError =>
  new CloudError('BAD_INPUT', 'The cursor is not one of this list', {
    fields: [{ path: 'after', message: 'is not a cursor of this list and order' }],
  })

interface StringFilter {
  eq?: string | null
  in?: string[] | null
  contains?: string | null
}

/** Longer than any name: characters outside of the basic plane count twice here. */
const MAX_FILTER_LENGTH = 2 * MAX_NAME_LENGTH

/** A text filter as Prisma takes it; undefined when nothing is asked. */
export function textFilter(filter: StringFilter | null | undefined): object | undefined {
  if (!filter) return undefined
  checkFilter(filter)
  return {
    ...(filter.eq != null && { equals: filter.eq }),
    ...(filter.in != null && { in: filter.in }),
    ...(filter.contains != null && { contains: literally(filter.contains), mode: 'insensitive' }),
  }
}

/** Here and not in the schema, because the arguments of a watch come unchecked. */
function checkFilter({ eq, in: several, contains }: StringFilter): void {
  const few = (several ?? []).length <= MAX_FIRST
  const texts = [eq ?? '', contains ?? '', ...(few && several ? several : [])]
  if (few && texts.every((text) => isStorable(text) && text.length <= MAX_FILTER_LENGTH)) return
  const message = `takes at most ${MAX_FIRST} texts of ${MAX_FILTER_LENGTH} characters, without NUL`
  throw new CloudError('BAD_INPUT', `The filter ${message}`, {
    fields: [{ path: 'filter', message }],
  })
}

/** Prisma hands the text to LIKE as it is. */
const literally = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`)

/** The same filter on a row at hand. */
export function textMatches(text: string, filter: StringFilter | null | undefined): boolean {
  if (!filter) return true
  return (
    (filter.eq == null || text === filter.eq) &&
    (filter.in == null || filter.in.includes(text)) &&
    (filter.contains == null || text.toLowerCase().includes(filter.contains.toLowerCase()))
  )
}
