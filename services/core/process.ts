/** The processes of the cloud: those that have the database by their own word, agents by their hosts'. */
import { everywhere } from '../cells/cells.ts'
import type { Db } from '../context.ts'

/** How often a process says that it is alive. */
export const PROCESS_BEAT_MS = 10_000
/** Silent for longer, it is DOWN. */
const DOWN_AFTER_MS = 3.5 * PROCESS_BEAT_MS

export interface ProcessView {
  id: string
  hostName: string
  pid: number | null
  roles: string[]
  version: string | null
  state: 'UP' | 'DOWN'
  startedAt: Date | null
  heartbeatAt: Date | null
}

/** As a list in pages has it: those behind an id, in the order of their ids. */
export const processSource = (db: Db) => ({
  $name: 'process',
  async findMany({ where, take }: { where: object; take: number }): Promise<ProcessView[]> {
    const behind = behindOf(where)
    const rows = await everywhere(
      db,
      (one) => one.$queryRaw<ProcessView[]>`
      select id, host_name as "hostName", pid, roles, version, started_at as "startedAt",
             heartbeat_at as "heartbeatAt",
             case when heartbeat_at > now() - ${DOWN_AFTER_MS}::int * interval '1 millisecond'
               then 'UP' else 'DOWN' end as state
      from core.process where ${behind}::uuid is null or id > ${behind}::uuid
      union all
      select id, name, null, array['agent'], null, agent_started_at, heartbeat_at, status
      from compute.host where ${behind}::uuid is null or id > ${behind}::uuid
      order by 1 limit ${take}::int`,
    )
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, take)
  },
  async count(): Promise<number> {
    const [processes, hosts] = await Promise.all([db.process.count(), db.host.count()])
    return processes + hosts
  },
})

/** What a cursor says: the list has no other condition. */
function behindOf(where: object): string | null {
  const { AND = [] } = where as { AND?: { id?: { gt?: string } }[] }
  return AND.map((one) => one.id?.gt).find((id) => id !== undefined) ?? null
}
