/** Every kind of task. What is not in this table is never run. */
import { serverCreate } from './compute/server-create.ts'
import { serverDelete } from './compute/server-delete.ts'
import {
  serverPause,
  serverReboot,
  serverResume,
  serverStart,
  serverStop,
  serverSuspend,
  serverUnpause,
} from './compute/server-power.ts'
import type { TaskKind } from './conductor/task.ts'
import { projectDelete } from './identity/project-delete.ts'
import { imageDelete } from './image/image-delete.ts'

export const taskKinds: readonly TaskKind[] = [
  serverCreate,
  serverStart,
  serverStop,
  serverReboot,
  serverPause,
  serverUnpause,
  serverSuspend,
  serverResume,
  serverDelete,
  imageDelete,
  projectDelete,
]
