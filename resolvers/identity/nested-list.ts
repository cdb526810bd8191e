/** A connection that hangs on a row: its first page comes from loaders, later ones from the list itself. */
import type { PageOf } from '../../schema/connection.ts'
import { type PageRequest, pageOf } from '../page.ts'
import type { Nested } from './people-loaders.ts'

export async function nestedPage<Row extends { id: string }, Found extends { id: string }>(
  { first, count }: Nested<Found>,
  ownerId: string,
  page: PageRequest,
  rows: {
    /** What the list is in the database, behind the first page. */
    source: object
    where: object
    /** The rows that were found: all at once. */
    load(found: Found[]): Promise<Row[]>
  },
): Promise<PageOf<Row>> {
  if (page.after) return pageOf<Row>(rows.source, rows.where, page)
  const source = {
    $name: '$name' in rows.source ? rows.source.$name : '',
    findMany: async () => rows.load(await first.load({ id: ownerId, take: page.first + 1 })),
    count: () => count.load(ownerId),
  }
  return pageOf<Row>(source, rows.where, page)
}
