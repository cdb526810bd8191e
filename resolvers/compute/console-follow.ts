/**
 * A serial console as it grows. Hosts are asked for the last lines again and again while somebody
 * watches, once for each watcher; what is new is told.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { notFound } from '../../services/errors.ts'
import type { Request } from '../request.ts'

const LOOK_MS = 1_000
/** By so many characters at the end of what was told the place is found again. */
const ANCHOR = 2_000

interface Said {
  text: string
  reset: boolean
}

export async function* followConsole(
  ctx: Request,
  server: { id: string; projectId: string },
  lines: number,
): AsyncGenerator<Said> {
  let told: string | null = null
  while (!ctx.signal.aborted) {
    const row = await ctx.db.server.findFirst({
      where: server,
      select: { host: { select: { name: true } } },
    })
    if (!row) throw notFound('server', server.id)
    const now = row.host ? await ctx.consoles.log(row.host.name, server.id, lines) : null
    // A host that can't be reached says nothing, and forgets nothing.
    if (now !== null) {
      const said = whatFollows(told, now)
      if (said) yield said
      told = now
    }
    await sleep(LOOK_MS, undefined, { signal: ctx.signal }).catch(() => {})
  }
}

/** What `now` adds to `told`, both being the end of one log; null: nothing. */
export function whatFollows(told: string | null, now: string): Said | null {
  if (told === null) return { text: now, reset: true }
  if (now === told) return null
  const anchor = told.slice(-ANCHOR)
  const at = anchor ? now.lastIndexOf(anchor) : 0
  if (at < 0) return { text: now, reset: true }
  const text = now.slice(at + anchor.length)
  return text ? { text, reset: false } : { text: now, reset: true }
}
