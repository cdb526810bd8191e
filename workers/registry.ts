/** Every kind of task. What is not in this table is never run. */

import { hostMaintain } from './compute/host-maintenance.ts'
import { serverClone } from './compute/server-clone.ts'
import { serverCreate } from './compute/server-create.ts'
import { serverDelete } from './compute/server-delete.ts'
import { serverEvacuate } from './compute/server-evacuate.ts'
import { serverLiveMigrate, serverMigrationAbort } from './compute/server-live-migrate.ts'
import { serverChangePassword } from './compute/server-password.ts'
import {
  serverPause,
  serverReboot,
  serverResume,
  serverStart,
  serverStop,
  serverSuspend,
  serverUnpause,
} from './compute/server-power.ts'
import { serverRebuild } from './compute/server-rebuild.ts'
import { serverRescue, serverUnrescue } from './compute/server-rescue.ts'
import {
  serverMigrate,
  serverResize,
  serverResizeConfirm,
  serverResizeRevert,
} from './compute/server-resize.ts'
import { serverShelve, serverShelveInPlace, serverShelveOffload } from './compute/server-shelve.ts'
import { serverBackup, serverSnapshot } from './compute/server-snapshot.ts'
import { serverSoftDelete } from './compute/server-soft-delete.ts'
import { serverRestore, serverUnshelve } from './compute/server-unshelve.ts'
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
  serverSnapshot,
  serverBackup,
  serverClone,
  serverShelve,
  serverShelveInPlace,
  serverShelveOffload,
  serverUnshelve,
  serverRebuild,
  serverRescue,
  serverUnrescue,
  serverChangePassword,
  serverSoftDelete,
  serverRestore,
  serverResize,
  serverResizeConfirm,
  serverResizeRevert,
  serverMigrate,
  serverLiveMigrate,
  serverMigrationAbort,
  serverEvacuate,
  hostMaintain,
  serverDelete,
  imageDelete,
  projectDelete,
]
