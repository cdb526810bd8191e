/** `nepho bootstrap`: what the first start of a cloud does to its database, without starting it. */
import { flavorBootstrap } from '../../services/compute/flavor.ts'
import { identityBootstrap } from '../../services/identity/bootstrap.ts'
import { registeredLimitBootstrap } from '../../services/identity/registered-limit.ts'
import { adminPassword } from '../admin-password.ts'
import type { Config } from '../config.ts'
import { type Database, openDatabase } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { loadKeys } from '../keys.ts'
import { patiently } from '../patience.ts'
import { withDatabase } from './database.ts'
import type { Say } from './terminal.ts'

/** May be repeated: it adds what is missing, and says so. */
export function bootstrap(config: Config, say: Say): Promise<void> {
  return withDatabase(config, async (url) => {
    // The cloud may be bringing its database up just now.
    const applied = await patiently(() => migrate({ url }))
    say(applied.length > 0 ? `migrations applied: ${applied.join(', ')}` : 'no migration was due')
    loadKeys(config.dataDir)
    const { password, file, isNew } = adminPassword(config.dataDir, config.adminPassword)
    const database = openDatabase({ url, poolSize: 2 })
    try {
      const before = await rowCounts(database)
      const start = { db: database.prisma, now: () => new Date() }
      await identityBootstrap(start, password)
      await registeredLimitBootstrap(start)
      await flavorBootstrap(start)
      say(added(before, await rowCounts(database)))
    } finally {
      await database.close()
    }
    if (isNew) say(`the password of a new administrator is kept in ${file}`)
  })
}

/** What a cloud begins with may be in any of these. */
const TABLES = [
  ...['identity.domain', 'identity.role', 'identity.user', 'identity.project', 'identity.quota'],
  ...['identity.role_assignment', 'identity.region', 'identity.service', 'identity.endpoint'],
  ...['identity.registered_limit', 'compute.flavor'],
]

async function rowCounts({ pool }: Database): Promise<Map<string, number>> {
  const one = (name: string) => {
    const [schema, table] = name.split('.')
    return `select '${table}' as "table", count(*)::int as count from "${schema}"."${table}"`
  }
  const { rows } = await pool.query<{ table: string; count: number }>(
    TABLES.map(one).join(' union all '),
  )
  return new Map(rows.map(({ table, count }) => [table, count]))
}

function added(before: Map<string, number>, after: Map<string, number>): string {
  const more = [...after].flatMap(([table, count]) => {
    const rows = count - (before.get(table) ?? 0)
    return rows > 0 ? [`${rows} ${table.replaceAll('_', ' ')}`] : []
  })
  return more.length > 0 ? `first rows added: ${more.join(', ')}` : 'the first rows are all there'
}
