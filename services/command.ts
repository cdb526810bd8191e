/**
 * A command is the only way in which the API changes a resource: access, then one transaction that
 * checks state and quota and writes rows, task and events, then a ring for the conductor.
 *
 * W1 All or nothing: what a command wrote is there with its task and its events, or not at all.
 * W2 A keyed command gives its first answer again, also when two arrive at once: who was refused
 *    because the other one was there first (its quota, its state) finds the other one's answer.
 * W3 A dry run is the same transaction, rolled back: the plan can't differ from the deed.
 * W4 A command returns plain JSON, because its answer may be stored.
 * W5 It is in the audit log: with the change itself, or as the refusal it met.
 */
import { type Reach, reach } from './access/allow.ts'
import type { RuleName } from './access/rules.ts'
import { cellOf } from './cells/route.ts'
import type { Actor, Context, Tx } from './context.ts'
import { type AuditEntry, auditFailure, auditSuccess } from './core/audit.ts'
import type { EventDraft } from './core/event.ts'
import { argumentsHash, earlierAnswer, type Keyed, keepAnswer } from './core/idempotency.ts'
import { type TaskDraft, taskCreate } from './core/task.ts'
import { newId } from './id.ts'

export interface CommandInput {
  idempotencyKey?: string | null
  dryRun?: boolean | null
}

export interface Command extends Context {
  actor: Actor
  tx: Tx
  at: Date
  dryRun: boolean
  /** The rule of the command, and how far it lets the caller go. */
  rule: RuleName
  reach: Reach
  /** What was done to a resource, for the audit log. */
  audit(entry: AuditEntry): void
  /**
   * Done last in the transaction: what takes locks that many wait for (quota), so that they wait for the
   * commit only. It may throw.
   */
  atEnd(work: () => Promise<void>): void
  /** Done once the transaction is committed; must not fail. */
  onCommit(done: () => void): void
  /** The id that this command's task will have, so that its resource can name it first. */
  taskId: string
  /** Writes a task with the events of the change; the conductor is rung once it is committed. */
  task(draft: Omit<TaskDraft, 'userId' | 'requestId'>, events: EventDraft[]): Promise<string>
}

/** Tries of a transaction that lost a race inside the database. */
const MAX_TRIES = 4
const TRANSACTION_TIMEOUT_MS = 10_000
const TRANSACTION_WAIT_MS = 10_000

export function command<I extends CommandInput, R extends object>(
  rule: RuleName,
  body: (c: Command, input: I) => Promise<R>,
  /** What it is called where one rule stands for several: a key belongs to one of them. */
  name: string = rule,
): (ctx: Context, input: I) => Promise<R> {
  return async (asked, input) => {
    let ctx = asked
    try {
      if (asked.cells) {
        // Who may not do it at all learns nothing of cells.
        reach(asked, rule)
        ctx = await cellOf(asked, asked.cells, rule, input)
      }
      return await run(ctx, { rule, name }, input, body)
    } catch (error) {
      const doing = { ...doneBy(ctx), action: rule }
      if (!input.dryRun) await auditFailure(ctx, doing, error, aboutOf(rule, input))
      throw error
    }
  }
}

const doneBy = ({ actor, requestId, address }: Context) => ({ actor, requestId, address })

/** What a refused command was about: `compute.server.delete` is about a server. */
const aboutOf = (rule: RuleName, input: CommandInput) => ({
  resourceType: (rule.split('.')[1] ?? '').replaceAll('-', '_'),
  resourceId: 'id' in input ? input.id : null,
})

async function run<I extends CommandInput, R extends object>(
  ctx: Context,
  { rule, name }: { rule: RuleName; name: string },
  input: I,
  body: (c: Command, input: I) => Promise<R>,
): Promise<R> {
  const within = reach(ctx, rule)
  const actor = ctx.actor as Actor
  const keyed = input.idempotencyKey && !input.dryRun ? keyOf(ctx, name, actor, input) : null
  const earlier = async () => keyed && (await earlierAnswer<R>(ctx.db, keyed))
  const first = await earlier()
  if (first) return first
  for (let tries = 1; ; tries++) {
    try {
      return await once({ ...ctx, actor, rule, reach: within }, input, keyed, body)
    } catch (error) {
      const theirs = await earlier()
      if (theirs) return theirs
      if (tries >= MAX_TRIES || !lostRace(error)) throw error
    }
  }
}

async function once<I extends CommandInput, R extends object>(
  ctx: Context & { actor: Actor; rule: RuleName; reach: Reach },
  input: I,
  keyed: Keyed | null,
  body: (c: Command, input: I) => Promise<R>,
): Promise<R> {
  const { actor } = ctx
  const taskIds: string[] = []
  const entries: AuditEntry[] = []
  const committed: (() => void)[] = []
  const lasts: (() => Promise<void>)[] = []
  const dryRun = input.dryRun === true
  try {
    const result = await ctx.db.$transaction(
      async (tx) => {
        const task: Command['task'] = async (draft, events) => {
          const id = await taskCreate(
            tx,
            { ...draft, userId: actor.userId, requestId: ctx.requestId },
            events.map((event) => ({ ...event, userId: actor.userId })),
          )
          taskIds.push(id)
          return id
        }
        const at = ctx.now()
        const audit: Command['audit'] = (entry) => void entries.push(entry)
        const onCommit: Command['onCommit'] = (done) => void committed.push(done)
        const atEnd: Command['atEnd'] = (work) => void lasts.push(work)
        const c = { ...ctx, tx, at, dryRun, taskId: newId(), task, audit, atEnd, onCommit }
        const result = await body(c, input)
        if (dryRun) throw new RolledBack(result)
        await auditSuccess(tx, { ...doneBy(ctx), action: ctx.rule }, entries)
        if (keyed) await keepAnswer(tx, keyed, result, at)
        for (const last of lasts) await last()
        return result
      },
      { timeout: TRANSACTION_TIMEOUT_MS, maxWait: TRANSACTION_WAIT_MS },
    )
    for (const done of committed) done()
    for (const id of taskIds) ctx.ring(id)
    return result
  } catch (error) {
    // What is not given back now the follower of claims does; the refusal is what the caller asked about.
    await ctx.home?.giveBack().catch((err: unknown) => {
      ctx.log.warn({ err }, 'claims at home were not given back')
    })
    if (error instanceof RolledBack) return error.result as R
    throw error
  }
}

/** Carries the plan of a dry run out of the transaction that it must not commit. */
class RolledBack extends Error {
  constructor(readonly result: object) {
    super('dry run')
  }
}

const scopeOf = ({ projectId, domainId, system }: Actor): string | null =>
  projectId ?? domainId ?? (system ? 'system' : null)

const keyOf = ({ sealKeys }: Context, name: string, actor: Actor, input: CommandInput): Keyed => {
  const { idempotencyKey, ...rest } = input
  return {
    userId: actor.userId,
    key: idempotencyKey ?? '',
    command: name,
    argumentsHashes: [sealKeys.current, ...sealKeys.all].map((sealKey) =>
      argumentsHash(sealKey, scopeOf(actor), rest),
    ),
  }
}

/** Deadlocks, serialization failures and a key that another request stored first: try again. */
export function lostRace(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  if (error.code === 'P2034') return true
  const cause = JSON.stringify('meta' in error ? error.meta : null)
  if (error.code === 'P2010') return /"(40P01|40001)"/.test(cause)
  return error.code === 'P2002' && /idempotency_key|IdempotencyKey/.test(cause)
}
