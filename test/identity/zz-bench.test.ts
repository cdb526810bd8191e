import { it } from 'vitest'
import { openDatabase } from '../../server/database/client.ts'
import { Policy } from '../../services/access/policy.ts'
import { defaultRules } from '../../services/access/rules.ts'
import { newId } from '../../services/id.ts'
import { quotaClaim, quotaCommit, quotaRelease } from '../../services/identity/quota-claim.ts'
import { quotaFindings } from '../../services/identity/quota-audit.ts'
import { registeredLimitBootstrap } from '../../services/identity/registered-limit.ts'
import { freshDatabase } from '../support/database.ts'
it('bench', async () => {
  const fresh = await freshDatabase()
  const d = openDatabase({ url: fresh.url }); const db = d.prisma
  await registeredLimitBootstrap({ db, now: () => new Date() })
  await db.registeredLimit.updateMany({ data: { defaultLimit: -1 } })
  const t = { createdAt: new Date(), updatedAt: new Date() }
  const dom = await db.domain.create({ data: { id: newId(), name: 'x', nameKey: 'x', ...t } })
  const ids: string[] = []
  for (let i = 0; i < 5; i++) { const id = newId(); await db.project.create({ data: { id, domainId: dom.id, parentId: ids.at(-1) ?? null, name: id, nameKey: id, ...t } }); ids.push(id) }
  const amounts = { 'compute.cores': 1, 'compute.instances': 1, 'compute.memoryMiB': 128 }
  const policy = Policy.of(defaultRules)
  for (const [label, projectId] of [['depth1', ids[0]], ['depth5', ids[4]], ['depth5 again', ids[4]]] as const) {
    const owners = Array.from({ length: 300 }, () => newId())
    const time = async (what: string, f: (o: string) => Promise<unknown>) => { const s = performance.now(); for (const o of owners) await f(o); console.log(label, what, ((performance.now() - s) / 300).toFixed(2), 'ms') }
    await time('begin/commit only', () => db.$transaction(async (tx) => tx.$queryRaw`select 1 as one`))
    await time('claim', (ownerId) => db.$transaction((tx) => quotaClaim({ tx, region: 'RegionOne', policy, actor: null }, { projectId: projectId as string, ownerId, amounts })))
    await time('commit', (o) => db.$transaction((tx) => quotaCommit(tx, o)))
    await time('release', (o) => db.$transaction((tx) => quotaRelease(tx, o)))
  }
  await db.$executeRaw`insert into identity.quota_claim (owner_id, resource, project_id, amount, reserved) select gen_random_uuid(), r, p.id, 1, false from generate_series(1, 20000) n, unnest(array['compute.cores','compute.instances','compute.memoryMiB']) r, (select id from identity.project order by id desc limit 1) p`
  const s = performance.now(); await quotaFindings(db); console.log('audit of 60000 claims', performance.now() - s)
  await d.close(); await fresh.drop()
}, 120000)
