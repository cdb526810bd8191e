/**
 * What an agent must remember over its own death: per machine one small file, and one for the host.
 *
 * J1 A file is replaced whole (written beside, synced, renamed): after a kill at any point it holds
 *    what was last saved or what was saved before, never a mixture.
 * J2 Memory is ahead of the disk: `save` resolves when what is in memory now is on the disk. Saves
 *    of one machine follow each other.
 * J3 What is lost here costs a repeated verb, and verbs are idempotent; an unreadable file is put
 *    aside, told in the log, and forgotten.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import type { CallFailure } from '../call-message.ts'

/** Results kept per machine; a call is repeated within minutes, not after twenty others. */
const MAX_RESULTS = 20
/** How long the record of a machine that is gone is kept. */
const KEEP_MS = 6 * 60 * 60_000
const RECORD_NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/

export type Outcome = { ok: true; result: unknown } | { ok: false; error: CallFailure }

export interface MachineRecord {
  id: string
  /** The highest fence that a call for this machine has shown. */
  fence: number
  /** From the last verb that brought one, without its config drive: the driver keeps that. */
  spec: MachineSpec | null
  /** Whether it should be running, as far as this host has been told or has seen. */
  running: boolean
  /** It was stopped only because the agent was: the next start brings it back. */
  bringBack: boolean
  /** A verb has paused it: brought back, it is paused again. */
  paused?: boolean
  results: { callId: string; outcome: Outcome }[]
  /** Milliseconds since the epoch. */
  usedAt: number
}

export interface HostRecord {
  bootId: string | null
  /** When the last agent started, in milliseconds since the epoch. */
  startedAt: number
}

export class Journal {
  readonly host: HostRecord = { bootId: null, startedAt: 0 }
  private readonly records = new Map<string, MachineRecord>()
  private readonly saving = new Map<string, Promise<void>>()

  private constructor(
    private readonly stateDir: string,
    private readonly log: Logger,
  ) {}

  static async open(stateDir: string, log: Logger): Promise<Journal> {
    const journal = new Journal(stateDir, log)
    await mkdir(journal.machinesDir, { recursive: true, mode: 0o700 })
    await journal.load()
    return journal
  }

  find(id: string): MachineRecord | undefined {
    return this.records.get(id)
  }

  /**
   * The record of a machine, a new one when there is none. `id` must be a UUID: it names the file.
   */
  record(id: string): MachineRecord {
    const known = this.records.get(id)
    if (known) return known
    const record: MachineRecord = {
      id,
      fence: 0,
      spec: null,
      running: false,
      bringBack: false,
      results: [],
      usedAt: Date.now(),
    }
    this.records.set(id, record)
    return record
  }

  all(): MachineRecord[] {
    return [...this.records.values()]
  }

  /** In memory; `save` follows. */
  addResult(record: MachineRecord, callId: string, outcome: Outcome): void {
    record.results = [...record.results, { callId, outcome }].slice(-MAX_RESULTS)
  }

  save(id: string): Promise<void> {
    return this.inTurn(id, async () => {
      const path = join(this.machinesDir, `${id}.json`)
      const record = this.records.get(id)
      if (record) await replaceFile(path, JSON.stringify(record))
      else await rm(path, { force: true })
    })
  }

  saveHost(): Promise<void> {
    return this.inTurn('host', () => {
      return replaceFile(join(this.stateDir, 'host.json'), JSON.stringify(this.host))
    })
  }

  /** Forgets machines that this host does not have and that nobody has called for hours. */
  async prune(present: ReadonlySet<string>): Promise<void> {
    const old = Date.now() - KEEP_MS
    for (const { id, usedAt } of this.all()) {
      if (present.has(id) || usedAt > old) continue
      this.records.delete(id)
      await this.save(id)
    }
  }

  /** Resolves when nothing is being saved any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.saving.values())
  }

  private get machinesDir(): string {
    return join(this.stateDir, 'machines')
  }

  private inTurn(key: string, write: () => Promise<void>): Promise<void> {
    const before = this.saving.get(key) ?? Promise.resolve()
    const saving = before.catch(() => {}).then(write)
    this.saving.set(key, saving)
    const forget = (): void => {
      if (this.saving.get(key) === saving) this.saving.delete(key)
    }
    saving.then(forget, forget)
    return saving
  }

  private async load(): Promise<void> {
    const host = (await this.read(join(this.stateDir, 'host.json'))) as HostRecord | null
    if (host) Object.assign(this.host, host)
    for (const name of await readdir(this.machinesDir)) {
      const id = RECORD_NAME.exec(name)?.[1]
      if (!id) {
        // What a killed agent was about to put in place.
        if (name.endsWith('.new')) await rm(join(this.machinesDir, name), { force: true })
        continue
      }
      const record = (await this.read(join(this.machinesDir, name))) as MachineRecord | null
      if (record) this.records.set(id, record)
    }
  }

  private async read(path: string): Promise<unknown> {
    try {
      const value: unknown = JSON.parse(await readFile(path, 'utf8'))
      if (typeof value !== 'object' || value === null) throw new Error('it holds no record')
      return value
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      this.log.error({ path, err: error }, 'a record is unreadable and was put aside')
      await rename(path, `${path}.unreadable`)
      return null
    }
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
