/**
 * Faults for the task engine. A `Cluster` without a conductor, and owners of tasks that work by hand:
 * one claims a task, dies or loses its connection at a chosen statement, another takes over.
 *
 * F1 What a dead owner had open is rolled back by the server, what it had sent is not called back:
 *    as after kill -9.
 * F2 Leases end when the test says so, not by the clock.
 */
import type pg from 'pg'
import { pino } from 'pino'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { type Database, openDatabase } from '../../server/database/client.ts'
import type { Task } from '../../services/core/task.ts'
import { taskClaim } from '../../services/core/task.ts'
import { unseal } from '../../services/identity/sealed.ts'
import { type Caller, makeCaller } from '../../workers/call.ts'
import { type EngineSettings, runTask } from '../../workers/conductor/engine.ts'
import { startReports } from '../../workers/conductor/reports.ts'
import type { TaskKind } from '../../workers/conductor/task.ts'
import { taskKinds } from '../../workers/registry.ts'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { until } from './until.ts'

const LEASE_MS = 60_000
const HEARTBEAT_MS = 200
/** Claims that a task may need until it ends, retries included. */
const MAX_CLAIMS = 60

export interface TaskWorld extends Cluster {
  caller: Caller
  /** Claims the task over and over, as if every lease and every pause were over at once. */
  finish(taskId: string, owner?: Owner, change?: Change): Promise<Finished>
  owner(fault?: StatementFault): Owner
}

/** What a test makes of a kind of task before it is run. */
export type Change = (kind: TaskKind) => TaskKind

export interface Finished {
  status: string
  round: number
  steps: { name: string; status: string; attempts: number; message?: string | null }[]
  error: { code: string; message: string; step: string } | null
}

/** A cloud with api, scheduler, agents and reports, in which nobody runs tasks but the test. */
export async function startTaskWorld(
  options: Pick<ClusterOptions, 'hosts' | 'simulated'> = {},
): Promise<TaskWorld> {
  const log = pino({ level: process.env.NEPHO_TEST_LOG ?? 'silent' })
  const bus = makeInProcessBus({ log })
  const cluster = await startCluster({
    ...options,
    bus,
    heartbeatMs: HEARTBEAT_MS,
    config: { roles: ['api', 'scheduler', 'agent'] },
  })
  const caller = await makeCaller(bus, { name: 'test', log })
  const seen = new Set<string>()
  const onHost = (host: string): void => void seen.add(host)
  const { cloud } = cluster
  const reports = await startReports({
    ...{ cloud, bus, caller, log, heartbeatMs: 5_000, onHost },
    strangersJoin: true,
  })
  await until('all hosts are up', () => seen.size === cluster.drivers.length)
  const lines: Line[] = []
  const stopCluster = cluster.stop
  const world = cluster as TaskWorld
  let owners = 0
  const owner = (fault?: StatementFault): Owner => {
    const free = lines.find((line) => line.holder === null)
    const line = free ?? new Line(cluster.databaseUrl)
    if (!free) lines.push(line)
    return new Owner(world, line, `owner-${++owners}`, fault)
  }
  const healthy = owner()
  const finishing = new Map<string, Promise<Finished>>()
  return Object.assign(world, {
    caller,
    owner,
    finish(taskId: string, by = healthy, change?: Change) {
      if (by !== healthy || change) return finish(world, taskId, by, change)
      // Who wait for the same task wait together: they would take it from each other for ever.
      const begun = finishing.get(taskId)
      const end = begun ?? finish(world, taskId, by).finally(() => finishing.delete(taskId))
      finishing.set(taskId, end)
      return end
    },
    async stop() {
      for (const line of lines) await line.database.close().catch(() => {})
      await reports.stop()
      await caller.close()
      await stopCluster()
      await bus.close()
    },
  })
}

async function finish(
  { cloud: { db } }: TaskWorld,
  taskId: string,
  by: Owner,
  change?: Change,
): Promise<Finished> {
  for (let claims = 0; claims < MAX_CLAIMS; claims++) {
    await db.$executeRaw`
      update core.task set due_at = now() where id = ${taskId}::uuid and finished_at is null`
    await by.work(taskId, change)
    const task = await db.task.findUniqueOrThrow({ where: { id: taskId } })
    if (task.finishedAt) return task as unknown as Finished
  }
  throw new Error(`the task did not end within ${MAX_CLAIMS} claims`)
}

/**
 * What happens at the n-th statement, once it has been executed (from 1): the owner dies, or the
 * answer and the connection are lost and the owner lives on. `null`: nothing.
 */
export type StatementFault = (n: number) => 'dies' | 'breaks' | null

/** A way to the database that an owner can lose. Making one is dear: they are used again. */
class Line {
  readonly database: Database
  holder: Owner | null = null
  private readonly clients = new Set<pg.PoolClient>()

  constructor(url: string) {
    this.database = openDatabase({ url, poolSize: 2 })
    this.database.pool.on('connect', (client) => this.spoil(client))
  }

  cutAll(): void {
    for (const client of this.clients) cut(client)
    this.clients.clear()
  }

  private spoil(client: pg.PoolClient): void {
    this.clients.add(client)
    client.on('error', () => {})
    const target = client as unknown as { query(...given: unknown[]): unknown }
    const submit = target.query.bind(client)
    // Transactions ask for a promise, the pool gives a callback, last.
    target.query = (...given) => {
      const callback = given.at(-1)
      if (typeof callback !== 'function') {
        return this.isDead ? Promise.reject(lost()) : this.answered(client, submit(...given))
      }
      if (this.isDead) return callback(lost())
      return submit(...given.slice(0, -1), async (error: unknown, rows: unknown) => {
        const failure = error ?? (await this.strike(client))
        callback(failure, failure ? undefined : rows)
      })
    }
  }

  private get isDead(): boolean {
    return this.holder?.dead ?? false
  }

  private async answered(client: pg.PoolClient, answer: unknown): Promise<unknown> {
    const rows = await answer
    const failure = await this.strike(client)
    if (failure) throw failure
    return rows
  }

  /** After each statement: what becomes of its answer. */
  private async strike(client: pg.PoolClient): Promise<Error | null> {
    if (!this.holder?.strikes()) return null
    // The connection is known to be gone before anybody hears of it: the pool gives it to no one.
    const noticed = new Promise((resolve) => client.once('end', () => resolve(null)))
    cut(client)
    this.clients.delete(client)
    await noticed
    return lost()
  }
}

export class Owner {
  /** Statements of its tasks so far. */
  statements = 0
  private readonly dying = new AbortController()

  constructor(
    private readonly world: TaskWorld,
    private readonly line: Line,
    readonly name: string,
    private readonly fault: StatementFault = () => null,
  ) {
    line.holder = this
  }

  get dead(): boolean {
    return this.dying.signal.aborted
  }

  /** As kill -9: nothing more is written, nothing is waited for. */
  die(): void {
    if (this.dead) return
    this.dying.abort(new Error(`${this.name} is dead`))
    this.line.cutAll()
  }

  /** Counts a statement; true when its answer is to be lost. */
  strikes(): boolean {
    const what = this.dead ? 'dies' : this.fault(++this.statements)
    if (what === 'dies') this.die()
    return what !== null
  }

  /** One claim of a task, and as far as it gets. */
  async work(taskId: string, change: Change = (kind) => kind): Promise<void> {
    const { cloud, caller } = this.world
    const db = this.line.database.prisma
    const now = () => new Date()
    const settings: EngineSettings = {
      db,
      log: cloud.log,
      now,
      leaseMs: LEASE_MS,
      inTurn: (transaction) => transaction(),
      call: (queue, call) => caller.call(queue, call),
      ticket: (object) => cloud.tokens.issueTicket(object, now()),
      unseal: (sealed) => unseal(cloud.sealKeys, sealed),
      defaultZone: cloud.placement.settings.defaultZone,
    }
    try {
      const task = await taskClaim(db, this.name, LEASE_MS, { taskId })
      if (task) await runTask(settings, change(kindOf(task)), task, this.dying.signal)
    } catch (error) {
      cloud.log.info({ owner: this.name, err: error }, 'a run of a task broke off')
    }
  }

  /** It works no more: its line can be another one's. */
  leave(): void {
    if (this.line.holder === this) this.line.holder = null
  }
}

const lost = (): Error =>
  Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })

function kindOf(task: Task): TaskKind {
  const kind = taskKinds.find((one) => one.kind === task.kind)
  if (!kind) throw new Error(`no kind ${task.kind}`)
  return kind
}

/** The socket, at once: the server sees a client that is gone. */
function cut(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

export const deeds = ['do', 'save', 'undo', 'unsave'] as const
export type Deed = (typeof deeds)[number]

/** Runs instead of a deed of a step; `go` is the deed itself. */
export type Meddling = (go: () => Promise<unknown>) => Promise<unknown>

/** The kind with one deed of one step meddled with. */
export function meddled(kind: TaskKind, name: string, deed: Deed, meddle: Meddling): TaskKind {
  const steps = kind.steps.map((step) => {
    if (step.name !== name) return step
    const real = step[deed] as ((...given: unknown[]) => Promise<unknown>) | undefined
    if (!real) throw new Error(`${kind.kind}: ${name} has no ${deed}`)
    return { ...step, [deed]: (...given: unknown[]) => meddle(() => real(...given)) }
  })
  return { ...kind, steps }
}
