/**
 * The operator's policy files, followed while the process runs: `<folder>/compute.yaml` and the like.
 *
 * F1 A start with wrong files fails. Later a wrong set is told in the log and by `problem()`, and the
 *    set before stays in force, whole.
 * F2 A change counts once two readings in a row agree, and nothing was written between them: a file
 *    that is just being written may be good YAML that ends too early, and would give more than it
 *    should; and it may be found empty twice in a row.
 * F3 Notices of the file system only make it quick. Where there are none, the period finds changes.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { PolicyFile } from '../services/access/overrides.ts'
import { Policy, PolicyError, type RuleDefaults } from '../services/access/policy.ts'
import { nearestName } from './nearest-name.ts'

const POLL_MS = 5_000
/** Between the two readings that must agree. */
const SETTLE_MS = 100
const MAX_FILES = 64
const MAX_FILE_BYTES = 1024 * 1024

export interface PolicyOptions {
  /** Absolute. That it is missing means: no overrides. */
  folder: string
  rules: RuleDefaults
  log: Logger
  /** Called with each new set after the first. */
  onChange?: (policy: Policy) => void
  /** Between looks at the folder that nothing announced. */
  pollMs?: number
}

export interface Policies {
  current(): Policy
  /** Why the files as they are now were refused, a problem a line; null when they are in force. */
  problem(): string | null
  /** Resolves when nothing is read or watched any more. */
  stop(): Promise<void>
}

/** What was found in the folder. */
interface Reading {
  files: PolicyFile[]
  problems: string[]
  /** When each file was written last, in nanoseconds. */
  writtenAt: bigint[]
}

/** Loads the policy and follows its folder. Throws PolicyError when the files are wrong. */
export async function startPolicies(options: PolicyOptions): Promise<Policies> {
  const reading = await readFolder(options.folder)
  const follower = new Follower(options, policyOf(reading, options.rules), fingerprint(reading))
  follower.follow()
  return follower
}

function policyOf({ files, problems }: Reading, rules: RuleDefaults): Policy {
  if (problems.length > 0) throw new PolicyError(problems)
  return Policy.of(rules, files, nearestName)
}

/** What was found, whenever it was written. */
const fingerprint = ({ files, problems }: Reading): string => JSON.stringify([files, problems])

class Follower implements Policies {
  private refused: string | null = null
  /** Of the reading that was judged last, and of the one that waits for its second. */
  private judged: string
  private candidate: string | null = null
  private inForce: string
  private watcher: { notices: FSWatcher; inode: bigint } | null = null
  private timer: NodeJS.Timeout | null = null
  private dueAt = Number.POSITIVE_INFINITY
  private looking: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(
    private readonly options: PolicyOptions,
    private policy: Policy,
    first: string,
  ) {
    this.judged = first
    this.inForce = first
  }

  current(): Policy {
    return this.policy
  }

  problem(): string | null {
    return this.refused
  }

  async stop(): Promise<void> {
    this.stopped = true
    if (this.timer) clearTimeout(this.timer)
    this.unwatch()
    await this.looking
    this.unwatch()
  }

  follow(): void {
    this.lookIn(0)
  }

  /** Looks once more, at the latest after so long. */
  private lookIn(delayMs: number): void {
    const dueAt = Date.now() + delayMs
    if (this.stopped || dueAt >= this.dueAt) return
    if (this.timer) clearTimeout(this.timer)
    this.dueAt = dueAt
    this.timer = setTimeout(() => {
      this.dueAt = Number.POSITIVE_INFINITY
      this.looking = this.looking.then(() => this.look())
    }, delayMs)
    this.timer.unref()
  }

  private async look(): Promise<void> {
    if (this.stopped) return
    let again = this.options.pollMs ?? POLL_MS
    try {
      await this.watchFolder()
      const reading = await readFolder(this.options.folder)
      const found = fingerprint(reading)
      const candidate = [found, ...reading.writtenAt].join()
      if (found === this.judged) {
        this.candidate = null
      } else if (candidate === this.candidate) {
        this.judge(reading, found)
      } else {
        this.candidate = candidate
        again = Math.min(again, SETTLE_MS)
      }
    } catch (error) {
      this.options.log.error({ err: error }, 'the policy folder could not be followed')
    }
    this.lookIn(again)
  }

  private judge(reading: Reading, found: string): void {
    const { log, rules, folder, onChange } = this.options
    this.candidate = null
    this.judged = found
    let policy: Policy
    try {
      policy = policyOf(reading, rules)
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
      this.refused = error.message
      log.error(
        { problems: error.message.split('\n') },
        'the policy files are wrong; the rules from before stay in force',
      )
      return
    }
    this.refused = null
    if (found === this.inForce) {
      log.info('the policy files are again what is in force')
      return
    }
    this.policy = policy
    this.inForce = found
    const files = reading.files.map(({ file }) => file)
    log.info({ folder, files }, 'the policy files have changed and are in force')
    onChange?.(policy)
  }

  /** Watches the folder that is there now: it may have come, or been replaced by another. */
  private async watchFolder(): Promise<void> {
    const { folder } = this.options
    const found = await stat(folder, { bigint: true }).catch(() => null)
    if (this.watcher && found?.ino === this.watcher.inode) return
    this.unwatch()
    if (!found || this.stopped) return
    try {
      const notices = watch(folder, { persistent: false }, () => this.lookIn(SETTLE_MS))
      notices.on('error', () => this.unwatch())
      this.watcher = { notices, inode: found.ino }
    } catch {
      // F3: no notices to be had here, as on some network file systems; or the folder just went.
    }
  }

  private unwatch(): void {
    this.watcher?.notices.close()
    this.watcher = null
  }
}

async function readFolder(folder: string): Promise<Reading> {
  const reading: Reading = { files: [], problems: [], writtenAt: [] }
  let names: string[]
  try {
    names = (await readdir(folder)).sort()
  } catch (error) {
    if (!isMissing(error)) reading.problems.push(`${folder}:1: ${words(error)}`)
    return reading
  }
  for (const name of names.filter((name) => /^[^.].*\.(yml|json)$/.test(name))) {
    reading.problems.push(`${join(folder, name)}:1: policy files are called <service>.yaml`)
  }
  const ours = names.filter((name) => /^[^.].*\.yaml$/.test(name))
  if (ours.length > MAX_FILES) {
    reading.problems.push(`${folder}:1: ${ours.length} policy files; at most ${MAX_FILES}`)
    return reading
  }
  for (const name of ours) {
    const file = join(folder, name)
    try {
      const { text, writtenAt } = await readText(file)
      reading.files.push({ file, text })
      reading.writtenAt.push(writtenAt)
    } catch (error) {
      // Gone between the two calls: the next reading differs. A link to nothing stays a problem.
      reading.problems.push(`${file}:1: ${words(error)}`)
    }
  }
  return reading
}

async function readText(file: string): Promise<{ text: string; writtenAt: bigint }> {
  const { size, mtimeNs: writtenAt } = await stat(file, { bigint: true })
  if (size > MAX_FILE_BYTES) throw new Error(`longer than ${MAX_FILE_BYTES} bytes`)
  return { text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)), writtenAt }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))
