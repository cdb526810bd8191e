/**
 * Watches: first how things are, then every change, in order, until the client goes.
 *
 * V1 The cursor is read before the snapshot: what changes in between is told twice rather than never.
 * V2 What a page of events leads to is loaded once, whoever watches: fields of the change included.
 *    Watchers for whom it is the same change get the same object: the server may share its answer.
 * V3 Access is checked for each event, by the project that it happened in.
 */
import type { ChangeKind } from '../schema/core/change.ts'
import { celledResources, otherCells } from '../services/cells/cells.ts'
import type { EventRow, ResourceType } from '../services/core/event.ts'
import { CloudError, notFound } from '../services/errors.ts'
import { isId } from '../services/id.ts'
import { type Loaders, makeLoaders } from './loaders.ts'
import type { Request } from './request.ts'

export interface ChangeOf<Row> {
  cursor: string
  kind: ChangeKind
  id: string
  row: Row | null
}

interface Watch<Row> {
  resource: ResourceType
  /** Only this one. */
  id?: string | null
  after?: string | null
  /** Whether the caller may see what happened. */
  visible(event: EventRow): boolean
  /** How things are now, page by page: those that the caller may see and asked for. */
  snapshot(): AsyncIterable<Row[]> | Iterable<Row[]>
  load(load: Loaders, id: string): Promise<Row | null>
  /** Whether the caller asked for it; what no longer fits is told as DELETED. */
  fits?(row: Row): boolean
  /** Whether the caller may see it, where the event alone does not tell. */
  maySee?(row: Row): boolean
}

const kinds: Record<string, ChangeKind> = {
  created: 'CREATED',
  updated: 'UPDATED',
  deleted: 'DELETED',
}

export async function* watch<Row extends { id: string }>(
  ctx: Request,
  { resource, id, after, visible, snapshot, load, ...rest }: Watch<Row>,
): AsyncGenerator<ChangeOf<Row>> {
  if (id != null && !isId(id)) throw badId()
  const { fits = () => true, maySee = () => true } = rest
  const only = id?.toLowerCase()
  if (after != null) await ctx.events.check(after)
  const start = after ?? (await ctx.events.head())
  if (!after) {
    let found = 0
    for await (const rows of snapshot()) {
      for (const row of rows) yield { cursor: start, kind: 'SNAPSHOT', id: row.id, row }
      found += rows.length
    }
    if (only && found === 0) {
      if (celledResources.some((one) => one === resource)) otherCells(ctx.cells)
      throw notFound(resource, only)
    }
  }
  const wanted = (event: EventRow): boolean =>
    event.resourceType === resource && (!only || event.resourceId === only) && visible(event)
  let page: object | null = null
  for await (const event of ctx.events.after(start, wanted, ctx.signal)) {
    const kind = kinds[event.type.slice(event.type.indexOf('.') + 1)]
    if (!kind) continue
    ctx.load = sharedLoaders(ctx, event.page)
    if (page !== event.page) {
      // All that the page leads to, in one statement; what fails here fails again below.
      for (const { resourceId } of event.page.events.filter(wanted)) {
        load(ctx.load, resourceId).catch(() => {})
      }
      page = event.page
    }
    const row = kind === 'DELETED' ? null : await load(ctx.load, event.resourceId)
    if (kind === 'DELETED') yield sharedChange<Row>(event, kind, null)
    else if (row && maySee(row)) {
      if (fits(row)) yield sharedChange(event, kind, row)
      else yield { cursor: event.cursor, kind: 'DELETED', id: event.resourceId, row: null }
    }
  }
}

/** The change that an event is, for as long as somebody holds the event. */
const changes = new WeakMap<object, ChangeOf<unknown>>()

/** One object for all watchers who loaded the same row; what differs is nobody else's. */
function sharedChange<Row>(event: EventRow, kind: ChangeKind, row: Row | null): ChangeOf<Row> {
  const known = changes.get(event)
  if (known && known.row === row) return known as ChangeOf<Row>
  const change = { cursor: event.cursor, kind, id: event.resourceId, row }
  changes.set(event, change)
  return change
}

const badId = (): CloudError =>
  new CloudError('BAD_INPUT', 'The id is not one', {
    fields: [{ path: 'id', message: 'must be a UUID' }],
  })

/** One set of loaders for all watchers of a page of events: what they load is as new as the page. */
const loadersOfPages = new WeakMap<object, Loaders>()

function sharedLoaders(ctx: Pick<Request, 'db'>, page: object): Loaders {
  let loaders = loadersOfPages.get(page)
  if (!loaders) loadersOfPages.set(page, (loaders = makeLoaders(ctx.db)))
  return loaders
}

/** Rows of a snapshot read at once. */
const SNAPSHOT_PAGE = 200

/** All rows of a query in order of their ids, a page at a time. */
export async function* pagesOf<Row extends { id: string }>(
  find: (behind: { id?: { gt: string } }, take: number) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let last: string | undefined; ; ) {
    const rows = await find(last ? { id: { gt: last } } : {}, SNAPSHOT_PAGE)
    if (rows.length) yield rows
    if (rows.length < SNAPSHOT_PAGE) return
    last = rows.at(-1)?.id
  }
}
