import type { Logger } from 'pino'
import type { Prisma, PrismaClient } from '../prisma/generated/client.ts'
import type { EventPage, EventRow } from './core/event.ts'
import type { Revocations } from './identity/revocation.ts'
import type { TokenKeys } from './identity/token.ts'

export type Db = PrismaClient
/** The client inside a transaction. */
export type Tx = Prisma.TransactionClient

/** Who asks, as the token says. */
export interface Actor {
  tokenId: string
  userId: string
  userName: string
  /** Null for an unscoped token. */
  projectId: string | null
  projectName: string | null
  /** Role names, implied ones included. */
  roles: readonly string[]
  /** True when the scope is the operator's own project: `admin` there means the whole cloud. */
  operator: boolean
  issuedAt: Date
  expiresAt: Date
}

/** An actor whose token is for a project. */
export type ProjectActor = Actor & { projectId: string }

/** What lives as long as the process. */
export interface Cloud {
  db: Db
  log: Logger
  now: () => Date
  /** Wakes the conductor for a task whose row is committed. Losing the ring only costs time. */
  ring: (taskId: string) => void
  keys: TokenKeys
  revocations: Revocations
  /** How long a token is good, in seconds. */
  tokenTtlSeconds: number
  events: EventSource
  /** Reads a serial console from the host; null while the host can't be reached. */
  consoleLog: (host: string, serverId: string, lines: number) => Promise<string | null>
}

/** Events as they become visible, in order, without a gap. */
export interface EventSource {
  /** Those after the cursor, for ever; ends when the signal does. Each carries the page it came with. */
  after(
    cursor: string,
    wanted: (event: EventRow) => boolean,
    signal: AbortSignal,
  ): AsyncIterable<EventRow & { page: EventPage }>
}

/** What a request carries: handed down, never imported. */
export interface Context extends Cloud {
  actor: Actor | null
  requestId: string
}
