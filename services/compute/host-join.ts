/**
 * How a host joins: with a token that is good once, for which it leaves its public key. What it
 * reports from then on is signed, so that no other host can speak for it.
 *
 * J1 A join token is kept only as its hash, and names at most one host.
 * J2 A name that is in the cloud with a key of its own is not given again, unless the token was made
 *    for that very name: a host that was installed anew.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto'
import { type CommandInput, command } from '../command.ts'
import type { Cloud, Tx } from '../context.ts'
import { auditSuccess } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { hostEvent } from './host.ts'

export const DEFAULT_JOIN_SECONDS = 3600
export const MAX_JOIN_SECONDS = 7 * 24 * 3600
/** As the setting hostName has it. */
export const HOST_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/

export interface HostJoinTokenCreate extends CommandInput {
  /** The only name that may join with it; null: any new one. */
  hostName?: string | null
  validSeconds?: number | null
  /** The name of the cell that the host will be in; null: the first one. */
  cell?: string | null
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

export const hostJoinTokenCreate = command(
  'compute.host.join',
  async (c, input: HostJoinTokenCreate): Promise<{ secret: string; expiresAt: string }> => {
    // Among several cells the command goes to the one that is named.
    const name = input.cell
    if (name && !c.cells && !(await c.tx.cell.findUnique({ where: { name } }))) {
      throw notFound('cell', name)
    }
    const id = newId()
    const secret = randomBytes(32).toString('base64url')
    const hostName = input.hostName ?? null
    const seconds = input.validSeconds ?? DEFAULT_JOIN_SECONDS
    const expiresAt = new Date(c.at.getTime() + seconds * 1000)
    const { userId } = c.actor
    const data = { id, hash: hashOf(secret), hostName, userId, expiresAt, createdAt: c.at }
    await c.tx.hostJoinToken.deleteMany({ where: { expiresAt: { lt: c.at } } })
    await c.tx.hostJoinToken.create({ data })
    c.audit({
      resourceType: 'host',
      resourceId: id,
      resourceName: hostName,
      after: { joinToken: true, hostName, expiresAt: expiresAt.toISOString() },
    })
    return { secret, expiresAt: expiresAt.toISOString() }
  },
)

export interface HostAdmission {
  secret: string
  hostName: string
  /** Ed25519, PEM (SubjectPublicKeyInfo, RFC 8410). */
  publicKey: string
}

/** Whether the token was made in this database. */
export const isWordOf = async ({ db }: Pick<Cloud, 'db'>, secret: string): Promise<boolean> =>
  (await db.hostJoinToken.count({ where: { hash: hashOf(secret) } })) > 0

/**
 * Lets a host in for its join token. UNAUTHENTICATED when that is not good, BAD_INPUT when the name or the
 * key is not, CONFLICT when the name is taken.
 */
export async function hostAdmit(
  cloud: Pick<Cloud, 'db' | 'now'>,
  { secret, hostName, publicKey }: HostAdmission,
  from: { requestId: string; address: string | null },
): Promise<void> {
  if (!HOST_NAME.test(hostName)) throw badField('name', 'must be the name of a host')
  const key = canonicalKey(publicKey)
  const at = cloud.now()
  await cloud.db.$transaction(async (tx) => {
    const [token] = await tx.$queryRaw<{ id: string; hostName: string | null }[]>`
      update compute.host_join_token set used_at = ${at}
      where hash = ${hashOf(secret)} and used_at is null and expires_at > ${at}
        and coalesce(host_name, ${hostName}) = ${hostName}
      returning id, host_name as "hostName"`
    if (!token) {
      throw new CloudError(
        'UNAUTHENTICATED',
        'The join token is wrong, expired, used, or for another name',
      )
    }
    const id = await hostTrust(tx, hostName, key, { at, mayReplace: token.hostName === hostName })
    const doing = { action: 'compute.host.join', actor: null, ...from }
    const entry = { resourceType: 'host' as const, resourceId: id, resourceName: hostName }
    await auditSuccess(tx, doing, [{ ...entry, after: { joined: true } }])
  })
}

/** Writes down the public key (PEM) of a host; its id. CONFLICT when the host has another and `mayReplace` is false. */
export async function hostTrust(
  tx: Tx,
  name: string,
  publicKey: string,
  { at, mayReplace }: { at: Date; mayReplace: boolean },
): Promise<string> {
  const [known] = await tx.$queryRaw<{ id: string; publicKey: string | null }[]>`
    select id, public_key as "publicKey" from compute.host where name = ${name} for update`
  if (known && known.publicKey !== publicKey) {
    // Also of one without a key: who has a token for any name may not become the host that is there.
    if (!mayReplace) {
      const message = `There is a host ${name} with another key already: use a token that was made for it`
      throw new CloudError('CONFLICT', message)
    }
    await tx.host.update({ where: { id: known.id }, data: { publicKey, updatedAt: at } })
  }
  if (known) return known.id
  const id = newId()
  const status = { driver: 'none', status: 'DOWN' }
  await tx.host.create({ data: { id, name, ...status, publicKey, createdAt: at, updatedAt: at } })
  await emit(tx, hostEvent(id, 'created'))
  return id
}

function canonicalKey(pem: string): string {
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('of another kind')
    return key.export({ type: 'spki', format: 'pem' }).toString()
  } catch (cause) {
    const error = badField('publicKey', 'must be an Ed25519 public key in PEM')
    throw Object.assign(error, { cause })
  }
}

const badField = (path: string, message: string): CloudError =>
  new CloudError('BAD_INPUT', `The ${path} ${message}`, { fields: [{ path, message }] })
