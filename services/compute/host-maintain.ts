/** Emptying hosts and keeping them empty: a plan that can be seen, a task that carries it out. */
import type { Host } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { taskCancel } from '../core/task.ts'
import { CloudError } from '../errors.ts'
import { checkVersion, updateRow } from '../versioned.ts'
import { hostEvent } from './host.ts'
import { movesAway, type PlannedMove } from './host-plan.ts'
import { findHost, hostTold } from './host-update.ts'

export const HOST_MAINTAIN = {
  kind: 'host.maintain',
  steps: ['move'],
  deadlineMs: 24 * 60 * 60_000,
} as const

export interface HostMaintainTaskInput {
  /** Before it was in maintenance. */
  wasEnabled: boolean
}

export interface HostMaintain extends CommandInput {
  id: string
  ifVersion?: number | null
  reason?: string | null
}

export interface HostMaintainResult {
  id: string
  taskId: string | null
  /** As things are now; the task places each server anew. */
  moves: PlannedMove[]
}

export const hostMaintain: (ctx: Context, input: HostMaintain) => Promise<HostMaintainResult> =
  command('compute.host.maintain', async (c, { id, ifVersion, reason }) => {
    const before = await findHost(c, id)
    checkVersion(before, ifVersion)
    if (before.status !== 'UP') {
      throw new CloudError('INVALID_STATE', 'It is DOWN: evacuate its servers instead', {
        allowedStatuses: ['UP'],
      })
    }
    const moves = await movesAway(c.tx, c.placement.settings, id, 'maintenance')
    if (c.dryRun) return { id, taskId: null, moves }
    if (before.taskId) await taskCancel(c.tx, before.taskId)
    const wasEnabled = before.maintenance ? await isEnabledAfter(c, before) : before.enabled
    const data = {
      ...{ enabled: false, maintenance: true, taskId: c.taskId },
      // What somebody disabled it for holds beyond the maintenance.
      disabledReason: wasEnabled ? (reason ?? 'maintenance') : before.disabledReason,
      generation: { increment: 1 },
    }
    await updateRow(c.tx.host, before, data, c.at)
    const input = { wasEnabled } satisfies HostMaintainTaskInput
    const draft = { id: c.taskId, projectId: null, input, ...HOST_MAINTAIN }
    const taskId = await c.task({ ...draft, resourceType: 'host', resourceId: id }, [
      { ...hostEvent(id, 'updated'), requestId: c.requestId },
    ])
    await hostTold(c, before, await findHost(c, id))
    return { id, taskId, moves }
  })

/** Whether the host was in use before its maintenance, and will be after it. */
async function isEnabledAfter({ tx }: Command, { taskId }: Host): Promise<boolean> {
  const task = taskId && (await tx.task.findUnique({ where: { id: taskId } }))
  const { wasEnabled = true } = (task ? task.input : {}) as Partial<HostMaintainTaskInput>
  return wasEnabled
}

/** What is still being moved comes to its end; the rest stays. What was disabled before stays so. */
export const hostMaintainEnd: (ctx: Context, input: HostMaintain) => Promise<{ id: string }> =
  command(
    'compute.host.maintain',
    async (c, { id, ifVersion }) => {
      const before = await findHost(c, id)
      checkVersion(before, ifVersion)
      if (!before.maintenance) {
        throw new CloudError('INVALID_STATE', 'It is not in maintenance', {
          allowedStatuses: ['in maintenance'],
        })
      }
      if (before.taskId) await taskCancel(c.tx, before.taskId)
      const enabled = await isEnabledAfter(c, before)
      const data = {
        ...{ enabled, maintenance: false },
        ...(enabled && { disabledReason: null }),
        generation: { increment: 1 },
      }
      await updateRow(c.tx.host, before, data, c.at)
      await hostTold(c, before, await findHost(c, id))
      return { id }
    },
    'compute.host.maintain-end',
  )
