/** Where secrets must not be: everything that is written down about a change. */
import type { Cloud } from '../../services/context.ts'

/** Events, audit entries and stored answers, as one text to look for a secret in. */
export async function writtenDown({ db }: Pick<Cloud, 'db'>): Promise<string> {
  const rows = await Promise.all([
    db.$queryRaw`select to_jsonb(e)::text as row from core.event e`,
    db.$queryRaw`select to_jsonb(a)::text as row from core.audit_event a`,
    db.$queryRaw`select to_jsonb(k)::text as row from core.idempotency_key k`,
    db.$queryRaw`select to_jsonb(t)::text as row from core.task t`,
  ])
  return JSON.stringify(rows)
}
