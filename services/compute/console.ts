/**
 * Consoles: the ticket with which a browser opens one, good once, for one server and its asker.
 *
 * C1 Who may open a console is asked when the ticket is issued, and again when it is used: a token that
 *    was revoked meanwhile opens nothing.
 * C2 The ticket is signed and carries what it opens; only that it was used is kept.
 * C3 Where as many consoles are open as may be, no ticket is issued (console-room.ts); opening one looks again.
 */
import { type CommandInput, command } from '../command.ts'
import type { Actor, Cloud } from '../context.ts'
import { CloudError } from '../errors.ts'
import type { ServerStatus } from './server.states.ts'
import { auditAction, serverFor } from './server-action.ts'

export const consoleKinds = ['VNC', 'SERIAL'] as const
export type ConsoleKind = (typeof consoleKinds)[number]

export interface ServerConsoleCreate extends CommandInput {
  id: string
  kind: ConsoleKind
}

/** Statuses in which there is a machine whose screen could be looked at. */
const withScreen: readonly ServerStatus[] = [
  'ACTIVE',
  'PAUSED',
  'RESCUE',
  'REBOOT',
  'HARD_REBOOT',
  'VERIFY_RESIZE',
  'MIGRATING',
]

/** What a ticket carries of its asker: all by which a token can be revoked. */
type Holder = Pick<
  Actor,
  | 'tokenId'
  | 'userId'
  | 'userDomainId'
  | 'projectId'
  | 'projectDomainId'
  | 'domainId'
  | 'applicationCredentialId'
  | 'trustId'
  | 'trustorUserId'
> & { issuedAt: string; expiresAt: string }

export const serverConsoleCreate = command(
  'compute.server.console',
  async (c, { id, kind }: ServerConsoleCreate): Promise<{ url: string; expiresAt: string }> => {
    const server = await serverFor(c, { id })
    if (!server.host || !withScreen.includes(server.status)) {
      const message = `The server is ${server.status}: it has no console now`
      throw new CloudError('INVALID_STATE', message, { allowedStatuses: [...withScreen] })
    }
    const full = c.consoleRoom.refusal({ ...c.actor, serverId: server.id })
    if (full) throw full
    auditAction(c, server, server.status, { console: kind })
    const object = `console/${server.id}/${kind}/${holderOf(c.actor)}`
    const secret = c.tokens.issueTicket(object, c.at)
    const { expiresAt } = c.tokens.verifyTicket(secret, c.at)
    return { url: `/v1/consoles/${secret}`, expiresAt: expiresAt.toISOString() }
  },
)

const holderOf = (actor: Actor): string => {
  const { tokenId, userId, userDomainId, projectId, projectDomainId, domainId } = actor
  const { applicationCredentialId, trustId, trustorUserId, issuedAt, expiresAt } = actor
  const holder: Holder = {
    ...{ tokenId, userId, userDomainId, projectId, projectDomainId, domainId },
    ...{ applicationCredentialId, trustId, trustorUserId },
    ...{ issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() },
  }
  return Buffer.from(JSON.stringify(holder)).toString('base64url')
}

export interface OpenedConsole {
  serverId: string
  host: string
  kind: ConsoleKind
  userId: string
  projectId: string | null
  /** The console ends with the token that it was asked for with. */
  expiresAt: Date
  /** False once that token is revoked. */
  stillValid(): boolean
}

/** Takes the ticket: what it opens, once. UNAUTHENTICATED for any other; NOT_FOUND without a host. */
export async function consoleOpen(cloud: Cloud, secret: string): Promise<OpenedConsole> {
  const ticket = cloud.tokens.verifyTicket(secret, cloud.now())
  const [what, serverId, kind, held] = ticket.object.split('/')
  const isKind = consoleKinds.some((one) => one === kind)
  if (what !== 'console' || !serverId || !isKind || !held) {
    throw new CloudError('UNAUTHENTICATED', 'The ticket is for something else')
  }
  const holder = JSON.parse(Buffer.from(held, 'base64url').toString()) as Holder
  const actor = {
    ...holder,
    issuedAt: new Date(holder.issuedAt),
    expiresAt: new Date(holder.expiresAt),
  } as Actor
  const stillValid = (): boolean => !cloud.revocations.isRevoked(actor)
  if (!stillValid()) throw new CloudError('UNAUTHENTICATED', 'The token was revoked')
  const { count } = await cloud.db.usedTicket.createMany({
    data: [{ id: ticket.id, expiresAt: ticket.expiresAt }],
    skipDuplicates: true,
  })
  if (count === 0) throw new CloudError('UNAUTHENTICATED', 'The ticket was used before')
  const server = await cloud.db.server.findFirst({
    where: { id: serverId, ...(actor.projectId && { projectId: actor.projectId }) },
    select: { host: { select: { name: true } } },
  })
  if (!server?.host) throw new CloudError('NOT_FOUND', 'The server is on no host now')
  return {
    serverId,
    host: server.host.name,
    kind: kind as ConsoleKind,
    userId: actor.userId,
    projectId: actor.projectId,
    expiresAt: actor.expiresAt,
    stillValid,
  }
}
