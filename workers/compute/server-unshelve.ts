/** server.unshelve and server.restore: what was put away, or deleted for a while, runs again. */
import type { ServerAction } from '../../services/compute/server.states.ts'
import type { ServerTaskKind } from '../../services/compute/server-tasks.ts'
import { type StepContext, type TaskKind, taskKind } from '../conductor/task.ts'
import { IMAGE_BOOT_ROUNDS, imageBootSteps } from './image-boot.ts'
import { settleFailed } from './server-settle.ts'

export const serverUnshelve = back('server.unshelve', 'unshelve')
export const serverRestore = back('server.restore', 'restore')

function back(kind: ServerTaskKind, action: ServerAction): TaskKind {
  return taskKind(kind, imageBootSteps(shelvedImageOf), {
    failed: settleFailed(action),
    rounds: IMAGE_BOOT_ROUNDS,
  })
}

async function shelvedImageOf({ db, task }: StepContext): Promise<string | null> {
  const server = await db.server.findUnique({
    where: { id: task.resourceId },
    select: { shelvedImageId: true },
  })
  return server?.shelvedImageId ?? null
}
