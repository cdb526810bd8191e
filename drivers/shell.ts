/**
 * How drivers run programs of the host. The only file of drivers/ that may import child_process.
 *
 * S1 A program gets an argument array and no shell, so nothing a user typed can become syntax.
 * S2 Every short run ends: by itself, by its time limit or by its signal, and then with SIGKILL to
 *    its whole process group.
 * S3 Captured output is bounded, whatever the program prints.
 * S4 A program inherits none of our environment but PATH: ours holds database addresses and
 *    passwords, and /proc/<pid>/environ shows them to whoever the program runs as.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

const OUTPUT_LIMIT_BYTES = 1024 * 1024
const KILL_WAIT_MS = 5_000
const STDERR_TAIL_BYTES = 16 * 1024
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface RunOptions {
  /** The longest that the program may take, in milliseconds. */
  timeoutMs: number
  signal?: AbortSignal
  cwd?: string
  /** Added to the bare environment of S4. */
  env?: Record<string, string>
  /** Written to its standard input; without it standard input is empty. */
  input?: string | Uint8Array
  /** How much of standard output is kept, counted from its beginning; 1 MiB if not said. */
  outputLimitBytes?: number
}

export interface RunResult {
  exitCode: number | null
  /** The signal that ended the program, when one did. */
  endedBy: NodeJS.Signals | null
  stdout: string
  /** The last 16 KiB of standard error: what went wrong stands at the end. */
  stderr: string
  /** Standard output was longer than the limit. */
  truncated: boolean
}

export type ShellFailure = 'NOT_STARTED' | 'TIMEOUT' | 'ABORTED'

/**
 * The program did not come to an end of its own. A program that ran and failed is a `RunResult`.
 */
export class ShellError extends Error {
  constructor(
    readonly reason: ShellFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'ShellError'
  }
}

/**
 * Runs a program to its end and returns what it said, whatever its exit code.
 * Throws `ShellError` when it cannot be started, takes longer than `timeoutMs` or is aborted;
 * the process is gone by then.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  if (options.signal?.aborted)
    throw new ShellError('ABORTED', `${command} was not started: aborted`)
  const child = spawn(command, [...args], {
    ...spawnOptions(options),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const stdout = collectHead(child.stdout, options.outputLimitBytes ?? OUTPUT_LIMIT_BYTES)
  const stderr = collectTail(child.stderr, STDERR_TAIL_BYTES)
  // A program may end without reading its input; the broken pipe is no failure of ours.
  child.stdin?.on('error', () => {})
  if (options.input !== undefined) child.stdin?.end(options.input)

  const { exitCode, endedBy } = await endedOrKilled(child, command, options)
  return { exitCode, endedBy, stdout: stdout.text(), stderr: stderr(), truncated: stdout.full() }
}

/** Waits for the end; kills and throws when the time limit or the signal comes first (S2). */
async function endedOrKilled(child: ChildProcess, command: string, options: RunOptions) {
  const { timeoutMs, signal } = options
  let interrupted: ShellError | undefined
  let giveUp: NodeJS.Timeout | undefined
  let onAbort = () => {}
  let timer: NodeJS.Timeout | undefined
  const unkillable = new Promise<never>((_, reject) => {
    const interrupt = (error: ShellError) => {
      if (interrupted) return
      interrupted = error
      killGroup(child)
      // A grandchild that left the group may hold the pipes open; 'close' must not wait for it.
      child.stdout?.destroy()
      child.stderr?.destroy()
      // A process in uninterruptible sleep does not die now; its caller must not wait for ever.
      giveUp = setTimeout(() => reject(error), KILL_WAIT_MS)
    }
    onAbort = () => interrupt(new ShellError('ABORTED', `${command} was aborted`))
    timer = setTimeout(
      () => interrupt(new ShellError('TIMEOUT', `${command} took longer than ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const result = await Promise.race([ended(child, command), unkillable])
    if (interrupted) throw interrupted
    return result
  } finally {
    clearTimeout(timer)
    clearTimeout(giveUp)
    signal?.removeEventListener('abort', onAbort)
  }
}

export interface DetachedOptions {
  cwd?: string
  env?: Record<string, string>
  /** Takes standard output and standard error, appended, created with mode 0600. */
  outputFile: string
  /** Open files that the program gets as its file descriptors 3, 4, ... */
  inherit?: readonly number[]
}

export interface DetachedProcess {
  pid: number
  /** Settles when the program ends while we live; never rejects. */
  exited: Promise<ProcessEnd>
}

export interface ProcessEnd {
  exitCode: number | null
  endedBy: NodeJS.Signals | null
}

/**
 * Starts a program that outlives this process: a session of its own, no terminal, no pipe to us.
 * Throws `ShellError` NOT_STARTED when there is no such program.
 */
export async function spawnDetached(
  command: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<DetachedProcess> {
  const output = await open(options.outputFile, 'a', 0o600)
  try {
    const child = spawn(command, [...args], {
      ...spawnOptions(options),
      stdio: ['ignore', output.fd, output.fd, ...(options.inherit ?? [])],
    })
    const exited = ended(child, command)
    const started = new Promise<void>((resolve) => child.once('spawn', resolve))
    // Only a program that never started makes `exited` reject, and that is thrown here.
    await Promise.race([started, exited])
    child.unref()
    return { pid: child.pid as number, exited }
  } finally {
    await output.close()
  }
}

function spawnOptions(options: { cwd?: string; env?: Record<string, string> }): SpawnOptions {
  return {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? DEFAULT_PATH, LC_ALL: 'C', ...options.env },
    shell: false,
    // A group of its own, so that one kill reaches what the program started (S2).
    detached: true,
    windowsHide: true,
  }
}

function ended(child: ChildProcess, command: string): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new ShellError('NOT_STARTED', `${command} could not be started`, { cause: error })),
    )
    child.once('close', (exitCode, endedBy) => resolve({ exitCode, endedBy }))
  })
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function collectHead(stream: NodeJS.ReadableStream | null, limitBytes: number) {
  const chunks: Buffer[] = []
  let size = 0
  let full = false
  stream?.on('data', (chunk: Buffer) => {
    const room = limitBytes - size
    if (chunk.length > room) full = true
    if (room <= 0) return
    chunks.push(chunk.subarray(0, room))
    size += Math.min(chunk.length, room)
  })
  return { text: () => Buffer.concat(chunks).toString('utf8'), full: () => full }
}

function collectTail(stream: NodeJS.ReadableStream | null, limitBytes: number) {
  let tail = Buffer.alloc(0)
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-limitBytes)
  })
  return () => tail.toString('utf8')
}
