/**
 * A serial console as it grows: who watches is told what is new. Hosts are asked by console-look.ts,
 * once for all who watch the same console.
 */
import type { Request } from '../request.ts'
import { lookTogether } from './console-look.ts'

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
  for await (const now of lookTogether(ctx, server, lines)) {
    const said = whatFollows(told, now)
    if (said) yield said
    told = now
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
