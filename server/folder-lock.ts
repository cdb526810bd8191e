/**
 * One owner for a folder, without flock (Node has none).
 *
 * L1 An owner is a process id with its birth (boot and start time), so that a process id that is
 *    used again after a crash or a reboot does not look like the old owner.
 * L2 Whoever wants the folder first writes a file with a name of its own, then looks at all of
 *    them. A file is only ever removed by its owner, or by anybody once its owner is dead: nobody
 *    can remove the claim of a living process, and two living claims both see each other.
 * L3 Two that claim in the same moment both step back and try again after a random pause.
 *
 * Processes in another container's process namespace can not be seen and count as dead.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const MAX_CLAIMS = 4
const PAUSE_MS = 60

export interface FolderLock {
  release(): void
}

export class FolderInUseError extends Error {
  readonly pid: number

  constructor(folder: string, pid: number) {
    super(
      pid === process.pid
        ? `${folder} is in use by this process already`
        : `${folder} is in use by process ${pid}. Stop that process, or choose another data directory (NEPHO_DATA_DIR)`,
    )
    this.name = 'FolderInUseError'
    this.pid = pid
  }
}

/** Takes the folder for this process until `release`; throws FolderInUseError when a living process has it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const claims = join(folder, 'lock')
  const own = `${process.pid}.${birthOf(process.pid)}`
  for (let claim = 1; ; claim++) {
    mkdirSync(claims, { recursive: true, mode: 0o700 })
    if (livingOwners(claims).includes(own)) throw new FolderInUseError(folder, process.pid)
    writeFileSync(join(claims, own), '', { mode: 0o600 })
    const other = livingOwners(claims).find((owner) => owner !== own)
    if (other === undefined) return { release: () => rmSync(join(claims, own), { force: true }) }
    rmSync(join(claims, own), { force: true })
    if (claim === MAX_CLAIMS) throw new FolderInUseError(folder, Number.parseInt(other, 10))
    await pause(PAUSE_MS * (0.5 + Math.random()))
  }
}

function livingOwners(claims: string): string[] {
  const living: string[] = []
  for (const owner of readdirSync(claims)) {
    const [pid = '', birth = ''] = owner.split('.')
    if (birthOf(Number(pid)) === birth) living.push(owner)
    else rmSync(join(claims, owner), { force: true })
  }
  return living
}

/** What tells this process from another with the same id; null when no such process lives. */
export function birthOf(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null
  if (process.platform === 'linux') {
    const stat = readOrNull(`/proc/${pid}/stat`)
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (!fields || fields[0] === 'Z' || fields[0] === 'X') return null
    const boot = readOrNull('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? 'boot'
    return `${boot}-${fields[19]}`
  }
  try {
    process.kill(pid, 0)
    return 'unknown'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'unknown' : null
  }
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
