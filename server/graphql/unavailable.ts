/**
 * Tells a lost dependency from a defect: the same request may succeed when the database or the
 * broker is back. Looks through the whole chain of causes, because Prisma wraps what its adapter
 * wrapped around what node said.
 */

/**
 * Prisma: can't reach, timed out, connection closed, no free connection, a transaction that took too long,
 * too many connections.
 */
const PRISMA_CODES = new Set([
  'P1001',
  'P1002',
  'P1008',
  'P1011',
  'P1017',
  'P2024',
  'P2028',
  'P2037',
])

/** The `kind`s of @prisma/driver-adapter-utils that are about the connection. */
const ADAPTER_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TlsConnectionError',
])

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * SQLSTATE: class 08 (connection), 53300 (too many), 55P03 (a lock that did not come), 57014 (a statement
 * that took too long), 57P01..57P03 (shutting down, starting).
 */
const SQLSTATE = /^(08\w{3}|53300|55P03|57014|57P0[123])$/

/** What `pg` and `amqplib` say without a code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Channel closed|Connection closed)/

/** A chain of causes is followed so far; a longer one is a loop. */
const CHAIN_MAX = 12

export function isUnavailable(error: unknown): boolean {
  const waiting: unknown[] = [error]
  for (let seen = 0; waiting.length > 0 && seen < CHAIN_MAX; seen++) {
    const one = waiting.shift()
    if (typeof one !== 'object' || one === null) continue
    if (saysUnavailable(one)) return true
    waiting.push(...causesOf(one))
  }
  return false
}

function saysUnavailable(error: object): boolean {
  const code = field(error, 'code') ?? field(error, 'errorCode') ?? field(error, 'originalCode')
  if (typeof code === 'string') {
    if (PRISMA_CODES.has(code) || SOCKET_CODES.has(code) || SQLSTATE.test(code)) return true
    // The embedded database listens on a socket file; when it is down the file is missing.
    if (code === 'ENOENT' && field(error, 'syscall') === 'connect') return true
  }
  const kind = field(error, 'kind')
  if (typeof kind === 'string' && ADAPTER_KINDS.has(kind)) return true
  if (field(error, 'name') === 'PrismaClientInitializationError') return true
  const message = field(error, 'message')
  return typeof message === 'string' && MESSAGES.test(message)
}

function causesOf(error: object): unknown[] {
  const meta = field(error, 'meta')
  const many = field(error, 'errors')
  return [
    field(error, 'cause'),
    field(error, 'originalError'),
    typeof meta === 'object' && meta !== null ? field(meta, 'driverAdapterError') : undefined,
    ...(Array.isArray(many) ? many.slice(0, CHAIN_MAX) : []),
  ]
}

const field = (value: object, name: string): unknown => (value as Record<string, unknown>)[name]
