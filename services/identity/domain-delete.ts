/** Deleting a domain, with the people, roles and identity providers that are its own. */
import { type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { type Telling, tell } from '../core/tell.ts'
import { CloudError } from '../errors.ts'
import { checkVersion } from '../versioned.ts'
import { keepAnAdministrator } from './administrators.ts'
import { domainTelling, findDomain } from './domain.ts'
import { grantsGone } from './grants.ts'
import { groupGone } from './group.ts'
import { providerTelling } from './identity-provider.ts'
import { revoke } from './revocation.ts'
import { roleGone } from './role.ts'
import { userTelling } from './user.ts'

const MAX_LISTED = 50

/** Only when disabled, as in Keystone, and only when no project is left. Its users and groups go with it. */
export const domainDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('identity.domain.delete', async (c, { id, ifVersion }) => {
  const domain = await findDomain(c, id)
  checkVersion(domain, ifVersion)
  if (domain.enabled) {
    throw new CloudError('INVALID_STATE', 'Disable the domain first: it is enabled', {
      allowedStatuses: ['disabled'],
    })
  }
  const projects = await c.tx.project.findMany({ where: { domainId: id }, take: MAX_LISTED })
  if (projects.length > 0) {
    throw new CloudError('IN_USE', 'There are projects in the domain: delete them first', {
      resources: projects.map((project) => ({
        type: 'project',
        id: project.id,
        name: project.name,
      })),
    })
  }
  await revoke(c, 'domain', [id])
  const gone = await contentsGone(c.tx, id)
  await c.tx.user.deleteMany({ where: { domainId: id } })
  await c.tx.group.deleteMany({ where: { domainId: id } })
  await c.tx.domain.delete({ where: { id } })
  await keepAnAdministrator(c)
  await tell(c, ...gone, domainTelling(domain, null))
  return { id }
})

/** The end of all that goes with the domain. */
async function contentsGone(tx: Tx, domainId: string): Promise<Telling[]> {
  const where = { domainId }
  const users = await tx.user.findMany({ where })
  const groups = await tx.group.findMany({ where })
  const roles = await tx.role.findMany({ where })
  const providers = await tx.identityProvider.findMany({ where })
  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id)
  const owners = { userIds: ids(users), groupIds: ids(groups), domainIds: [domainId] }
  return [
    ...(await grantsGone(tx, owners)),
    ...users.map((user) => userTelling(user, null)),
    ...groups.map(groupGone),
    ...roles.map(roleGone),
    ...providers.map((provider) => providerTelling(provider, null)),
  ]
}
