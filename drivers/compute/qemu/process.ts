/**
 * The processes of QEMU on this host, by what the kernel says of them.
 *
 * P1 A pid is only ours while its command line carries our machine's id and it runs in our
 *    machine's folder: pids are used again, and another driver may have a machine of this id.
 * P2 That is checked right before every kill.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { basename } from 'node:path'
import type { DetachedProcess, ProcessEnd } from '../../shell.ts'
import { poll } from '../deadline.ts'

const POLL_MS = 25

export class QemuProcess {
  /** Only known for a process that we started ourselves. */
  private end: ProcessEnd | null = null
  private readonly exited: Promise<unknown> | null

  private constructor(
    readonly pid: number,
    private readonly id: string,
    private readonly runFolder: string,
    child: DetachedProcess | null,
  ) {
    this.exited = child
      ? child.exited.then((end) => {
          this.end = end
        })
      : null
  }

  static started(child: DetachedProcess, id: string, runFolder: string): QemuProcess {
    return new QemuProcess(child.pid, id, runFolder, child)
  }

  /** Takes over a process that somebody else started; null when the pid is not our machine (P1). */
  static adopt(pid: number, id: string, runFolder: string): QemuProcess | null {
    const process = new QemuProcess(pid, id, runFolder, null)
    return process.alive() ? process : null
  }

  alive(): boolean {
    if (this.end) return false
    return machineOf(this.pid, this.runFolder) === this.id
  }

  /** Waits for the end of the process; false when it still lives after `timeoutMs`. */
  async gone(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const isGone = () => (this.exited ? this.end !== null : !this.alive()) || null
    if (isGone()) return true
    return (await poll(isGone, { everyMs: POLL_MS, timeoutMs, signal })) === true
  }

  kill(): void {
    // A child of ours is ours whatever it is about to become; while it execs it has no command line.
    if (this.exited ? this.end !== null : !this.alive()) return
    try {
      process.kill(this.pid, 'SIGKILL')
    } catch {
      // It went away between the check and the kill, which is what we wanted.
    }
  }

  /** How it ended, in words: 'killed by signal 9'. */
  ending(): string {
    if (this.end?.endedBy) return `killed by signal ${constants.signals[this.end.endedBy]}`
    if (this.end) return `QEMU ended with exit code ${this.end.exitCode}`
    return 'QEMU ended unexpectedly'
  }
}

/**
 * Every QEMU that runs in a folder `<machinesDir>/<id>/run`, by machine id; one pass over /proc.
 */
export function findMachineProcesses(machinesDir: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const args = commandLine(pid)
    const id = args[args.indexOf('-uuid') + 1]
    if (!args.includes('-uuid') || id === undefined) continue
    if (machineOf(pid, `${machinesDir}/${id}/run`) === id) found.set(id, pid)
  }
  return found
}

/**
 * The machine whose QEMU this pid is, when it runs in `runFolder`; a zombie has no command line.
 */
function machineOf(pid: number, runFolder: string): string | null {
  const args = commandLine(pid)
  const at = args.indexOf('-uuid')
  if (at < 0 || !args.some((arg) => basename(arg).startsWith('qemu-system-'))) return null
  try {
    // The kernel marks a folder that was removed under a process.
    const folder = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '')
    return folder === runFolder || folder.startsWith(`${runFolder.replace(/\/run$/, '')}.deleted/`)
      ? (args[at + 1] ?? null)
      : null
  } catch {
    return null
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
