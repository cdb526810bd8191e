/**
 * How many consoles may be open at once. Each holds a connection to a host and one to a browser: who opens
 * them in a loop must not take them from others.
 *
 * R1 They are counted in the API process that holds them, and nowhere else: a console ends with its
 *    process, and a count that outlives it would lock people out. With several API processes each
 *    grants as much.
 * R2 Nobody is let in between the look and the count: `enter` does both at once.
 */
import { CloudError } from '../errors.ts'

export interface ConsoleLimits {
  consolesPerUser: number
  consolesPerProject: number
  consolesPerServer: number
}

/** For whom a console is open, and of what. */
export interface ConsoleHolder {
  userId: string
  projectId: string | null
  serverId: string
}

interface Row {
  limit: keyof ConsoleLimits
  whose: string
  key: string
}

const rowsOf = ({ userId, projectId, serverId }: ConsoleHolder): Row[] => [
  { limit: 'consolesPerServer', whose: 'A server', key: serverId },
  { limit: 'consolesPerUser', whose: 'A user', key: userId },
  ...(projectId
    ? [{ limit: 'consolesPerProject', whose: 'A project', key: projectId } as const]
    : []),
]

export class ConsoleRoom {
  private readonly open = new Map<string, number>()

  constructor(private readonly limits: ConsoleLimits) {}

  /** Why there is no room for one more: QUOTA_EXCEEDED, or null. */
  refusal(holder: ConsoleHolder): CloudError | null {
    for (const { limit, whose, key } of rowsOf(holder)) {
      const [used, most] = [this.used({ limit, key }), this.limits[limit]]
      if (used < most) continue
      const message = `${whose} may have ${most} consoles open at once: close one`
      const details = { resource: `compute.${limit}`, limit: most, used, requested: 1 }
      return new CloudError('QUOTA_EXCEEDED', message, details)
    }
    return null
  }

  /** Takes room; the returned function gives it back, once. Throws as `refusal` says. */
  enter(holder: ConsoleHolder): () => void {
    const refusal = this.refusal(holder)
    if (refusal) throw refusal
    const rows = rowsOf(holder)
    for (const row of rows) this.add(row, 1)
    let isIn = true
    return () => {
      if (isIn) for (const row of rows) this.add(row, -1)
      isIn = false
    }
  }

  private used({ limit, key }: Pick<Row, 'limit' | 'key'>): number {
    return this.open.get(`${limit}/${key}`) ?? 0
  }

  private add(row: Row, change: number): void {
    const now = this.used(row) + change
    if (now > 0) this.open.set(`${row.limit}/${row.key}`, now)
    else this.open.delete(`${row.limit}/${row.key}`)
  }
}
