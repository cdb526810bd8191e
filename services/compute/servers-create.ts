/**
 * Many servers in one request, in one transaction: `name-1` to `name-n`. The first is made as one alone
 * would be; the others are copies of its rows, so that the statements are as many for 200 as for two.
 */
import { inBestCell } from '../cells/choose.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { emit } from '../core/event.ts'
import { taskCopies, taskEvent } from '../core/task.ts'
import { badInput } from '../errors.ts'
import { newId } from '../id.ts'
import { quotaClaimMany, quotaRoom } from '../identity/quota-claim.ts'
import { amountsOf, type Plan, serverEvent } from './server.ts'
import {
  audit,
  begin,
  type Draft,
  draftOf,
  insert,
  planOf,
  type ServerCreate,
} from './server-create.ts'

/** Servers of one request. */
export const MAX_COUNT = 200
/** What a name may have, as the schema says too. */
const MAX_NAME_LETTERS = 255

export interface ServersCreate extends CommandInput, Omit<ServerCreate, 'name'> {
  name: string
  count: number
  /** Fewer are made when the quota has room for so many at least; by default all or none. */
  minCount?: number | null
}

export interface ServersResult {
  serverIds: string[]
  taskIds: string[]
  plan: Plan | null
}

interface Made {
  id: string
  name: string
  taskId: string
}

export const serversCreate: (ctx: Context, input: ServersCreate) => Promise<ServersResult> =
  inBestCell(
    command(
      'compute.server.create',
      async (c, { count, minCount, name, ...input }: ServersCreate): Promise<ServersResult> => {
        const least = minCount ?? count
        if (least > count) throw badInput('minCount', `must not be above the count, ${count}`)
        if (Array.from(`${name}-${count}`).length > MAX_NAME_LETTERS) {
          throw badInput(
            'name',
            `must leave room for -1 to -${count} in ${MAX_NAME_LETTERS} characters`,
          )
        }
        const draft = await draftOf(c, input, count)
        const { projectId, flavor } = draft
        const amounts = amountsOf(flavor)
        const room = least < count ? await quotaRoom(c, { projectId, amounts }) : count
        // Without room for the least, the claim is made nevertheless: it says which limit is in the way.
        const fitting = Math.max(Math.min(count, room), least)
        const id = await insert(c, draft, `${name}-1`, c.taskId)
        const first = { id, name: `${name}-1`, taskId: c.taskId }
        const others = Array.from({ length: fitting - 1 }, (_, i) => ({
          id: newId(),
          name: `${name}-${i + 2}`,
          taskId: newId(),
        }))
        await insertCopies(c.tx, id, others)
        const ownerIds = [first, ...others].map((server) => server.id)
        const claims = { projectId, ownerIds, amounts }
        if (c.dryRun) {
          await quotaClaimMany(c, claims)
          return { serverIds: [], taskIds: [], plan: await planOf(c, draft, id) }
        }
        c.atEnd(() => quotaClaimMany(c, claims))
        await begin(c, draft, first, first.taskId)
        await beginCopies(c, draft, first.taskId, others)
        const taskIds = [first, ...others].map(({ taskId }) => taskId)
        return { serverIds: ownerIds, taskIds, plan: null }
      },
      'compute.server.create-many',
    ),
  )

/** Rows that differ from the first by these columns only, whatever columns there are. */
async function insertCopies(tx: Tx, id: string, copies: Made[]): Promise<void> {
  if (copies.length === 0) return
  await tx.$executeRaw`
    insert into compute.server
    select (jsonb_populate_record(
      s, jsonb_build_object('id', w.id, 'name', w.name, 'task_id', w.task_id))).*
    from compute.server s,
      unnest(${copies.map((copy) => copy.id)}::uuid[], ${copies.map((copy) => copy.name)}::text[],
             ${copies.map((copy) => copy.taskId)}::uuid[]) w (id, name, task_id)
    where s.id = ${id}::uuid`
}

async function beginCopies(
  c: Command,
  draft: Draft,
  taskId: string,
  copies: Made[],
): Promise<void> {
  if (copies.length === 0) return
  const { projectId } = draft
  const tasks = copies.map((copy) => ({ id: copy.taskId, resourceId: copy.id }))
  await taskCopies(c.tx, taskId, tasks)
  const { userId } = c.actor
  const { requestId } = c
  const events = copies.flatMap((copy) => [
    { ...serverEvent({ id: copy.id, projectId, requestId }, 'created'), userId },
    taskEvent({ id: copy.taskId, projectId, requestId, userId }, 'created'),
  ])
  await emit(c.tx, ...events)
  for (const copy of copies) audit(c, draft, copy)
  c.onCommit(() => {
    for (const copy of copies) c.ring(copy.taskId)
  })
}
