/**
 * Identity providers: others who say who users are, by OpenID Connect. Their users live in one domain,
 * which stays, and so does the issuer: another one would take over the users by their subjects.
 *
 * The client secret is sealed and never shown. Disabling or deleting a provider ends the tokens of its
 * users; deleting it takes the memberships back that it gave.
 */
import type { IdentityProvider, Prisma } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { checkMapping, type MappingRule } from './mapping.ts'
import { revoke } from './revocation.ts'
import { seal } from './sealed.ts'

const RULE = 'identity.identity-provider.update'

/** Where the provider sends the browser back to; it follows the public address of the cloud. */
export const callbackPath = (name: string): string => `/v1/sign-in/${name}/callback`

/** The rules as they are stored: only the mapping's own fields, and no nulls. */
export function storedMapping(rules: readonly GivenRule[]): MappingRule[] {
  return rules.map(({ remote, local: { userName, email, groups } }) => ({
    remote: remote.map(({ claim, anyOneOf, notAnyOf, regex }) => ({
      claim,
      ...given({ anyOneOf, notAnyOf, regex }),
    })),
    local: given({ userName, email, groups }),
  }))
}

type Nullable<T> = { [K in keyof T]: T[K] | null }

export interface GivenRule {
  remote: readonly ({ claim: string } & Nullable<Partial<MappingRule['remote'][number]>>)[]
  local: Nullable<MappingRule['local']>
}

/** What is stored in the column, which only these commands write. */
export const mappingOf = ({ mapping }: Pick<IdentityProvider, 'mapping'>): MappingRule[] =>
  mapping as unknown as MappingRule[]

const viewOf = ({
  name,
  description,
  issuer,
  clientId,
  scopes,
  domainId,
  enabled,
  mapping,
}: IdentityProvider) => ({
  name,
  description,
  issuer,
  clientId,
  scopes,
  domainId,
  enabled,
  mapping,
})

/** Without a before it is new, without an after gone. */
export function providerTelling(
  before: IdentityProvider | null,
  after: IdentityProvider | null,
): Telling {
  const { id, name } = (after ?? before) as IdentityProvider
  return telling(null, {
    resourceType: 'identity_provider',
    resourceId: id,
    resourceName: name,
    ...changed(before && viewOf(before), after && viewOf(after)),
  })
}

function checkIssuer(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url?.hostname ?? '')
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)
  if (url && isSafe && !url.search && !url.hash && !url.username && !url.password) return
  throw badInput('issuer', 'must be an https address without query and fragment')
}

/** RFC 6749, 3.3. */
function checkScopes(scopes: readonly string[]): void {
  if (scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) return
  throw badInput('scopes', 'must be words without spaces and quotes')
}

function mappingToStore(rules: readonly GivenRule[]): Prisma.InputJsonValue {
  const mapping = storedMapping(rules)
  const problems = checkMapping(mapping)
  if (problems.length === 0) return mapping as unknown as Prisma.InputJsonValue
  throw new CloudError('BAD_INPUT', `The mapping is wrong: ${problems[0]}`, {
    fields: problems.map((message) => ({ path: 'input.mapping', message })),
  })
}

export interface IdentityProviderCreate extends CommandInput {
  name: string
  description?: string | null
  issuer: string
  clientId: string
  clientSecret?: string | null
  scopes?: string[] | null
  domainId: string
  enabled?: boolean | null
  mapping: GivenRule[]
}

const DEFAULT_SCOPES = ['email', 'profile']

export const identityProviderCreate: (
  ctx: Context,
  input: IdentityProviderCreate,
) => Promise<{ id: string }> = command(RULE, async (c, input) => {
  const { name, description, issuer, clientId, clientSecret, scopes, domainId, enabled } = input
  checkIssuer(issuer)
  checkScopes(scopes ?? [])
  const mapping = mappingToStore(input.mapping)
  if (!(await c.tx.domain.findUnique({ where: { id: domainId } }))) {
    throw notFound('domain', domainId)
  }
  const provider = await orTaken(
    c.tx.identityProvider.create({
      data: {
        id: newId(),
        name,
        issuer,
        clientId,
        // Without one it is a public client: PKCE alone.
        sealedClientSecret: seal(c.sealKeys, clientSecret ?? ''),
        scopes: scopes ?? DEFAULT_SCOPES,
        domainId,
        mapping,
        ...given({ description, enabled }),
        createdAt: c.at,
        updatedAt: c.at,
      },
    }),
    'identity provider',
    name,
  )
  await tell(c, providerTelling(null, provider))
  return { id: provider.id }
})

export interface IdentityProviderUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  description?: string | null
  clientId?: string | null
  clientSecret?: string | null
  scopes?: string[] | null
  enabled?: boolean | null
  mapping?: GivenRule[] | null
}

async function findProvider(c: Command, id: string): Promise<IdentityProvider> {
  const provider = await c.tx.identityProvider.findUnique({ where: { id } })
  if (!provider) throw notFound('identity provider', id)
  return provider
}

export const identityProviderUpdate: (
  ctx: Context,
  input: IdentityProviderUpdate,
) => Promise<{ id: string }> = command(RULE, async (c, input) => {
  const { id, ifVersion, description, clientId, clientSecret, scopes, enabled, mapping } = input
  const before = await findProvider(c, id)
  checkVersion(before, ifVersion)
  checkScopes(scopes ?? [])
  const data = {
    ...given({ description, clientId, scopes, enabled }),
    ...(mapping && { mapping: mappingToStore(mapping) }),
    ...(clientSecret != null && { sealedClientSecret: seal(c.sealKeys, clientSecret) }),
  }
  await updateRow(c.tx.identityProvider, before, data, c.at)
  if (enabled === false && before.enabled) {
    await revoke(c, 'user', await usersOf(c, id))
    await keepAnAdministrator(c)
  }
  await tell(c, providerTelling(before, await findProvider(c, id)))
  return { id }
})

/** Who signed in through it once. */
async function usersOf(c: Command, identityProviderId: string): Promise<string[]> {
  const identities = await c.tx.federatedIdentity.findMany({ where: { identityProviderId } })
  return [...new Set(identities.map(({ userId }) => userId))]
}

/** Its users stay, without a way in unless they have another. */
export const identityProviderDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command(RULE, async (c, { id, ifVersion }) => {
  const provider = await findProvider(c, id)
  checkVersion(provider, ifVersion)
  const userIds = await usersOf(c, id)
  await c.tx.groupMember.deleteMany({ where: { userId: { in: userIds }, federated: true } })
  await c.tx.identityProvider.delete({ where: { id } })
  await revoke(c, 'user', userIds)
  await keepAnAdministrator(c)
  await tell(c, providerTelling(provider, null))
  return { id }
})
