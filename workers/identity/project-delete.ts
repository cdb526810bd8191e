/**
 * project.delete: what is in the project and in those below it is asked to go, waited for, and then the
 * projects go themselves, the deepest first. It only goes forward; what failed is asked for again.
 */
import { serverGroupsEmpty } from '../../services/compute/server-group.ts'
import { auditTask } from '../../services/core/audit.ts'
import { emit } from '../../services/core/event.ts'
import { grantsGone } from '../../services/identity/grants.ts'
import { projectTelling, subtree } from '../../services/identity/project.ts'
import { imagesEmpty, serversEmpty } from '../../services/identity/project-empty.ts'
import {
  type SaveContext,
  type StepContext,
  StepFailure,
  step,
  taskKind,
} from '../conductor/task.ts'
import { pause } from '../pause.ts'

/** Looks at what is left, within one try of a step, and the pause between them. */
const LOOKS = 20
const LOOK_MS = 100

export const projectDelete = taskKind(
  'project.delete',
  [
    step('servers', { do: emptyOf('server'), tries: Number.POSITIVE_INFINITY }),
    step('images', { do: emptyOf('image'), tries: Number.POSITIVE_INFINITY }),
    step('rows', { save: remove, tries: Number.POSITIVE_INFINITY }),
  ],
  {
    // It stays disabled, with what could not be deleted: asking again goes on from there.
    failed: async (c) => {
      await c.tx.project.updateMany({
        where: { id: c.task.resourceId },
        data: { version: { increment: 1 }, updatedAt: c.at },
      })
      c.emit({
        type: 'project.updated',
        resourceType: 'project',
        resourceId: c.task.resourceId,
        projectId: (c.task.input as { domainId: string }).domainId,
        requestId: c.task.requestId,
      })
    },
  },
)

/** Asks for the end of all that is left of a kind, and waits for it. */
function emptyOf(kind: 'server' | 'image') {
  const empty = kind === 'server' ? serversEmpty : imagesEmpty
  return async (c: StepContext): Promise<void> => {
    const ids = await subtree(c.db, c.task.resourceId)
    for (let looks = 0; looks < LOOKS; looks++) {
      await c.db.$transaction((tx) => empty(tx, ids, c.task, c.now()))
      const left = await leftOf(c, kind, ids)
      if (left === 0) return
      if (looks === LOOKS - 1) {
        throw new StepFailure('UNAVAILABLE', `${left} ${kind}s are still being deleted`, {
          retryable: true,
        })
      }
      await pause(LOOK_MS, c.signal)
      c.signal.throwIfAborted()
    }
  }
}

const leftOf = ({ db }: StepContext, kind: 'server' | 'image', ids: string[]): Promise<number> => {
  const where = { projectId: { in: ids } }
  return kind === 'server' ? db.server.count({ where }) : db.image.count({ where })
}

async function remove(c: SaveContext): Promise<void> {
  const ids = await subtree(c.tx, c.task.resourceId)
  const gone = await serverGroupsEmpty(c.tx, ids)
  gone.push(...(await grantsGone(c.tx, { projectIds: ids })))
  for (const id of ids) {
    // With its quotas: nothing claims of them any more.
    gone.push(projectTelling(await c.tx.project.delete({ where: { id } }), null))
  }
  const { userId, requestId } = c.task
  await emit(c.tx, ...gone.map(({ event }) => ({ ...event, userId, requestId })))
  const entries = gone.map(({ entry }) => entry)
  await auditTask(c.tx, c.task, 'identity.project.delete', entries)
}
