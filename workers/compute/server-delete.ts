/**
 * server.delete: end the machine, then give everything back. It only goes forward: a host that can't
 * be reached for long is passed over, and what it still has is removed when it reports again.
 */
import { allocationRelease } from '../../services/compute/allocation.ts'
import { serverEvent } from '../../services/compute/server.ts'
import { quotaRelease } from '../../services/identity/quota-claim.ts'
import { type SaveContext, type StepContext, step, taskKind } from '../conductor/task.ts'
import { callHost, DESTROY_TIMEOUT_MS } from './agent-calls.ts'
import { serverOf, settleFailed } from './server-settle.ts'

export const serverDelete = taskKind(
  'server.delete',
  [
    step('destroy', { do: destroy, tries: 8, skippable: true }),
    step('release', { save: release, tries: Number.POSITIVE_INFINITY }),
  ],
  { failed: settleFailed('delete') },
)

async function destroy(c: StepContext): Promise<void> {
  const server = await c.db.server.findUnique({
    where: { id: c.task.resourceId },
    select: { host: { select: { name: true } } },
  })
  if (!server?.host) return
  await callHost(c, server.host.name, 'destroy', { id: c.task.resourceId }, DESTROY_TIMEOUT_MS)
}

async function release(c: SaveContext): Promise<void> {
  const { resourceId } = c.task
  await allocationRelease(c.tx, resourceId)
  await quotaRelease(c.tx, resourceId)
  const { count } = await c.tx.server.deleteMany({ where: { id: resourceId } })
  if (count) c.emit(serverEvent(serverOf(c), 'deleted'))
}
