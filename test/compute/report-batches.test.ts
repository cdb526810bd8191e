/** Many reports at once: applied together, and one that is wrong costs the others nothing. */
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { type HostReport, hostsReport } from '../../services/compute/host-report.ts'
import type { ReportedMachine } from '../../services/compute/reconcile.ts'
import { newId } from '../../services/id.ts'
import { reportFrom } from '../../workers/conductor/report-shape.ts'
import { inBatches } from '../../workers/in-batches.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

const HOSTS = 300

const bus = makeInProcessBus({ log: pino({ level: 'silent' }) })
let cloud: Cluster
beforeAll(async () => {
  // No beat of the cluster's own hosts falls into this.
  cloud = await startCluster({ heartbeatMs: 600_000, bus })
}, 120_000)
afterAll(() => cloud?.stop())

const report = (name: string, sequence: number, more: Partial<HostReport> = {}) => ({
  kind: 'host',
  host: name,
  driver: 'simulated',
  bootId: 'boot',
  agentStartedAt: '2026-01-01T00:00:00.000Z',
  sequence,
  at: '2026-01-01T00:00:00.000Z',
  inventory: { vcpus: 4, memoryMiB: 8192, diskGiB: 100 },
  capabilities: [{ name: 'hypervisor', value: 'simulated' }],
  traits: ['CUSTOM_B', 'CUSTOM_A'],
  machines: [],
  problem: null,
  ...more,
})

const many = (sequence: number, prefix: string) =>
  Array.from({ length: HOSTS }, (_, i) => report(`${prefix}-${i}`, sequence))

const countOf = (where: object) => cloud.cloud.db.host.count({ where })

it('hosts that come at once all join, with their inventory, in few statements', async () => {
  cloud.statements.count = 0
  for (const one of many(1, 'wave')) await bus.publish('conductor.reports', one)
  const name = { startsWith: 'wave-' }
  await until('all are there', async () => (await countOf({ name, status: 'UP' })) === HOSTS)
  expect(cloud.statements.count).toBeLessThan(HOSTS)
  const rows = await cloud.cloud.db.inventory.count({ where: { host: { name } } })
  expect(rows).toBe(3 * HOSTS)
  const events = await cloud.cloud.db.event.count({ where: { type: 'host.created' } })
  expect(events).toBeGreaterThanOrEqual(HOSTS)
})

it('hosts that were silent speak again all at once, but those that are said to be dead', async () => {
  const { db, now } = cloud.cloud
  const name = { startsWith: 'wave-' }
  await db.host.updateMany({ where: { name }, data: { status: 'DOWN' } })
  await db.host.update({ where: { name: 'wave-7' }, data: { forcedDown: true } })
  const before = await db.host.findUniqueOrThrow({ where: { name: 'wave-1' } })
  cloud.statements.count = 0
  await hostsReport({ db, now: () => now() }, many(2, 'wave'))
  expect(cloud.statements.count).toBeLessThan(20)
  expect(await countOf({ name, status: 'UP' })).toBe(HOSTS - 1)
  expect((await db.host.findUniqueOrThrow({ where: { name: 'wave-7' } })).status).toBe('DOWN')
  const after = await db.host.findUniqueOrThrow({ where: { name: 'wave-1' } })
  expect(after.generation).toBe(before.generation + 1)
})

it('what breaks a batch, or has no shape, costs the others nothing', async () => {
  const bad = [
    null,
    'text',
    { kind: 'host', host: 'nul\0' },
    report('no-number', 1, { inventory: { vcpus: Number.NaN, memoryMiB: 1, diskGiB: 1 } }),
    report('no-date', 1, { agentStartedAt: 'yesterday' }),
    report('no-id', 1, { machines: [{ id: 'x', powerState: 'RUNNING', fence: 1n }] }),
    ...['half \ud800', 'nul \0', 'x'.repeat(4_001)].flatMap((text, i) => [
      report(`no-reason-${i}`, 1, { machines: [down(text)] }),
      report(`no-value-${i}`, 1, { capabilities: [{ name: 'a', value: text }] }),
    ]),
  ]
  for (const each of bad.filter((one) => one !== null && typeof one === 'object')) {
    await bus.publish('conductor.reports', JSON.parse(plain(each)))
  }
  await bus.publish('conductor.reports', report('good', 1))
  await until('the good one is there', async () => (await countOf({ name: 'good' })) === 1)
  expect(await countOf({ name: { startsWith: 'no-' } })).toBe(0)
  for (const each of bad) expect(reportFrom(each)).toBeNull()
  expect(reportFrom(report('good', 1))).not.toBeNull()
})

const down = (reason: string): ReportedMachine => ({
  ...{ id: newId(), powerState: 'SHUTDOWN', reason, fence: null, busy: false },
})

it.each([
  ['facts', 'compute.host', 'new.driver is distinct from old.driver'],
  ['machines', 'compute.server', 'true'],
])(
  'what can not be written of one host’s %s costs the others nothing',
  async (what, table, when) => {
    const { db } = cloud.cloud
    const names = ['first', 'second', 'third'].map((name) => `${what}-${name}`)
    for (const name of names) await bus.publish('conductor.reports', report(name, 1))
    const there = async () => (await countOf({ name: { in: names } })) === 3
    await until('all are there', there)
    const servers = await Promise.all(names.map(serverOn))
    const broken = (await db.host.findUniqueOrThrow({ where: { name: `${what}-first` } })).id
    const id = table === 'compute.host' ? 'id' : 'host_id'
    await db.$executeRawUnsafe(`
    create function refuse_${what}() returns trigger language plpgsql
    as 'begin raise exception ''refused''; end'`)
    await db.$executeRawUnsafe(`
    create trigger refuse_${what} before update on ${table} for each row
    when (new.${id} = '${broken}' and ${when}) execute function refuse_${what}()`)
    // In one batch.
    await Promise.all(
      names.map((name, i) => {
        const machines = [{ ...down('off'), id: servers[i] ?? '' }]
        return bus.publish('conductor.reports', report(name, 2, { driver: 'another', machines }))
      }),
    )
    const statusOf = async (at: number) =>
      (await db.server.findUniqueOrThrow({ where: { id: servers[at] ?? '' } })).status
    await until('the others are told of', async () => {
      return (await statusOf(1)) === 'SHUTOFF' && (await statusOf(2)) === 'SHUTOFF'
    })
    expect(await statusOf(0)).toBe('ACTIVE')
  },
)

async function serverOn(name: string): Promise<string> {
  const { db } = cloud.cloud
  const { id: hostId } = await db.host.findUniqueOrThrow({ where: { name } })
  const { id: projectId } = await db.project.findFirstOrThrow()
  const { id: flavorId } = await db.flavor.findFirstOrThrow()
  const size = { vcpus: 1, memoryMiB: 1, diskGiB: 1, status: 'ACTIVE', powerState: 'RUNNING' }
  const times = { createdAt: new Date(), updatedAt: new Date() }
  const of = { projectId, flavorId, userId: newId(), hostId, name }
  return (await db.server.create({ data: { id: newId(), ...of, ...size, ...times } })).id
}

const plain = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? Number(each) : each))

it('old news among new ones change nothing, and a host whose row is held is not waited for in vain', async () => {
  const { db, now } = cloud.cloud
  const services = { db, now: () => now() }
  const three = ['a', 'b', 'c'].map((name) => report(`mixed-${name}`, 5))
  expect((await hostsReport(services, three)).size).toBe(3)
  const next = [report('mixed-a', 6), report('mixed-b', 4), report('mixed-d', 1)]
  const ids = await hostsReport(services, next)
  expect([...ids.keys()].sort()).toEqual(['mixed-a', 'mixed-d'])
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const holding = db.$transaction(async (tx) => {
    await tx.$executeRaw`select from compute.host where name = 'mixed-a' for no key update`
    const applied = hostsReport(services, [report('mixed-a', 7), report('mixed-c', 7)])
    await until('the free one is applied', async () => {
      const free = await db.host.findUniqueOrThrow({ where: { name: 'mixed-c' } })
      return free.sequence === 7n
    })
    release()
    return { applied }
  })
  await held
  const both = await (await holding).applied
  expect([...both.keys()].sort()).toEqual(['mixed-a', 'mixed-c'])
})

/** The database, with something that others do just before each transaction. */
const withBefore = (others: () => Promise<unknown>): Cluster['cloud']['db'] =>
  new Proxy(cloud.cloud.db, {
    get(db, key) {
      if (key !== '$transaction') return Reflect.get(db, key)
      return async (work: Parameters<typeof db.$transaction>[0]) => {
        await others()
        return db.$transaction(work)
      }
    },
  })

it('a report that is applied while an operator says that its host is dead does not undo that', async () => {
  const { db, now } = cloud.cloud
  const name = 'dead-meanwhile'
  await hostsReport({ db, now: () => now() }, [report(name, 1)])
  const data = { forcedDown: true, status: 'DOWN' }
  const late = withBefore(() => db.host.update({ where: { name }, data }))
  const news = report(name, 2, { driver: 'another', traits: ['CUSTOM_A'] })
  await hostsReport({ db: late, now: () => now() }, [news])
  expect(await db.host.findUniqueOrThrow({ where: { name } })).toMatchObject({
    ...{ forcedDown: true, status: 'DOWN', driver: 'another', traits: ['CUSTOM_A'], version: 2 },
    capabilities: news.capabilities,
  })
})

it('a report that is applied while its host is removed writes nothing', async () => {
  const { db, now } = cloud.cloud
  const name = 'removed-meanwhile'
  await hostsReport({ db, now: () => now() }, [report(name, 1)])
  const late = withBefore(() => db.host.deleteMany({ where: { name } }))
  const inventory = { vcpus: 8, memoryMiB: 8192, diskGiB: 100 }
  await hostsReport({ db: late, now: () => now() }, [report(name, 2, { inventory })])
  expect(await countOf({ name })).toBe(0)
})

it('items that come while a batch is done are the next one', async () => {
  const batches: number[][] = []
  let go = (): void => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const add = inBatches<number>(3, async (items) => {
    batches.push(items)
    if (items.includes(9)) throw new Error('nine')
    await gate
  })
  const first = add(1)
  await until('it began', () => Promise.resolve(batches.length === 1))
  const rest = [2, 3, 4, 5].map(add)
  go()
  await Promise.all([first, ...rest])
  expect(batches).toEqual([[1], [2, 3, 4], [5]])
  await expect(add(9)).rejects.toThrow('nine')
  await expect(add(6)).resolves.toBeUndefined()
})
