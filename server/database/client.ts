/**
 * The way to the database: Prisma's client and plain pg over one pool, so that both are counted,
 * limited and closed together.
 *
 * C1 Every statement that reaches the server passes `onQuery`, BEGIN and COMMIT included.
 * C2 Statements are prepared once per connection under a name made from their text. The number of
 *    names is bounded: an `in` list has another text for each length, and every name costs memory
 *    in every session.
 */
import { createHash } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../prisma/generated/client.ts'

const POOL_SIZE = 16
const CONNECT_TIMEOUT_MS = 10_000
const IDLE_CONNECTION_MS = 30_000
const STATEMENT_TIMEOUT_MS = 30_000
const LOCK_TIMEOUT_MS = 10_000
const IDLE_TRANSACTION_MS = 60_000
const MAX_NAMED_STATEMENTS = 300

export interface DatabaseOptions {
  url: string
  /** Connections at most. Default 16. */
  poolSize?: number
  /** Default 30 s. A statement that runs longer is cancelled by the server. */
  statementTimeoutMs?: number
  /** Default 10 s. */
  lockTimeoutMs?: number
  /** Shown by the server as the name of our sessions. */
  applicationName?: string
  /** Told of every statement when it has ended, failed ones too. */
  onQuery?: (sql: string, ms: number) => void
  /** Told when an idle connection broke. The pool replaces it by itself. */
  onConnectionError?: (error: Error) => void
}

export interface Database {
  prisma: PrismaClient
  pool: pg.Pool
  /** Waits for what is running, then closes every connection. */
  close(): Promise<void>
}

/** Opens the database lazily: the first statement connects. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize ?? POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    lock_timeout: options.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
    application_name: options.applicationName ?? 'nephograph',
  })
  const { onQuery } = options
  if (onQuery) pool.on('connect', (client) => observe(client, onQuery))
  // Without a listener a connection that breaks while idle would end the process...
  pool.on('error', (error) => options.onConnectionError?.(error))
  // ...and so would one that breaks just when it is handed out: for a moment it is nobody's.
  pool.on('connect', (client) => client.on('error', () => {}))
  const adapter = new PrismaPg(pool, { statementNameGenerator: statementNames() })
  const prisma = new PrismaClient({ adapter })
  const close = async () => {
    await prisma.$disconnect()
    await pool.end()
  }
  return { prisma, pool, close }
}

/** Gives each of the first so many texts its name, and the rest none. */
function statementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= MAX_NAMED_STATEMENTS) return ''
    const name = createHash('sha1').update(sql).digest('base64url')
    names.set(sql, name)
    return name
  }
}

type Submit = (config: unknown, values?: unknown, callback?: unknown) => unknown

/** Prisma calls `query` for a promise, the pool with a callback, second or third. */
function observe(client: pg.PoolClient, onQuery: (sql: string, ms: number) => void): void {
  const target = client as unknown as { query: Submit }
  const submit = target.query.bind(client)
  target.query = (config, values, callback) => {
    const began = performance.now()
    const done = () => onQuery(textOf(config), performance.now() - began)
    const reporting = (listener: unknown) => {
      if (typeof listener !== 'function') return listener
      return (...answer: unknown[]) => {
        done()
        listener(...answer)
      }
    }
    const result = submit(config, reporting(values), reporting(callback))
    if (result instanceof Promise) result.then(done, done)
    return result
  }
}

function textOf(config: unknown): string {
  if (typeof config === 'string') return config
  const text = (config as { text?: unknown } | null)?.text
  return typeof text === 'string' ? text : ''
}
