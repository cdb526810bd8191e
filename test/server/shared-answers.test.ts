/** Watchers share the execution of an event only when nothing that it may depend on differs. */
import { GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Engine, makeEngine } from '../../server/graphql/engine.ts'
import { makeApiMetrics } from '../../server/graphql/metrics.ts'
import { audienceOf } from '../../services/access/allow.ts'
import { Policy } from '../../services/access/policy.ts'
import { defaultRules } from '../../services/access/rules.ts'
import type { Actor } from '../../services/context.ts'

interface Caller {
  actor: Actor | null
}

const policy = Policy.of(defaultRules)

const actor = (more: Partial<Actor> = {}): Actor => ({
  tokenId: 't',
  userId: 'ann',
  userName: 'Ann',
  userDomainId: 'd',
  projectId: 'red',
  projectName: 'red',
  projectDomainId: 'd',
  domainId: null,
  system: false,
  roles: ['member', 'reader'],
  operator: false,
  methods: ['password'],
  applicationCredentialId: null,
  accessRules: null,
  trustId: null,
  trustorUserId: null,
  issuedAt: new Date(0),
  expiresAt: new Date(1),
  ...more,
})

/** What every watch is given: one event, the same object for all. */
let event: object
let executions = 0
const what = (context: Caller): string => {
  executions++
  return JSON.stringify(context.actor && [context.actor.projectId, context.actor.roles])
}

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLString } } }),
  subscription: new GraphQLObjectType<unknown, Caller>({
    name: 'Subscription',
    fields: {
      change: {
        type: GraphQLString,
        args: { id: { type: GraphQLString } },
        subscribe: async function* () {
          yield event
        },
        resolve: (_event, _args, context) => what(context),
      },
    },
  }),
})

const DOCUMENT = 'subscription ($id: String) { change(id: $id) }'

let engine: Engine
beforeEach(() => {
  const log = pino({ level: 'silent' })
  engine = makeEngine({ schema, log, metrics: makeApiMetrics(new Registry()) })
  event = {}
  executions = 0
})

interface Asked {
  who: Actor | null
  text?: string
  id?: string
  audience?: string | null
}

/** What the watch is told of the event. */
async function told({
  who,
  text = DOCUMENT,
  id = '1',
  audience = audienceOf({ actor: who, policy }),
}: Asked) {
  const answers = await engine.subscribe({
    document: engine.parse(text),
    variables: { id },
    context: { actor: who },
    requestId: 'r',
    eventContext: (context) => context,
    audience,
    beforeEvent: () => true,
  })
  if (!(Symbol.asyncIterator in answers)) throw new Error(JSON.stringify(answers))
  const { value } = await answers.next()
  return value?.data?.change
}

describe('an event that many watch', () => {
  it('is executed once for callers of the same project and roles', async () => {
    const colleague = actor({ userId: 'bob', tokenId: 'u', roles: ['reader', 'member'] })
    const all = [actor(), actor(), colleague].map((who) => told({ who }))
    expect(new Set(await Promise.all(all)).size).toBe(1)
    expect(executions).toBe(1)
  })

  it.each([
    ['project', actor({ projectId: 'blue' })],
    ['project, none', actor({ projectId: null })],
    ['roles, fewer', actor({ roles: ['reader'] })],
    ['roles, more', actor({ roles: ['admin', 'member', 'reader'] })],
    ['scope, the operator', actor({ operator: true })],
  ])('is executed anew for another %s', async (_what, other) => {
    expect(await told({ who: actor() })).toBe('["red",["member","reader"]]')
    expect(await told({ who: other })).toBe(JSON.stringify([other.projectId, other.roles]))
    expect(await told({ who: actor() })).toBe('["red",["member","reader"]]')
    expect(executions).toBe(2)
  })

  it('is executed anew for another document, other variables and another event', async () => {
    await told({ who: actor() })
    await told({ who: actor(), text: `${DOCUMENT} ` })
    await told({ who: actor(), id: '2' })
    event = {}
    await told({ who: actor() })
    expect(executions).toBe(4)
  })

  it('is shared with nobody without an audience', async () => {
    await Promise.all([told({ who: null }), told({ who: null })])
    await Promise.all([1, 2].map(() => told({ who: actor(), audience: null })))
    expect(executions).toBe(4)
  })

  it('is formatted for each watcher: errors carry the id of its own request', async () => {
    const failing = parse('subscription { change }')
    const errors = []
    for (const requestId of ['a', 'b']) {
      const answers = await engine.subscribe({
        document: failing,
        context: {
          get actor(): Actor {
            throw new Error('no')
          },
        },
        requestId,
        eventContext: (context) => context,
        audience: 'x',
        beforeEvent: () => true,
      })
      if (!(Symbol.asyncIterator in answers)) throw new Error('it did not start')
      const { value } = await answers.next()
      errors.push(value?.errors?.[0]?.extensions?.requestId)
    }
    expect(errors).toEqual(['a', 'b'])
    expect(executions).toBe(1)
  })
})
