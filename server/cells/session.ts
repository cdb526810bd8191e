/** Sessions with the databases of home and of a cell, for the time that a command takes. */
import pg from 'pg'

const CONNECT_TIMEOUT_MS = 10_000
/** Making a slot waits for the transactions that are open at home. */
const STATEMENT_TIMEOUT_MS = 60_000

export async function inSession<T>(
  url: string,
  what: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'nepho cell',
  })
  // A lost connection also rejects the statement at hand.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    await client.end().catch(() => {})
    throw new Error(`the database of ${what} could not be reached`, { cause })
  }
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export async function rowOf<R extends pg.QueryResultRow>(
  client: pg.Client,
  sql: string,
  values: readonly unknown[] = [],
): Promise<R | undefined> {
  return (await client.query<R>(sql, [...values])).rows[0]
}

/** Whether both are sessions with one database. */
export async function areSame(a: pg.Client, b: pg.Client): Promise<boolean> {
  const sql = `select pg_postmaster_start_time()::text || ' ' || oid as which
               from pg_database where datname = current_database()`
  const [one, other] = [await rowOf<{ which: string }>(a, sql), await rowOf(b, sql)]
  return one?.which === other?.which
}
