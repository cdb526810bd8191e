import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Db } from '../services/context.ts'
import { taskCounts } from '../services/core/task.ts'

/** What /metrics tells beside the API's own: from the rows themselves, so it can not drift. */
export function makeMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const statements = new Counter({
    name: 'nephograph_sql_statements_total',
    help: 'Statements sent to the database.',
    registers: [registry],
  })
  const finished = new Counter({
    name: 'nephograph_tasks_finished_total',
    help: 'Tasks that ended in this process, by kind.',
    labelNames: ['kind'] as const,
    registers: [registry],
  })
  const findings = new Gauge({
    name: 'nephograph_quota_findings',
    help: 'What the latest look of this process at the books of quotas found wrong.',
    registers: [registry],
  })
  return {
    registry,
    statement: () => statements.inc(),
    taskFinished: (kind: string) => finished.inc({ kind }),
    quotaFindings: (count: number) => findings.set(count),
    /** Gauges that are read from the database when they are asked for. */
    readFrom(db: Db) {
      new Gauge({
        name: 'nephograph_tasks_unfinished',
        help: 'Tasks that are not finished, by kind and status.',
        labelNames: ['kind', 'status'] as const,
        registers: [registry],
        async collect() {
          this.reset()
          for (const { kind, status, count } of await taskCounts(db))
            this.set({ kind, status }, count)
        },
      })
      new Gauge({
        name: 'nephograph_servers',
        help: 'Servers by status.',
        labelNames: ['status'] as const,
        registers: [registry],
        async collect() {
          this.reset()
          const rows = await db.server.groupBy({ by: ['status'], _count: true })
          for (const { status, _count } of rows) this.set({ status }, _count)
        },
      })
      new Gauge({
        name: 'nephograph_hosts',
        help: 'Hosts by status.',
        labelNames: ['status'] as const,
        registers: [registry],
        async collect() {
          this.reset()
          const rows = await db.host.groupBy({ by: ['status'], _count: true })
          for (const { status, _count } of rows) this.set({ status }, _count)
        },
      })
    },
  }
}
