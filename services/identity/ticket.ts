/** Tickets: what an agent gets instead of a token. Each opens one object, once, for some minutes. */
import type { Cloud } from '../context.ts'
import { CloudError } from '../errors.ts'

const TICKET = /^Ticket +(\S+) *$/i

/** The ticket of a request's `Authorization` header; null when there is none. */
export function ticketOf(authorization: string | undefined): string | null {
  return TICKET.exec(authorization ?? '')?.[1] ?? null
}

/** Uses a ticket up; UNAUTHENTICATED when it is forged, over, for something else, or was used. */
export async function ticketUse(
  { db, tokens, now }: Pick<Cloud, 'db' | 'tokens' | 'now'>,
  secret: string,
  object: string,
): Promise<void> {
  const ticket = tokens.verifyTicket(secret, now())
  if (ticket.object !== object) {
    throw new CloudError('UNAUTHENTICATED', 'The ticket is for something else')
  }
  const { count } = await db.usedTicket.createMany({
    data: [{ id: ticket.id, expiresAt: ticket.expiresAt }],
    skipDuplicates: true,
  })
  if (count === 0) throw new CloudError('UNAUTHENTICATED', 'The ticket was used before')
}
