import type { Logger } from 'pino'
import type { Prisma, PrismaClient } from '../prisma/generated/client.ts'
import type { Policy } from './access/policy.ts'
import type { Cells, Home } from './cells/cells.ts'
import type { ConsoleRoom } from './compute/console-room.ts'
import type { Placer } from './compute/placement-placer.ts'
import type { EventPage, EventRow } from './core/event.ts'
import type { PasswordRules } from './identity/password-rules.ts'
import type { Revocations } from './identity/revocation.ts'
import type { SealKeys } from './identity/sealed.ts'
import type { TokenProvider } from './identity/token.ts'

export type Db = PrismaClient
/** The client inside a transaction. */
export type Tx = Prisma.TransactionClient

/** How somebody signed in, in Keystone's words. */
export type SignInMethod =
  | 'password'
  | 'token'
  | 'totp'
  | 'application_credential'
  | 'trust'
  | 'openid'

/** Who asks, as the token says. */
export interface Actor {
  tokenId: string
  userId: string
  userName: string
  userDomainId: string
  /** At most one scope: a project, a domain, the system. None: the token is unscoped. */
  projectId: string | null
  projectName: string | null
  projectDomainId: string | null
  domainId: string | null
  system: boolean
  /** Role names, implied ones included. */
  roles: readonly string[]
  /** True when the scope is the operator's own project: `admin` there means the whole cloud. */
  operator: boolean
  methods: readonly SignInMethod[]
  applicationCredentialId: string | null
  /** Access rules that the token is good for, with `*`; null: all. */
  accessRules: readonly string[] | null
  trustId: string | null
  /** Who gave the trust. */
  trustorUserId: string | null
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
  /** The access rules as they are now: operators may change them while we run. */
  readonly policy: Policy
  tokens: TokenProvider
  sealKeys: SealKeys
  revocations: Revocations
  /** How long a token is good, in seconds. */
  tokenTtlSeconds: number
  passwordRules: PasswordRules
  /** The region that this control plane is. */
  region: string
  events: EventSource
  /** Where servers would go. */
  placement: Placer
  consoles: HostConsoles
  /** How many consoles may still be opened in this process. */
  consoleRoom: ConsoleRoom
  compute: ComputeSettings
  /** Null where all is in one database. */
  cells: Cells | null
  /** Of what runs in another cell than home; null at home. */
  home: Home | null
}

/** Settings of compute that commands and sweeps go by. */
export interface ComputeSettings {
  /** How long deleted servers can be restored; 0: they are deleted at once. */
  softDeleteSeconds: number
  /** What was resized or migrated is confirmed by itself after so long; 0: never. */
  resizeConfirmSeconds: number
}

/** What hosts tell of the consoles of their servers; null while a host can't be reached. */
export interface HostConsoles {
  /** The last lines of the serial console. */
  log(host: string, serverId: string, lines: number): Promise<string | null>
  /** The screen: a PNG, in base64. */
  screenshot(host: string, serverId: string): Promise<string | null>
}

/** Events as they become visible, in order, without a gap. */
export interface EventSource {
  /** The cursor of now. */
  head(): Promise<string>
  /** CURSOR_EXPIRED or BAD_INPUT when what came after it can't be told. */
  check(cursor: string): Promise<void>
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
  /** Where the request came from, as far as is known. */
  address: string | null
}
