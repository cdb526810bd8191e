/** Giving servers another size: there, and then for good or back again. */
import type { Command } from '../command.ts'
import { badInput, type CloudError } from '../errors.ts'
import type { QuotaAmounts, QuotaResource } from '../identity/quota.ts'
import { quotaClaim, quotaCommit } from '../identity/quota-claim.ts'
import { usableFlavor } from './flavor.ts'
import { migrationBegin, moveAction, moveInput, openMigrationOf, type Size } from './migration.ts'
import { amountsOf, type LockedServer } from './server.ts'
import type { ServerActionRequest } from './server-action.ts'
import { movePlan, requireTrait } from './server-move.ts'

export interface ServerResize extends ServerActionRequest {
  flavorId: string
}

export const serverResize = moveAction(
  'resize',
  'server.resize',
  async (c, server, input: ServerResize) => {
    const flavor = await usableFlavor(c, server.projectId, input.flavorId)
    if (flavor.id === server.flavorId) throw badFlavor(`The server has the flavor ${flavor.name}`)
    if (flavor.diskGiB > 0 && flavor.diskGiB < server.diskGiB) {
      throw badFlavor(
        `Disks do not shrink: the server has ${server.diskGiB} GiB, the flavor ${flavor.diskGiB}`,
      )
    }
    await requireTrait(c, server, 'resize', 'resized')
    const to: Size = {
      flavorId: flavor.id,
      vcpus: flavor.vcpus,
      memoryMiB: flavor.memoryMiB,
      diskGiB: flavor.diskGiB || server.diskGiB,
      extraSpecs: flavor.extraSpecs as Size['extraSpecs'],
    }
    const moving = { kind: 'RESIZE', newFlavorId: flavor.id } as const
    const { migrationId, from } = await migrationBegin(c, server, moving)
    await claimDifference(c, server, migrationId, to)
    const task = moveInput(c, { migrationId, from, to })
    return {
      task,
      ...(c.dryRun && { plan: await movePlan(c, server, { kind: 'RESIZE', to }) }),
      audit: { flavor: flavor.name },
    }
  },
)

/** Quota for what is more comes at once, and is the migration's until the server has its new size. */
async function claimDifference(
  c: Command,
  server: LockedServer,
  migrationId: string,
  to: Size,
): Promise<void> {
  const had = amountsOf(server)
  const amounts: QuotaAmounts = {}
  for (const [name, wanted] of Object.entries(amountsOf(to))) {
    const resource = name as QuotaResource
    const more = wanted - (had[resource] ?? 0)
    if (more > 0) amounts[resource] = more
  }
  if (Object.keys(amounts).length === 0) return
  await quotaClaim(c, { projectId: server.projectId, ownerId: migrationId, amounts })
  await quotaCommit(c.tx, migrationId)
}

const badFlavor = (message: string): CloudError => badInput('flavorId', message, message)

export const serverResizeConfirm = moveAction(
  'resizeConfirm',
  'server.resize-confirm',
  async (c, server) => ({ task: { migrationId: (await openMigrationOf(c.tx, server.id)).id } }),
)

export const serverResizeRevert = moveAction(
  'resizeRevert',
  'server.resize-revert',
  async (c, server) => {
    const { id, oldSize } = await openMigrationOf(c.tx, server.id)
    return { task: { migrationId: id, to: oldSize } }
  },
)
