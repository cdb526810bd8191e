/**
 * What a new server may be given beyond name, size and image: checked, and turned into columns. Secrets
 * among it are sealed here and nowhere else.
 */
import type { Prisma } from '../../prisma/generated/client.ts'
import { allow, may } from '../access/allow.ts'
import type { Command } from '../command.ts'
import { badInput, notFound } from '../errors.ts'
import { seal } from '../identity/sealed.ts'
import { checkZone } from './availability-zone.ts'
import { ownKeypair } from './keypair.ts'
import { checkHinted } from './placement-request.ts'
import { joinGroup } from './server-group.ts'
import { checkedTags, checkMetadata } from './server-words.ts'

export interface ServerOptions {
  description?: string | null
  metadata?: Record<string, string> | null
  tags?: string[] | null
  /** The name of a key pair of the caller. */
  keypairName?: string | null
  /** Base64. */
  userData?: string | null
  configDrive?: boolean | null
  adminPassword?: string | null
  /** A zone; for operators also `zone:host`. */
  availabilityZone?: string | null
  hostId?: string | null
  groupId?: string | null
  hints?: { sameHost?: string[] | null; differentHost?: string[] | null } | null
}

/** Nova's: of the base64. */
const MAX_USER_DATA_CHARACTERS = 65_535
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const MAX_HINTED = 50

type Columns = Pick<
  Prisma.ServerUncheckedCreateInput,
  | 'description'
  | 'metadata'
  | 'tags'
  | 'keypairName'
  | 'publicKey'
  | 'userData'
  | 'configDrive'
  | 'adminPassword'
  | 'availabilityZone'
  | 'groupId'
  | 'hints'
>

/** The columns, and the only host that it may go to. */
export async function optionsOf(
  c: Command,
  projectId: string,
  input: ServerOptions,
  /** Servers that are made so. */
  count: number,
): Promise<{ columns: Columns; onlyHost: string | null }> {
  const { description, metadata, adminPassword, keypairName, groupId } = input
  if (metadata) checkMetadata(metadata)
  const keypair = keypairName ? await ownKeypair(c, keypairName) : null
  const userData = userDataOf(input.userData)
  const place = await placeOf(c, input)
  if (groupId) await joinGroup(c, projectId, groupId, count)
  const told = keypair || userData || adminPassword || Object.keys(metadata ?? {}).length > 0
  const columns: Columns = {
    description: description ?? null,
    metadata: metadata ?? {},
    tags: checkedTags(input.tags ?? []),
    keypairName: keypair?.name ?? null,
    publicKey: keypair?.publicKey ?? null,
    userData,
    // Guests have no metadata network yet: without a drive they would never hear of it.
    configDrive: input.configDrive ?? Boolean(told),
    adminPassword: adminPassword ? seal(c.sealKeys, adminPassword) : null,
    availabilityZone: place.zone,
    groupId: groupId ?? null,
    hints: await hintsOf(c, projectId, input.hints),
  }
  return { columns, onlyHost: place.host }
}

/**
 * User data as it is stored: base64 without line breaks. BAD_INPUT when it is not, or longer than
 * Nova takes.
 */
export function userDataOf(given: string | null | undefined): string | null {
  if (!given) return null
  const text = given.replaceAll(/[\r\n]/g, '')
  if (text.length > MAX_USER_DATA_CHARACTERS) {
    throw badInput('userData', `must have at most ${MAX_USER_DATA_CHARACTERS} characters of base64`)
  }
  if (!BASE64.test(text)) throw badInput('userData', 'must be base64')
  return text
}

/** `zone`, `zone:host`, `:host` or a host's id. To say the host takes a rule of its own. */
async function placeOf(
  c: Command,
  { availabilityZone, hostId }: ServerOptions,
): Promise<{ zone: string | null; host: string | null }> {
  const [zone = '', ...rest] = (availabilityZone ?? '').split(':')
  const hostName = rest.join(':')
  if (zone) await checkZone(c.tx, zone, c.placement.settings)
  if (!hostName && !hostId) return { zone: zone || null, host: null }
  allow(c, 'compute.server.create-on-host', { project_id: c.actor.projectId })
  const host = await c.tx.host.findFirst({
    where: { ...(hostName && { name: hostName }), ...(hostId && { id: hostId }) },
    select: { name: true },
  })
  if (!host) throw notFound('host', hostName || (hostId ?? ''))
  return { zone: zone || null, host: host.name }
}

/** Other servers of the project; operators may name anybody's. */
async function hintsOf(
  c: Command,
  projectId: string,
  given: ServerOptions['hints'],
): Promise<{ sameHost?: string[]; differentHost?: string[] }> {
  const hints: { sameHost?: string[]; differentHost?: string[] } = {}
  const everywhere = may(c, 'compute.server.list-all', {})
  for (const name of ['sameHost', 'differentHost'] as const) {
    const ids = [...new Set(given?.[name] ?? [])]
    if (ids.length === 0) continue
    if (ids.length > MAX_HINTED)
      throw badInput(`hints.${name}`, `takes at most ${MAX_HINTED} servers`)
    await checkHinted(c.tx, ids, everywhere ? null : projectId)
    hints[name] = ids
  }
  return hints
}
