/** How often a task broke off is counted by the process that takes it up again, as long as it does. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { taskCreate } from '../../services/core/task.ts'
import { newId } from '../../services/id.ts'
import { startConductor } from '../../workers/conductor/conductor.ts'
import { step, taskKind } from '../../workers/conductor/task.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { makeTestLog } from '../support/log.ts'
import { until } from '../support/until.ts'

const { log, lines } = makeTestLog()
const bus = makeInProcessBus({ log })
let cloud: Cluster
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
})
afterAll(async () => {
  await cloud?.stop()
  await bus.close()
})

it('a task that another process took in between breaks off for a first time again', async () => {
  const { db, now } = cloud.cloud
  let takenByOthers = 0
  /** Nothing can be recorded; tells of claims by name that found the task with somebody else. */
  const broken = new Proxy(db, {
    get(target, key) {
      if (key !== '$queryRaw') return Reflect.get(target, key)
      return async (text: TemplateStringsArray, ...values: unknown[]) => {
        if (text.join('?').includes('with moved as')) throw new Error('the database is away')
        const rows = await target.$queryRaw<unknown[]>(text, ...values)
        const [wanted] = values as { values?: unknown[] }[]
        if (text[0]?.includes('with due as') && wanted?.values?.includes(id)) {
          takenByOthers += rows.length === 0 ? 1 : 0
        }
        return rows
      }
    },
  })
  const id = newId()
  await db.$transaction((tx) =>
    taskCreate(
      tx,
      {
        ...{ id, kind: 'test.breaks', projectId: null, userId: null, requestId: null },
        ...{ resourceType: 'server', resourceId: newId(), input: {} },
        ...{ steps: ['one'], deadlineMs: 600_000 },
      },
      [],
    ),
  )
  const refuse = (): never => {
    throw new Error('this kind needs none')
  }
  const conductor = await startConductor({
    ...{ bus, db: broken, log, now, owner: 'ours', leaseMs: 600_000, defaultZone: 'nova' },
    ...{ call: refuse, ticket: refuse, unseal: refuse },
    kinds: [taskKind('test.breaks', [step('one', {})], { failed: async () => {} })],
  })
  const brokeOff = () =>
    lines
      .map((line) => JSON.parse(line) as { msg: string; times: number })
      .filter(({ msg }) => msg === 'a task broke off')
      .map(({ times }) => times)
  try {
    await until('it broke off', () => brokeOff().length === 1)
    await db.$executeRaw`
      update core.task set lease_owner = 'theirs', due_at = now() + interval '1 hour',
        fence = nextval('core.fence') where id = ${id}::uuid`
    await until('it was asked for in vain', () => takenByOthers > 0)
    await db.$executeRaw`update core.task set due_at = now() where id = ${id}::uuid`
    await until('it broke off anew', () => brokeOff().length === 2)
    expect(brokeOff()).toEqual([1, 1])
  } finally {
    await conductor.stop()
  }
})
