/**
 * An HTTP server around a small schema of its own, for the tests of the shell: no database, no
 * cloud. `watch` can be fed by `emit`, and everything that is logged is kept.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GraphQLBoolean,
  GraphQLError,
  GraphQLFloat,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql'
import { Registry } from 'prom-client'
import { type HttpOptions, type HttpServer, startHttp } from '../../server/http/http.ts'
import { CloudError } from '../../services/errors.ts'
import { makeTestLog } from './log.ts'

export interface TestContext {
  user: string | null
  requestId: string
  signal: AbortSignal
}

export interface Row {
  id: number
  name: string
}

/** A stream that ends at once when it is returned, as event sources must. */
export class Feed<T> implements AsyncIterableIterator<T> {
  returned = false
  private readonly values: T[] = []
  private waiting: ((step: IteratorResult<T>) => void) | null = null

  push(value: T): void {
    if (this.waiting) this.waiting({ value, done: false })
    else this.values.push(value)
    this.waiting = null
  }

  async next(): Promise<IteratorResult<T>> {
    const value = this.values.shift()
    if (value !== undefined) return { value, done: false }
    if (this.returned) return { value: undefined, done: true }
    return new Promise((resolve) => (this.waiting = resolve))
  }

  async return(): Promise<IteratorResult<T>> {
    this.returned = true
    this.waiting?.({ value: undefined, done: true })
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

const required = GraphQLNonNull
const Even = new GraphQLScalarType<number, number>({
  name: 'Even',
  parseValue(value) {
    if (typeof value !== 'number' || value % 2) throw new TypeError('it is not even')
    return value
  },
})

const Node = new GraphQLInterfaceType({
  name: 'Node',
  fields: { id: { type: new required(GraphQLInt) } },
  // Asynchronous, as type-graphql makes it.
  resolveType: async () => 'Row',
})

const Row: GraphQLObjectType<Row, TestContext> = new GraphQLObjectType<Row, TestContext>({
  name: 'Row',
  interfaces: [Node],
  fields: () => ({
    id: { type: new required(GraphQLInt) },
    name: { type: GraphQLString },
    later: { type: GraphQLString, resolve: async (row) => `later ${row.name}` },
    bad: { type: GraphQLString, resolve: () => fail('secret of bad') },
    badAlways: {
      type: new required(GraphQLString),
      resolve: async () => fail('secret of badAlways'),
    },
    tags: { type: new required(new GraphQLList(new required(Tag))), resolve: () => [{ key: 'a' }] },
    next: { type: Row, resolve: ({ id }) => ({ id: id + 1, name: `n${id + 1}` }) },
    dear: { type: GraphQLInt, extensions: { cost: 500 }, resolve: () => 1 },
    trap: { type: GraphQLString },
  }),
})
const Tag = new GraphQLObjectType({ name: 'Tag', fields: { key: { type: GraphQLString } } })
const Rows = new GraphQLObjectType({
  name: 'RowConnection',
  fields: { nodes: { type: new required(new GraphQLList(Row)) }, totalCount: { type: GraphQLInt } },
})

function fail(message: string): never {
  throw new Error(message)
}

const thrown: Record<string, () => unknown> = {
  cloud: () =>
    new CloudError('QUOTA_EXCEEDED', 'No more cores', { limit: 2, used: 2, requested: 1 }),
  plain: () => new Error('password is hunter2', { cause: new Error('and the inner secret') }),
  coded: () => new GraphQLError('Not now', { extensions: { code: 'INVALID_STATE' } }),
  foreign: () => new GraphQLError('who knows', { extensions: { code: 'SOMETHING_ELSE' } }),
  refused: () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  prisma: () =>
    Object.assign(new Error('Invalid `db.user.findUnique()` invocation'), {
      name: 'PrismaClientKnownRequestError',
      code: 'P2010',
      meta: {
        driverAdapterError: { name: 'DriverAdapterError', cause: { kind: 'ConnectionClosed' } },
      },
    }),
  string: () => 'just a string',
  nothing: () => undefined,
  arguments: () =>
    new GraphQLError('Argument Validation Error', {
      extensions: {
        code: 'BAD_USER_INPUT',
        validationErrors: [
          {
            property: 'input',
            target: { password: 'hunter2' },
            children: [{ property: 'name', constraints: { isLength: 'name must not be empty' } }],
          },
        ],
      },
    }),
}

export const feeds: Feed<Row>[] = []

const fields = {
  hello: {
    type: GraphQLString,
    args: { name: { type: GraphQLString } },
    resolve: (_: unknown, a: { name?: string }) => `hello ${a.name ?? ''}`,
  },
  rows: {
    type: new required(Rows),
    args: { first: { type: GraphQLInt }, after: { type: GraphQLString } },
    resolve: async (_: unknown, { first = 3 }: { first?: number }) => ({
      nodes: Array.from({ length: Math.min(first, 200) }, (_row, i) => ({ id: i, name: `n${i}` })),
      totalCount: 3,
    }),
  },
  row: {
    type: Row,
    args: { id: { type: new required(GraphQLInt) } },
    resolve: (_: unknown, { id }: { id: number }) => ({ id, name: `n${id}` }),
  },
  node: { type: Node, resolve: async () => ({ id: 1, name: 'n1' }) },
  even: {
    type: GraphQLInt,
    args: { value: { type: Even } },
    resolve: (_: unknown, { value }: { value: number }) => value,
  },
  half: {
    type: GraphQLFloat,
    args: { value: { type: new required(GraphQLInt), defaultValue: 4 } },
    resolve: (_: unknown, { value }: { value: number }) => value / 2,
  },
  fails: {
    type: GraphQLString,
    args: { how: { type: GraphQLString }, late: { type: GraphQLBoolean } },
    resolve: (_: unknown, { how, late }: { how: string; late?: boolean }) => {
      const error = thrown[how]?.()
      if (late) return Promise.reject(error)
      throw error
    },
  },
  failsAlways: { type: new required(GraphQLString), resolve: () => null },
  trapped: {
    type: Row,
    resolve: async () => ({
      id: 1,
      get trap(): string {
        throw new Error('secret of the trap')
      },
    }),
  },
  me: {
    type: GraphQLString,
    resolve: (_: unknown, _args: object, context: TestContext) => context.user,
  },
  waits: {
    type: GraphQLString,
    resolve: (_: unknown, _args: object, { signal }: TestContext) =>
      new Promise((resolve) => {
        holding.asked++
        signal.addEventListener('abort', () => resolve('gave up'))
      }),
  },
  holds: {
    type: GraphQLString,
    resolve: () => {
      holding.asked++
      return holding.promise
    },
  },
}

/** What `{ holds }` waits for. */
export const holding = {
  asked: 0,
  promise: Promise.resolve('free'),
  release: (_value: string) => {},
}

export function hold(): void {
  holding.promise = new Promise((resolve) => (holding.release = resolve))
}

export const schema = new GraphQLSchema({
  types: [Row],
  query: new GraphQLObjectType<unknown, TestContext>({ name: 'Query', fields }),
  mutation: new GraphQLObjectType<unknown, TestContext>({
    name: 'Mutation',
    fields: { touch: { type: GraphQLString, resolve: () => 'touched' } },
  }),
  subscription: new GraphQLObjectType<unknown, TestContext>({
    name: 'Subscription',
    fields: {
      rowChanged: {
        type: Row,
        args: { id: { type: GraphQLInt } },
        subscribe: () => {
          const feed = new Feed<Row>()
          feeds.push(feed)
          return feed
        },
        resolve: (row) => row,
      },
      refusedWatch: {
        type: Row,
        subscribe: () => Promise.reject(new CloudError('CURSOR_EXPIRED', 'Begin anew')),
      },
    },
  }),
})

export interface Shell extends HttpServer {
  metrics: Registry
  /** Lines of the log, parsed. */
  lines(): Record<string, unknown>[]
  stop(): Promise<void>
}

/** The token is the user's name; `expired` and `broken` are refused. */
export async function contextFor(
  info: Parameters<HttpOptions['contextFor']>[0],
): Promise<TestContext> {
  const token = info.headers.authorization?.replace(/^Bearer /, '') ?? null
  if (token === 'expired') throw new CloudError('UNAUTHENTICATED', 'The token has expired')
  if (token === 'broken') throw new Error('secret of the context')
  return { user: token, requestId: info.requestId, signal: info.signal }
}

export async function startShell(options: Partial<HttpOptions> = {}): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'nepho-http-'))
  const webDir = join(folder, 'web')
  await mkdir(join(webDir, 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'outside of the folder')
  await writeFile(join(webDir, 'index.html'), '<!doctype html><title>portal</title>')
  await writeFile(join(webDir, 'playground.html'), '<!doctype html><title>playground</title>')
  await writeFile(join(webDir, 'assets', 'main-D4x_9aBc.js'), `// ${'x'.repeat(5_000)}`)
  await writeFile(join(webDir, 'assets', 'logo.png'), 'png')
  const { log, lines } = makeTestLog()
  const metrics = new Registry()
  const server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    schema,
    contextFor,
    subscriptions: { connect: async () => ({ expiresAt: null, stillValid: () => true }) },
    log,
    health: async () => ({ ok: true, problems: [] }),
    metrics,
    webDir,
    ...options,
  })
  return {
    ...server,
    metrics,
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    async stop() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface Answer {
  status: number
  headers: Headers
  body: {
    data?: Record<string, unknown> | null
    errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]
    extensions?: { cost?: { requested: number; limit: number } }
  }
}

/** One GraphQL request, by default as a client of today's standard. */
export async function ask(
  { url }: Pick<HttpServer, 'url'>,
  query: string,
  variables: object = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  })
  const body = (await response.json()) as Answer['body']
  return { status: response.status, headers: response.headers, body }
}

export const codeOf = (answer: Answer): unknown => answer.body.errors?.[0]?.extensions.code
