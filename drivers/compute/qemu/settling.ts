/** What an agent that went away in the middle of a verb left of a running machine. */
import { leaveCopy } from './disk-export.ts'
import { goOn, memoryIsKept, type SuspendRecord } from './kept-memory.ts'
import { settleMigration } from './live-migration.ts'
import type { LiveMachine } from './machine.ts'
import { type MachinePaths, readRecord } from './machine-folder.ts'

/** Puts it right; true when its memory is kept whole, and so its QEMU has nothing left to do. */
export async function settle(live: LiveMachine, paths: MachinePaths): Promise<boolean> {
  if (live.down) return false
  if (await settleMigration(live, paths)) return true
  await leaveCopy(live, paths)
  const suspend = await readRecord<SuspendRecord>(paths.suspend)
  if (!suspend) return false
  if (await memoryIsKept(paths)) return true
  await goOn(live, paths, suspend)
  return false
}
