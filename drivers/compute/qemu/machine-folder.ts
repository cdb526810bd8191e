/**
 * What a machine leaves on disk, and who may touch it:
 *
 *   <dir>/                              0710 agent:qemu
 *     _base/<sha512>                    0440 agent:qemu   image-cache.ts
 *     machines/<id>/                    0710 agent:qemu
 *       machine.json                    0600 agent        which image the disk stands on
 *       power.json                      0600 agent        the last known power state, and why
 *       booted.json                     0600 agent        what its QEMU was started with
 *       memory suspend.json             0600 agent        kept-memory.ts
 *       config-drive.img                0440 agent:qemu   config-drive.ts
 *       qemu.log console.log            0600 agent
 *       run/                            0700 qemu         where its QEMU is started
 *         disk.qcow2 qmp.sock           0600 qemu
 *         rescue.qcow2 kept.qcow2       0600 qemu         rescuing.ts, resizing.ts
 *         export.qcow2                  0600 qemu         disk-export.ts
 *
 * F1 Records are replaced whole (written aside, then renamed): a reader never sees half of one.
 * F2 A machine exists when its `machine.json` does; its disk is complete when `disk.qcow2` exists.
 * F3 A folder goes away by being renamed first: there is never a machine with half of its files.
 */
import { randomUUID } from 'node:crypto'
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { DriverError, type PowerState } from '../driver.ts'
import { QMP_SOCKET } from './arguments.ts'
import type { AttachedDisk, AttachedPort } from './beside-arguments.ts'
import {
  type BaseImage,
  CONFIG_DRIVE_FILE,
  DISK_FILE,
  EXPORTED_DISK_FILE,
  INCOMING_DISK_FILE,
  KEPT_DISK_FILE,
  RESCUE_DISK_FILE,
} from './disk-arguments.ts'
import { renameDurably } from './durably.ts'
import type { QemuUser } from './user.ts'

const MACHINE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DELETED = '.deleted'

export interface MachineRecord {
  /** What the root disk stands on; null when it stands alone. */
  image: BaseImage | null
  /** What the rescue disk stands on. The machine is in rescue when that disk exists too. */
  rescue?: BaseImage
  /** The image that a rebuild fetches; it becomes `image` when the old disk is gone. */
  next?: BaseImage
  /** What was attached to it, each in its slot. */
  disks?: AttachedDisk[]
  ports?: AttachedPort[]
}

export interface PowerRecord {
  powerState: PowerState
  reason?: string
  /**
   * The boot of the host in which this was written: a host that restarted took its guests along.
   */
  bootId: string
}

/** The paths of one machine. Throws MACHINE_NOT_FOUND for what is no id: ids become paths. */
export function machinePaths(dir: string, id: string) {
  if (!MACHINE_ID.test(id)) throw new DriverError('MACHINE_NOT_FOUND', `${id} is no machine id`)
  const folder = join(dir, 'machines', id)
  const run = join(folder, 'run')
  return {
    folder,
    run,
    disk: join(run, DISK_FILE),
    socket: join(run, QMP_SOCKET),
    rescueDisk: join(run, RESCUE_DISK_FILE),
    keptDisk: join(run, KEPT_DISK_FILE),
    resizedDisk: join(run, 'resized.partial'),
    exportedDisk: join(run, EXPORTED_DISK_FILE),
    importedDisk: join(folder, 'import.partial'),
    incomingDisk: join(run, INCOMING_DISK_FILE),
    configDrive: join(folder, CONFIG_DRIVE_FILE),
    machine: join(folder, 'machine.json'),
    power: join(folder, 'power.json'),
    booted: join(folder, 'booted.json'),
    suspend: join(folder, 'suspend.json'),
    memory: join(folder, 'memory'),
    memoryPartial: join(folder, 'memory.partial'),
    memorySocket: join(folder, 'memory.sock'),
    log: join(folder, 'qemu.log'),
    console: join(folder, 'console.log'),
  }
}

export type MachinePaths = ReturnType<typeof machinePaths>

/** Makes the state folder of the driver. Idempotent. */
export async function makeDriverFolder(dir: string, user: QemuUser | null): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await openToGroup(dir, user)
  for (const name of ['_base', 'machines']) {
    await mkdir(join(dir, name), { recursive: true, mode: 0o700 })
    await openToGroup(join(dir, name), user)
  }
}

export async function makeMachineFolder(paths: MachinePaths, user: QemuUser | null): Promise<void> {
  await mkdir(paths.folder, { recursive: true, mode: 0o700 })
  await openToGroup(paths.folder, user)
  await mkdir(paths.run, { recursive: true, mode: 0o700 })
  if (user) await chown(paths.run, user.uid, user.gid)
}

/** Lets QEMU's user pass through a folder of ours, but neither list nor write it. */
async function openToGroup(path: string, user: QemuUser | null): Promise<void> {
  if (!user) return
  await chown(path, -1, user.gid)
  await chmod(path, 0o710)
}

export async function readRecord<T>(path: string): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return JSON.parse(text) as T
  } catch {
    // A power cut may leave an empty file behind a rename; it tells as much as none.
    return null
  }
}

/** `durable`: it is there after a power cut too. */
export async function writeRecord(
  path: string,
  record: unknown,
  { durable = false } = {},
): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  await writeFile(aside, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  await (durable ? renameDurably : rename)(aside, path)
}

/**
 * The ids of all machines that have a folder, and with them what is left of unfinished removals.
 */
export async function listMachineFolders(dir: string): Promise<{ ids: string[]; rest: string[] }> {
  const names = await readdir(join(dir, 'machines'))
  const rest = names.filter((name) => name.endsWith(DELETED))
  return {
    ids: names.filter((name) => MACHINE_ID.test(name)),
    rest: rest.map((name) => join(dir, 'machines', name)),
  }
}

/** Removes the folder of a machine and whatever an earlier, interrupted removal left (F3). */
export async function removeMachineFolder(paths: MachinePaths): Promise<void> {
  const aside = `${paths.folder}${DELETED}`
  await rm(aside, { recursive: true, force: true })
  await rename(paths.folder, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rm(aside, { recursive: true, force: true })
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
