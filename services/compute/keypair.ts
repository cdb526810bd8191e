/**
 * Key pairs: public keys that servers let in; a user's own, whatever the project. A private half is made
 * on demand, shown once and never kept. A server has its copy of the key: deleting the pair changes no
 * server.
 */
import type { Keypair, Prisma } from '../../prisma/generated/client.ts'
import { allow, type Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { tell } from '../core/tell.ts'
import { CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { shownOnce } from '../identity/delegation.ts'
import { keypairTelling } from '../identity/grants.ts'
import { userLimit } from '../identity/quota.ts'
import { orTaken } from '../versioned.ts'
import { makeKeyPair, type PublicKey, parsePublicKey } from './keypair-key.ts'

export const keypairsWithin = ({
  domainId,
  projectId,
  userId,
}: Reach): Prisma.KeypairWhereInput => ({
  ...(domainId && { user: { domainId } }),
  // A rule for whole projects, if an operator writes one: those who have a role there.
  ...(projectId && { user: { roleAssignments: { some: { projectId } } } }),
  ...(userId && { userId }),
})

/** Of one user; registered as `compute.keypairs`. */
const LIMIT = 'compute.keypairs'

async function add(c: Command, name: string, key: PublicKey): Promise<Keypair> {
  const { userId } = c.actor
  // One after the other, so that nobody gets past the limit by asking twice at once.
  await c.tx.$executeRaw`select from identity."user" where id = ${userId}::uuid for no key update`
  const [used, limit] = [
    await c.tx.keypair.count({ where: { userId } }),
    await userLimit(c.tx, c.region, LIMIT),
  ]
  if (limit >= 0 && used >= limit) {
    throw new CloudError('QUOTA_EXCEEDED', `A user may have ${limit} key pairs: delete some`, {
      resource: LIMIT,
      limit,
      used,
      requested: 1,
    })
  }
  const { publicKey, fingerprint } = key
  const keypair = await orTaken(
    c.tx.keypair.create({
      data: {
        id: newId(),
        userId,
        name,
        publicKey,
        fingerprint,
        createdAt: c.at,
        updatedAt: c.at,
      },
    }),
    'key pair',
    name,
  )
  await tell(c, keypairTelling('created', keypair, c.actor.userDomainId))
  return keypair
}

/** Makes both halves; the private one is in this answer only. */
export const keypairCreate = (
  ctx: Context,
  input: CommandInput & { name: string },
): Promise<{ id: string; secret: string | null }> =>
  shownOnce(ctx, input, 'compute.keypair.create', async (c, { name }) => {
    const { privateKey, ...half } = makeKeyPair(name)
    return { id: (await add(c, name, half)).id, secret: privateKey }
  })

export interface KeypairImport extends CommandInput {
  name: string
  publicKey: string
}

export const keypairImport: (ctx: Context, input: KeypairImport) => Promise<{ id: string }> =
  command(
    'compute.keypair.create',
    async (c, { name, publicKey }) => ({
      id: (await add(c, name, parsePublicKey(publicKey))).id,
    }),
    'compute.keypair.import',
  )

export const keypairDelete: (
  ctx: Context,
  input: CommandInput & { id: string },
) => Promise<{ id: string }> = command('compute.keypair.delete', async (c, { id }) => {
  const keypair = await c.tx.keypair.findFirst({
    where: { AND: [{ id }, keypairsWithin(c.reach)] },
    include: { user: true },
  })
  if (!keypair) throw notFound('key pair', id)
  allow(c, c.rule, { user_id: keypair.userId })
  const { count } = await c.tx.keypair.deleteMany({ where: { id } })
  if (count === 0) throw notFound('key pair', id)
  await tell(c, keypairTelling('deleted', keypair, keypair.user.domainId))
  return { id }
})

/** The caller's own, by name: what a new server is given. */
export async function ownKeypair(c: Command, name: string): Promise<Keypair> {
  const keypair = await c.tx.keypair.findUnique({
    where: { userId_name: { userId: c.actor.userId, name } },
  })
  if (keypair) return keypair
  const message = `You have no key pair ${name}`
  throw new CloudError('NOT_FOUND', message, {
    fields: [{ path: 'input.keypairName', message: 'is not the name of a key pair of yours' }],
  })
}
