/**
 * Decisions of the scheduler over 100, 1,000 and 10,000 hosts: the scheduler itself, asked over the bus
 * inside of this process, on the product's PostgreSQL. Each decision is claimed as the conductor does
 * it, so that the hosts change under the scheduler all the time.
 */
import { loadTypeScript } from '../load-typescript.mjs'
import { inParallel } from './client.mjs'
import { figure } from './figures.mjs'

const CLIENTS = 16
const CALL_TIMEOUT_MS = 60_000
/** Decisions that are not measured. */
const WARM_UP = 200
const REQUEST = { resources: { VCPU: 1, MEMORY_MB: 256, DISK_GB: 1 }, tried: [] }
/** More memory than any of the hosts has. */
const IMPOSSIBLE = { ...REQUEST, resources: { ...REQUEST.resources, MEMORY_MB: 10_000_000 } }

const INSERT = `
  with made as (
    insert into compute.host (id, name, driver, status, heartbeat_at, traits, created_at, updated_at)
    select gen_random_uuid(), 'bench-' || n, 'bench', 'UP', now() + interval '1 day',
           '{HW_CPU_X86_AVX2,COMPUTE_NODE}', now(), now()
    from generate_series($1::int, $2::int) n returning id)
  insert into compute.inventory (host_id, resource, total, allocation_ratio)
  select id, r.name, r.total, r.ratio
  from made, (values ('VCPU', 64, 16), ('MEMORY_MB', 262144, 1), ('DISK_GB', 4000, 1))
    r (name, total, ratio)`
/** The heart of services/compute/allocation.ts, without a server. */
const CLAIM = `
  with seen as (select id from compute.host where id = $1 and generation = $2 for no key update)
  update compute.inventory i set used = i.used + w.amount
  from seen, unnest($3::text[], $4::bigint[]) w (resource, amount)
  where i.host_id = seen.id and i.resource = w.resource
    and i.used + w.amount <= floor((i.total - i.reserved) * i.allocation_ratio)`

/** The hosts that the product has are passed over: it would place nothing on ours either. */
export async function measureScheduler(product, { sizes, decisions, refusals }) {
  const pool = product.sql(CLIENTS)
  const rows = []
  try {
    await pool.query('update compute.host set enabled = false')
    let [hosts, smallest] = [0, null]
    for (const size of sizes) {
      await pool.query(INSERT, [hosts + 1, size])
      await pool.query('analyze compute.host, compute.inventory')
      hosts = size
      const measured = await withScheduler(product, pool, (ask) => measure(ask, pool, decisions))
      smallest ??= { name: `${size} hosts`, cpuMs: measured.cpuMs, perSecond: measured.perSecond }
      rows.push(...rowsOf(size, measured, smallest))
    }
    rows.push(await refused(product, pool, hosts, refusals))
    return rows
  } finally {
    await pool.query(`delete from compute.inventory where host_id in
      (select id from compute.host where driver = 'bench')`)
    await pool.query("delete from compute.host where driver = 'bench'")
    await pool.query('update compute.host set enabled = true')
    await pool.end()
  }
}

function rowsOf(size, { perSecond, cpuMs, lost }, smallest) {
  const isFirst = smallest.name === `${size} hosts`
  const of = (value) => (isFirst ? {} : { baseline: { name: smallest.name, value } })
  return [
    {
      measure: `decisions of the scheduler, ${figure(size, '')} hosts, each claimed`,
      ...{ value: perSecond, unit: 'per s', note: `${figure(100 * lost, '')} % lost the claim` },
      ...of(smallest.perSecond),
    },
    {
      measure: `CPU of a decision, ${figure(size, '')} hosts, PostgreSQL without`,
      ...{ value: cpuMs, unit: 'ms', ...of(smallest.cpuMs) },
    },
  ]
}

async function refused(product, pool, size, count) {
  const { perSecond } = await withScheduler(product, pool, (ask) =>
    inParallel(CLIENTS, count, () => ask(IMPOSSIBLE)),
  )
  return {
    measure: `refusals that explain themselves, ${figure(size, '')} hosts`,
    ...{ value: perSecond, unit: 'per s' },
  }
}

async function measure(ask, pool, decisions) {
  let lost = 0
  const [names, amounts] = [Object.keys(REQUEST.resources), Object.values(REQUEST.resources)]
  const cpuBefore = process.cpuUsage()
  const { perSecond } = await inParallel(CLIENTS, decisions, async () => {
    const { hosts } = await ask(REQUEST)
    if (!hosts[0]) throw new Error('no host was found')
    const claimed = await pool.query(CLAIM, [hosts[0].id, hosts[0].generation, names, amounts])
    if (claimed.rowCount !== names.length) lost++
  })
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond, cpuMs: (user + system) / 1000 / decisions, lost: lost / decisions }
}

/** A scheduler and a way to ask it, for as long as the work takes. The first decisions are not counted. */
async function withScheduler(product, pool, work) {
  const [{ openDatabase }, { makePlacer }, { placementDefaults }, { startScheduler }] =
    await Promise.all(
      [
        'server/database/client.ts',
        'services/compute/placement-placer.ts',
        'services/compute/placement-settings.ts',
        'workers/scheduler.ts',
      ].map(loadTypeScript),
    )
  const { makeInProcessBus } = await loadTypeScript('server/bus/in-process.ts')
  const { makeCaller } = await loadTypeScript('workers/call.ts')
  const { pino } = await import('pino')
  const log = pino({ level: 'silent' })
  const { host, user, database } = pool.options
  const url = `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}`
  const db = openDatabase({ url })
  const bus = makeInProcessBus({ log })
  const scheduler = await startScheduler(bus, makePlacer(db.prisma, placementDefaults), log)
  const caller = await makeCaller(bus, { name: 'bench', log })
  let calls = 0
  const ask = (input) =>
    caller.call('scheduler', {
      ...{ callId: `bench/${++calls}`, fence: null, verb: 'place', input, requestId: null },
      timeoutMs: CALL_TIMEOUT_MS,
    })
  try {
    // Compiled and warm, as a scheduler that has been up for a while.
    await inParallel(CLIENTS, WARM_UP, () => ask(REQUEST))
    return await work(ask)
  } finally {
    await caller.close()
    await scheduler.stop()
    await bus.close()
    await db.close()
  }
}
