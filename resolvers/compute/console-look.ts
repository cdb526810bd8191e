/**
 * Looking at a serial console again and again, together with whoever else does.
 *
 * L1 However many watch a console in this process, its host is asked once every `LOOK_MS`, for as many
 *    lines as the one who wants most; each is given as many as it asked for.
 * L2 Nobody is asked when nobody watches any more.
 * L3 A host that can't be reached says nothing, and forgets nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud, HostConsoles } from '../../services/context.ts'
import { notFound } from '../../services/errors.ts'

const LOOK_MS = 1_000

type Looker = Pick<Cloud, 'db' | 'consoles'>

interface Seen {
  text: string
  /** How many lines were asked for. */
  lines: number
}

/** Those that run, by server, of each cloud of this process. */
const running = new WeakMap<HostConsoles, Map<string, Look>>()

/** The last `lines` lines, now and whenever they were looked at anew. NOT_FOUND once it is gone. */
export async function* lookTogether(
  { db, consoles, signal }: Looker & { signal: AbortSignal },
  server: { id: string; projectId: string },
  lines: number,
): AsyncGenerator<string> {
  const looks = running.get(consoles) ?? new Map<string, Look>()
  running.set(consoles, looks)
  const key = `${server.projectId}/${server.id}`
  const look = looks.get(key) ?? new Look({ db, consoles }, server, () => looks.delete(key))
  looks.set(key, look)
  yield* look.watch(lines, signal)
}

/** Something that comes, or fails to; nobody has to wait for it. */
class Turn {
  come: () => void = () => {}
  fail: (error: unknown) => void = () => {}
  readonly promise = new Promise<void>((resolve, reject) => {
    this.come = resolve
    this.fail = reject
  })

  constructor() {
    this.promise.catch(() => {})
  }
}

class Look {
  /** How many lines each of those who watch wants. */
  private readonly watchers = new Set<{ lines: number }>()
  private readonly over = new AbortController()
  private latest: Seen | null = null
  private next = new Turn()
  private begun = false

  constructor(
    private readonly cloud: Looker,
    private readonly server: { id: string; projectId: string },
    private readonly onEnd: () => void,
  ) {}

  async *watch(lines: number, signal: AbortSignal): AsyncGenerator<string> {
    const me = { lines }
    this.watchers.add(me)
    const gone = new Turn()
    const leave = (): void => gone.come()
    signal.addEventListener('abort', leave, { once: true })
    try {
      if (!this.begun) void this.run()
      let seen: Seen | null = null
      while (!signal.aborted) {
        const { latest, next } = this
        if (latest && latest !== seen && latest.lines >= lines) {
          seen = latest
          yield lastOf(latest.text, lines)
        } else await Promise.race([next.promise, gone.promise])
      }
    } finally {
      signal.removeEventListener('abort', leave)
      this.watchers.delete(me)
      if (this.watchers.size === 0) this.end()
    }
  }

  private async run(): Promise<void> {
    this.begun = true
    const { signal } = this.over
    while (!signal.aborted) {
      const turn = this.next
      try {
        this.latest = (await this.look()) ?? this.latest
        this.next = new Turn()
        turn.come()
      } catch (error) {
        // Who watches is told; who comes later begins anew.
        this.end()
        return turn.fail(error)
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
    }
  }

  private end(): void {
    if (!this.over.signal.aborted) this.onEnd()
    this.over.abort()
  }

  private async look(): Promise<Seen | null> {
    const { db, consoles } = this.cloud
    const { id } = this.server
    const row = await db.server.findFirst({
      where: this.server,
      select: { host: { select: { name: true } } },
    })
    if (!row) throw notFound('server', id)
    const lines = Math.max(...[...this.watchers].map((one) => one.lines), 1)
    const text = row.host ? await consoles.log(row.host.name, id, lines) : null
    return text === null ? null : { text, lines }
  }
}

/** A line break at the very end closes the last line; it does not open an empty one. */
export function lastOf(text: string, lines: number): string {
  let start = text.endsWith('\n') ? text.length - 1 : text.length
  for (let left = lines; left > 0 && start >= 0; left--) {
    start = start === 0 ? -1 : text.lastIndexOf('\n', start - 1)
  }
  return text.slice(start + 1)
}
