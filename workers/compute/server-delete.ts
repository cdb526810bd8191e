/**
 * server.delete: end the machine, then give everything back. It only goes forward: a host that can't
 * be reached for long is passed over, and what it still has is removed when it reports again.
 */
import { allocationRelease } from '../../services/compute/allocation.ts'
import { migrationsGo } from '../../services/compute/migration.ts'
import { openMigrations } from '../../services/compute/migration-status.ts'
import { serverEvent } from '../../services/compute/server.ts'
import { quotaRelease } from '../../services/identity/quota-claim.ts'
import { imagesDrop, leftoversOf } from '../../services/image/image-drop.ts'
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

/** Where it is, and on the other end of a move that is not over. */
async function destroy(c: StepContext): Promise<void> {
  const { resourceId: id } = c.task
  const end = { select: { name: true } }
  const server = await c.db.server.findUnique({
    where: { id },
    select: {
      host: end,
      migrations: {
        where: { status: { in: [...openMigrations] } },
        select: { source: end, destination: end },
      },
    },
  })
  const ends = server?.migrations.flatMap(({ source, destination }) => [source, destination]) ?? []
  const names = [server?.host, ...ends].flatMap((host) => (host ? [host.name] : []))
  const all = await Promise.allSettled(
    [...new Set(names)].map((name) => callHost(c, name, 'destroy', { id }, DESTROY_TIMEOUT_MS)),
  )
  for (const one of all) if (one.status === 'rejected') throw one.reason
}

async function release(c: SaveContext): Promise<void> {
  const { resourceId } = c.task
  await imagesDrop(c.tx, leftoversOf(resourceId), c.task, c.at)
  await migrationsGo(c.tx, resourceId, c.task.requestId)
  await allocationRelease(c.tx, resourceId)
  c.atEnd(() => quotaRelease(c.tx, resourceId))
  const { count } = await c.tx.server.deleteMany({ where: { id: resourceId } })
  if (count) c.emit(serverEvent(serverOf(c), 'deleted'))
}
