/** The hosts in memory against a real database: what changed is seen, and decisions in a large cloud. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../server/database/client.ts'
import { HostTable } from '../../services/compute/placement-hosts.ts'
import { makePlacer } from '../../services/compute/placement-placer.ts'
import { placementDefaults } from '../../services/compute/placement-settings.ts'
import type { HostView, PlacementRequest } from '../../services/compute/placement-view.ts'
import { newId } from '../../services/id.ts'
import { freshDatabase } from '../support/database.ts'

const HOSTS = 1_000

let database: Database
let drop: () => Promise<void>

beforeAll(async () => {
  const fresh = await freshDatabase()
  drop = fresh.drop
  database = openDatabase({ url: fresh.url })
  await insertHosts(HOSTS)
})
afterAll(async () => {
  await database?.close()
  await drop?.()
})

const db = () => database.prisma

async function insertHosts(count: number, prefix = 'h'): Promise<void> {
  await db().$executeRaw`
    with made as (
      insert into compute.host (id, name, driver, status, traits, created_at, updated_at)
      select gen_random_uuid(), ${prefix} || lpad(n::text, 5, '0'), 'simulated', 'UP',
             case when n % 100 = 0 then array['CUSTOM_RARE'] else '{}' end, now(), now()
      from generate_series(1, ${count}::int) n returning id)
    insert into compute.inventory (host_id, resource, total, allocation_ratio)
    select id, r.name, r.total, r.ratio
    from made, (values ('VCPU', 16, 4), ('MEMORY_MB', 32768, 1), ('DISK_GB', 1000, 1))
      r (name, total, ratio)`
}

const request = (more: Partial<PlacementRequest> = {}): PlacementRequest => ({
  resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 },
  tried: [],
  serverId: newId(),
  ...more,
})

/** What a table knows, in an order of its own. */
const known = (table: HostTable): HostView[] =>
  table.all().map((host) => ({
    ...host,
    inventory: [...host.inventory].sort((a, b) => (a.resource < b.resource ? -1 : 1)),
  }))

describe('the table', () => {
  it('sees every change, by whatever way it came, as a table that is read anew does', async () => {
    const table = new HostTable(db(), placementDefaults)
    await table.refresh()
    expect(table.size).toBe(HOSTS)
    const [first, second] = table.all() as [HostView, HostView]
    const aggregateId = newId()
    const changes = [
      () => db().host.updateMany({ where: { id: first.id }, data: { enabled: false } }),
      () => db().inventory.updateMany({ where: { hostId: second.id }, data: { used: 3 } }),
      () => insertHosts(3, 'new'),
      () => db().host.delete({ where: { id: first.id } }),
      async () => {
        await db().host.delete({ where: { id: second.id } })
        await insertHosts(1, 'other')
      },
      () =>
        db().aggregate.create({
          data: {
            ...{ id: aggregateId, name: 'a', availabilityZone: 'east' },
            ...{ createdAt: new Date(), updatedAt: new Date() },
            hosts: { create: [{ hostId: (table.all()[5] as HostView).id }] },
          },
        }),
      async () => {
        await db().aggregateHost.deleteMany({ where: { aggregateId } })
        await db().aggregate.update({ where: { id: aggregateId }, data: { version: 2 } })
      },
    ]
    for (const change of changes) {
      await change()
      await table.refresh()
      const anew = new HostTable(db(), placementDefaults)
      await anew.refresh()
      expect(known(table)).toEqual(known(anew))
    }
  })

  it('sees what a transaction wrote that began before the last look and ended after it', async () => {
    const table = new HostTable(db(), placementDefaults)
    await table.refresh()
    const host = table.all()[7] as HostView
    let written = (): void => {}
    let finish = (): void => {}
    const hasWritten = new Promise<void>((resolve) => (written = resolve))
    const mayFinish = new Promise<void>((resolve) => (finish = resolve))
    const slow = db().$transaction(
      async (tx) => {
        await tx.inventory.updateMany({ where: { hostId: host.id }, data: { used: 9 } })
        written()
        await mayFinish
      },
      { timeout: 60_000 },
    )
    await hasWritten
    // Later transactions are over before it is.
    await db().host.updateMany({ where: { id: host.id }, data: { failedBuilds: 1 } })
    await table.refresh()
    expect(host.failedBuilds).toBe(1)
    expect(host.inventory.every(({ used }) => used === 0)).toBe(true)
    finish()
    await slow
    await table.refresh()
    expect(host.inventory.every(({ used }) => used === 9)).toBe(true)
  })

  it('counts what was promised until the host says something new', async () => {
    const table = new HostTable(db(), placementDefaults)
    await table.refresh()
    const host = table.all()[11] as HostView
    const used = () => host.inventory.find(({ resource }) => resource === 'VCPU')?.used
    table.promise(host, { VCPU: 2, MEMORY_MB: 64 })
    expect(used()).toBe(2)
    await table.refresh()
    expect(used()).toBe(2)
    await db().inventory.updateMany({ where: { hostId: host.id }, data: { used: 5 } })
    await table.refresh()
    expect(used()).toBe(5)
    table.promise(host, { VCPU: 2 })
    table.forgetPromises()
    expect(used()).toBe(5)
  })
})

describe('decisions in a large cloud', () => {
  it('look at some hosts, and spread over them', async () => {
    const placer = makePlacer(db(), placementDefaults)
    const chosen = new Map<string, number>()
    for (let i = 0; i < 300; i++) {
      const { hosts, explanation } = await placer.decide(request())
      expect(explanation.hostsTotal).toBeGreaterThan(900)
      expect(explanation.hostsExamined).toBeLessThan(200)
      expect(explanation.drawnFrom).toBeGreaterThan(1)
      const name = hosts[0]?.name as string
      chosen.set(name, (chosen.get(name) ?? 0) + 1)
    }
    expect(chosen.size).toBeGreaterThan(150)
    expect(Math.max(...chosen.values())).toBeLessThan(6)
  })

  it('differ between two schedulers that ask at once', async () => {
    const two = [makePlacer(db(), placementDefaults), makePlacer(db(), placementDefaults)]
    let same = 0
    for (let i = 0; i < 50; i++) {
      const [a, b] = await Promise.all(two.map((placer) => placer.decide(request())))
      if (a?.hosts[0]?.id === b?.hosts[0]?.id) same++
    }
    expect(same).toBeLessThan(10)
  })

  it('find the few hosts with a trait, and count all when there is none', async () => {
    const placer = makePlacer(db(), placementDefaults)
    const rare = await placer.decide(request({ requiredTraits: ['CUSTOM_RARE'] }))
    const { traits } = await db().host.findUniqueOrThrow({ where: { id: rare.hosts[0]?.id ?? '' } })
    expect(traits).toEqual(['CUSTOM_RARE'])
    expect(rare.explanation.hostsExamined).toBeLessThanOrEqual(11)

    const none = await placer.decide(request({ resources: { MEMORY_MB: 40_000 } }))
    const { explanation } = none
    expect(none.hosts).toEqual([])
    expect(explanation.hostsExamined).toBe(explanation.hostsTotal)
    const refused = explanation.filters.reduce((sum, filter) => sum + filter.refused, 0)
    expect(refused).toBe(explanation.hostsTotal)
    expect(explanation.nearestMiss?.shortBy).toEqual([{ resource: 'MEMORY_MB', amount: 7_232 }])
  })

  it('refuse nobody for what was promised and never claimed', async () => {
    const placer = makePlacer(db(), placementDefaults)
    const { id, name } = await db().host.findFirstOrThrow({ where: { enabled: true } })
    await db().inventory.updateMany({ where: { hostId: id }, data: { used: 0 } })
    const whole = { resources: { MEMORY_MB: 32_768 }, onlyHost: name }
    for (let i = 0; i < 3; i++) {
      expect((await placer.decide(request(whole))).hosts[0]?.id).toBe(id)
    }
  })
})
