/**
 * How simulated machines outlive their process: a journal of one JSON line per change, since a file
 * that is rewritten whole would cost more with every machine on the host.
 *
 * J1 `append` returns when the line is in the file: what a verb acknowledged survives a kill -9.
 *    Lines that come while a write is under way share the next one.
 * J2 The file is rewritten, aside and renamed, when most of its lines are out of date.
 * J3 A last line that was cut off by a kill was never acknowledged, and is dropped.
 */
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'machines.jsonl'
const SLACK_LINES = 256

interface Entry {
  id: string
  /** Set when the machine is gone. */
  gone?: true
}

export class Journal<T extends Entry> {
  private readonly path: string
  private lines = 0
  private waiting: string[] = []
  private writing: Promise<void> | null = null

  constructor(
    private readonly dir: string,
    /** What is kept now; asked when the file is rewritten. */
    private readonly kept: () => ReadonlyMap<string, T>,
  ) {
    this.path = join(dir, FILE)
  }

  async load(): Promise<Map<string, T>> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    const entries = new Map<string, T>()
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    for (const line of text.split('\n')) {
      const entry = parse<T>(line)
      if (!entry) continue
      if (entry.gone) entries.delete(entry.id)
      else entries.set(entry.id, entry)
    }
    // What was cut off must not become the beginning of the next line.
    await this.rewrite(entries.values())
    return entries
  }

  /** Resolves when the change is in the file (J1). */
  append(entry: Entry): Promise<void> {
    this.waiting.push(`${JSON.stringify(entry)}\n`)
    // The batch of whoever writes now is fixed; ours is the one after it.
    const turn = (this.writing ?? Promise.resolve()).catch(() => {}).then(() => this.flush())
    this.writing = turn
    return turn
  }

  private async flush(): Promise<void> {
    if (this.waiting.length === 0) return
    const batch = this.waiting
    this.waiting = []
    try {
      await this.write(batch)
    } catch (error) {
      // Others wait for lines of this batch: their turn tries again.
      this.waiting = [...batch, ...this.waiting]
      throw error
    }
  }

  private async write(batch: string[]): Promise<void> {
    const kept = this.kept()
    if (this.lines + batch.length > 2 * kept.size + SLACK_LINES) return this.rewrite(kept.values())
    await appendFile(this.path, batch.join(''), { mode: 0o600 })
    this.lines += batch.length
  }

  private async rewrite(entries: Iterable<T>): Promise<void> {
    const lines = [...entries].map((entry) => `${JSON.stringify(entry)}\n`)
    await writeFile(`${this.path}.new`, lines.join(''), { mode: 0o600 })
    await rename(`${this.path}.new`, this.path)
    this.lines = lines.length
  }
}

function parse<T>(line: string): T | null {
  try {
    return JSON.parse(line) as T
  } catch {
    return null
  }
}
