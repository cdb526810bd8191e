/** Domains: containers of projects, users and groups, and the boundary of their managers. */
import type { Domain, Prisma } from '../../prisma/generated/client.ts'
import type { Reach } from '../access/allow.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { type Telling, tell, telling } from '../core/tell.ts'
import { notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, given, orTaken, updateRow } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { named } from './name.ts'
import { revoke } from './revocation.ts'

/** The domains that somebody of this reach sees. */
export const domainsWithin = ({ domainId, projectId, userId }: Reach): Prisma.DomainWhereInput => ({
  ...(domainId && { id: domainId }),
  ...(projectId && { projects: { some: { id: projectId } } }),
  ...(userId && { users: { some: { id: userId } } }),
})

/** A domain within the reach of the command. Throws NOT_FOUND. */
export async function findDomain(c: Command, id: string): Promise<Domain> {
  const domain = await c.tx.domain.findFirst({ where: { AND: [{ id }, domainsWithin(c.reach)] } })
  if (!domain) throw notFound('domain', id)
  return domain
}

const viewOf = ({ name, description, enabled }: Domain) => ({ name, description, enabled })

/** Without a before it is new, without an after gone. */
export function domainTelling(before: Domain | null, after: Domain | null): Telling {
  const { id, name } = (after ?? before) as Domain
  return telling(id, {
    resourceType: 'domain',
    resourceId: id,
    resourceName: name,
    domainId: id,
    ...changed(before && viewOf(before), after && viewOf(after)),
  })
}

export interface DomainCreate extends CommandInput {
  name: string
  description?: string | null
  enabled?: boolean | null
}

export const domainCreate: (ctx: Context, input: DomainCreate) => Promise<{ id: string }> = command(
  'identity.domain.create',
  async (c, { name, description, enabled }) => {
    const domain = await orTaken(
      c.tx.domain.create({
        data: {
          id: newId(),
          ...named(name),
          ...given({ description, enabled }),
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'domain',
      name,
    )
    await tell(c, domainTelling(null, domain))
    return { id: domain.id }
  },
)

export interface DomainUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  name?: string | null
  description?: string | null
  enabled?: boolean | null
}

/** Disabling ends every token of its users and for its projects, and the watches that hang on them. */
export const domainUpdate: (ctx: Context, input: DomainUpdate) => Promise<{ id: string }> = command(
  'identity.domain.update',
  async (c, { id, ifVersion, name, description, enabled }) => {
    const before = await findDomain(c, id)
    checkVersion(before, ifVersion)
    const data = { ...(name && named(name)), ...given({ description, enabled }) }
    await orTaken(updateRow(c.tx.domain, before, data, c.at), 'domain', name ?? before.name)
    if (enabled === false && before.enabled) {
      await revoke(c, 'domain', [id])
      await keepAnAdministrator(c)
    }
    await tell(c, domainTelling(before, await c.tx.domain.findUniqueOrThrow({ where: { id } })))
    return { id }
  },
)
