/** Rows with a version: changed only as they were seen, and named only once. */
import { CloudError } from './errors.ts'

interface Versioned {
  id: string
  version: number
}

/** CONFLICT when the caller's picture of the row is not the row any more. */
export function checkVersion(row: Versioned, ifVersion: number | null | undefined): void {
  if (ifVersion == null || ifVersion === row.version) return
  throw new CloudError('CONFLICT', `It is at version ${row.version} now, not ${ifVersion}`)
}

/** Writes the change if the row still is as it was read; otherwise CONFLICT. */
export async function updateRow(
  table: { updateMany(args: { where: object; data: object }): Promise<{ count: number }> },
  row: Versioned,
  data: object,
  at: Date,
): Promise<void> {
  const { count } = await table.updateMany({
    where: { id: row.id, version: row.version },
    data: { ...data, updatedAt: at, version: { increment: 1 } },
  })
  if (count === 0) throw new CloudError('CONFLICT', 'It changed meanwhile: look again')
}

/** Turns the database's word about a name that is taken into ours. */
export async function orTaken<T>(work: Promise<T>, what: string, name: string): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'P2002') throw cause
    const article = /^(?!user)[aeio]/i.test(what) ? 'an' : 'a'
    const message = `There is ${article} ${what} ${name} already`
    throw new CloudError('CONFLICT', message, undefined, { cause })
  }
}

/** What of an input was given: null and undefined both mean that it stays as it is. */
export const given = <T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }

/** The same of what a row may be without: the empty text takes it away. */
export const givenOrNone = <T extends Record<string, string | null | undefined>>(
  values: T,
): { [K in keyof T]?: string | null } =>
  Object.fromEntries(
    Object.entries(given(values)).map(([name, value]) => [name, value || null]),
  ) as {
    [K in keyof T]?: string | null
  }
