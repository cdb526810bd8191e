/**
 * Bad input, for every operation: each gets its code, no status above 499, and nothing happens.
 * The fuzz at the end sends whatever comes to mind into every argument of the schema.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkCursor } from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'
import { newId } from '../../services/id.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'
import { putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let known: { serverId: string; imageId: string; flavorId: string }

beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  const { db } = cloud.cloud
  const projectId = await newProject(cloud.cloud, 'work')
  const userId = await newUser(cloud.cloud, 'ann', { projectId, role: 'member' })
  token = tokenFor(cloud.cloud, { userId, projectId, role: 'member' })
  const { id: imageId } = await putImage(cloud, token)
  const flavor = await db.flavor.findFirstOrThrow({ where: { name: 'm1.nano' } })
  known = { serverId: '', imageId, flavorId: flavor.id }
  known.serverId = (await create({})).data.serverCreate.server.id
})
afterAll(() => cloud?.stop())

const CREATE =
  'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }'
const IMAGE = 'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } } }'
const SIGN_IN = 'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret } }'
const act = (name: string, type = 'ServerActionInput') =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { task { id } } }`
const actions: [string, string][] = [
  ...['serverStart', 'serverStop', 'serverDelete'].map((n): [string, string] => [n, act(n)]),
  ['serverReboot', act('serverReboot', 'ServerRebootInput')],
  ['imageDelete', act('imageDelete', 'ImageActionInput')],
]

const create = (more: object) => {
  const { flavorId, imageId } = known
  return cloud.gql(CREATE, { input: { name: 'web', flavorId, imageId, ...more } }, token)
}

/** Everything that an operation could leave behind. */
async function world(): Promise<Record<string, number>> {
  const { db } = cloud.cloud
  const [servers, images, tasks, events, keys, claims, revoked] = await Promise.all([
    db.server.count(),
    db.image.count(),
    db.task.count(),
    db.event.count(),
    db.idempotencyKey.count(),
    db.quotaClaim.count(),
    db.revocation.count(),
  ])
  return { servers, images, tasks, events, keys, claims, revoked }
}

interface Refused {
  errors?: { message: string; extensions: { code: string } }[]
  status: number
}

/** Refused with the code, by a client's status, and the world as it was. */
async function refused(code: string, ask: () => Promise<Refused>, what = ''): Promise<void> {
  const before = await world()
  const { errors, status } = await ask()
  expect([what, errors?.[0]?.extensions.code]).toEqual([what, code])
  expect(status).toBeLessThan(500)
  expect(await world()).toEqual(before)
}

const long = (length: number, text = 'n') => text.repeat(length)

describe('names', () => {
  const bad: Record<string, unknown> = {
    'of no characters': '',
    blank: ' \u3000 ',
    'of 256 characters': long(256),
    'of 10,000 characters': long(10_000),
    'of 256 characters that take four bytes each': long(256, '🦆'),
    'with a null byte': 'a\0b',
    'with half a character': 'a\ud83e',
    'with a line break': 'a\nb',
    'with an escape sequence': 'a\u001b[2Jb',
    'with a C1 control': 'a\u009bb',
    null: null,
    'that are numbers': 7,
    'that are lists': ['a', 'b'],
    'that are objects': { eq: 'a' },
  }
  it.each(Object.entries(bad))('%s are refused', async (what, name) => {
    await refused('BAD_INPUT', () => create({ name }), what)
    await refused(
      'BAD_INPUT',
      () => cloud.gql(IMAGE, { input: { name, diskFormat: 'RAW' } }, token),
      what,
    )
  })

  it.each([
    ['a'],
    [long(255)],
    [long(255, '🦆')],
    ['Ünïcödé 云 ☁ "quoted" \\ % _ \' ; --'],
    ['\u202eabc'],
  ])('of up to 255 characters in any script are kept as they are', async (name) => {
    const { imageCreate } = await cloud.must(
      'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id name } } }',
      { input: { name, diskFormat: 'RAW' } },
      token,
    )
    expect(imageCreate.image.name).toBe(name)
    const filter = { name: { eq: name } }
    const found = await cloud.must(
      'query ($filter: ImageFilterInput) { images(filter: $filter) { nodes { name } } }',
      { filter },
      token,
    )
    expect(found.images.nodes).toEqual([{ name }])
  })
})

describe('ids', () => {
  const malformed = ['', 'x', '1', long(10_000), '0', "' or 1=1", 'a\0', '\ud800']

  it('that are unknown or malformed give null where one reads', async () => {
    for (const id of [newId(), ...malformed]) {
      for (const field of ['node', 'server', 'image', 'task', 'flavor']) {
        const { data, errors } = await cloud.gql(
          `query ($id: ID!) { found: ${field}(id: $id) { id } }`,
          { id },
          token,
        )
        expect([field, id, data?.found, errors]).toEqual([field, id, null, undefined])
      }
    }
  })

  it.each(actions)('are checked by %s', async (_name, document) => {
    const ask = (id: unknown) => () => cloud.gql(document, { input: { id } }, token)
    await refused('NOT_FOUND', ask(newId()))
    for (const id of [...malformed, null, 1.5, {}, [known.serverId, newId()]]) {
      await refused('BAD_INPUT', ask(id), JSON.stringify(id))
    }
  })

  it('are checked by serverCreate', async () => {
    await refused('NOT_FOUND', () => create({ flavorId: newId() }))
    await refused('NOT_FOUND', () => create({ imageId: newId() }))
    await refused('NOT_FOUND', () => create({ imageId: known.flavorId }))
    await refused('BAD_INPUT', () => create({ flavorId: 'm1.nano' }))
  })
})

describe('actions', () => {
  it.each(actions)('%s at another version is refused', async (name, document) => {
    const id = name.startsWith('image') ? known.imageId : known.serverId
    const ask = (more: object) => () => cloud.gql(document, { input: { id, ...more } }, token)
    await refused('CONFLICT', ask({ ifVersion: 2_000_000 }))
    for (const ifVersion of [0, -1, 2 ** 31, 1e15, 1.5, '1', true]) {
      await refused('BAD_INPUT', ask({ ifVersion }), String(ifVersion))
    }
    for (const idempotencyKey of ['', long(256), 'a\0', '\udc00', 7]) {
      await refused('BAD_INPUT', ask({ idempotencyKey }), String(idempotencyKey))
    }
    await refused('BAD_INPUT', ask({ surprise: true }))
    await refused('BAD_INPUT', ask({ dryRun: 'yes' }))
  })

  it('serverReboot knows two modes', async () => {
    const document = act('serverReboot', 'ServerRebootInput')
    for (const mode of ['GENTLE', 'soft', '', null, 1]) {
      const input = { id: known.serverId, mode }
      await refused('BAD_INPUT', () => cloud.gql(document, { input }, token), String(mode))
    }
  })

  it('serverCreate refuses a used key with other arguments', async () => {
    const idempotencyKey = long(255)
    await create({ idempotencyKey })
    const before = await world()
    expect((await create({ idempotencyKey })).errors).toBeUndefined()
    expect(await world()).toEqual(before)
    await refused('CONFLICT', () => create({ idempotencyKey, name: 'other' }))
  })
})

describe('signing in', () => {
  it('refuses what can be no user, password or scope', async () => {
    const password = { user: 'ann', password: 'wrong' }
    const inputs: [string, object][] = [
      ['BAD_INPUT', {}],
      ['BAD_INPUT', { password: { ...password, user: '' } }],
      ['BAD_INPUT', { password: { ...password, user: 'a\0' } }],
      ['BAD_INPUT', { password: { ...password, user: long(256) } }],
      ['BAD_INPUT', { password: { ...password, domain: '\ud800' } }],
      ['BAD_INPUT', { password: { ...password, password: long(1025) } }],
      ['BAD_INPUT', { password: { user: 'ann' } }],
      ['BAD_INPUT', { token: long(8193) }],
      ['BAD_INPUT', { password, scope: { projectId: 'x' } }],
      ['BAD_INPUT', { password, scope: { project: 'a\0' } }],
      ['UNAUTHENTICATED', { token: 'nonsense' }],
      ['UNAUTHENTICATED', { password: { ...password, password: '\0' } }],
      ['UNAUTHENTICATED', { password: { ...password, password: '' } }],
    ]
    for (const [code, input] of inputs) {
      await refused(code, () => cloud.gql(SIGN_IN, { input }), JSON.stringify(input))
    }
  })
})

const lists = ['servers', 'images', 'tasks', 'flavors', 'projects']

describe('pages', () => {
  const page = (list: string, args: object) =>
    cloud.gql(
      `query ($first: Int! = 50, $after: String) { ${list}(first: $first, after: $after) { nodes { id } } }`,
      args,
      token,
    )

  it.each(lists)('of %s have 1 to 200 rows', async (list) => {
    for (const first of [0, -1, 201, 1e9, 2 ** 31, 1.5, '5', null]) {
      await refused('BAD_INPUT', () => page(list, { first }), String(first))
    }
    expect((await page(list, { first: 200 })).errors).toBeUndefined()
  })

  it.each(lists)('of %s begin behind cursors of their own', async (list) => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const cursors = ['', 'x', '\0', long(9000), encode([]), encode(['x']), encode({}), encode(null)]
    cursors.push(
      encode([known.serverId]),
      encode([`${list} id asc`, known.serverId, known.serverId]),
    )
    for (const after of cursors) await refused('BAD_INPUT', () => page(list, { after }), after)
  })

  it('do not take the cursor of another list or order', async () => {
    const cursor = async (list: string) =>
      (await cloud.must(`{ it: ${list} { pageInfo { endCursor } } }`, {}, token)).it.pageInfo
        .endCursor
    const orders = ['', '(orderBy: { field: NAME })', '(orderBy: { field: NAME, direction: DESC })']
    const cursors = await Promise.all([
      ...orders.map((o) => cursor(`servers${o}`)),
      cursor('images'),
    ])
    expect(new Set(cursors).size).toBe(4)
    for (const [i, order] of orders.entries()) {
      for (const [j, after] of cursors.entries()) {
        const args = order ? `${order.slice(0, -1)}, after: "${after}")` : `(after: "${after}")`
        const { errors } = await cloud.gql(`{ servers${args} { nodes { id } } }`, {}, token)
        expect([i, j, errors?.[0]?.extensions.code]).toEqual([
          i,
          j,
          i === j ? undefined : 'BAD_INPUT',
        ])
      }
    }
  })

  it('filter by what names can be', async () => {
    const ask = (name: object) => () =>
      cloud.gql(
        'query ($filter: ServerFilterInput) { servers(filter: $filter) { nodes { id } } }',
        { filter: { name } },
        token,
      )
    for (const text of ['\0', 'a\ud800', long(10_000)]) {
      await refused('BAD_INPUT', ask({ eq: text }))
      await refused('BAD_INPUT', ask({ contains: text }))
      await refused('BAD_INPUT', ask({ in: ['a', text] }))
    }
    await refused('BAD_INPUT', ask({ in: Array.from({ length: 201 }, String) }))
    await refused('BAD_INPUT', ask({ matches: '.*' }))
    const statuses = Array.from({ length: 40_000 }, () => 'ACTIVE')
    const many = 'query ($s: [ServerStatus!]) { servers(filter: { status: $s }) { totalCount } }'
    expect((await cloud.gql(many, { s: statuses }, token)).data).toEqual({
      servers: { totalCount: 0 },
    })
  })
})

describe('fields', () => {
  it('consoleLog gives 1 to 5000 lines, after 0 to 5000 others', async () => {
    const ask = (lines: unknown) => () =>
      cloud.gql(
        'query ($id: ID!, $lines: Int! = 1) { server(id: $id) { consoleLog(lines: $lines) } }',
        { id: known.serverId, lines },
        token,
      )
    for (const lines of [0, -1, 5001, 2 ** 31 - 1, 2 ** 31, '1', null]) {
      await refused('BAD_INPUT', ask(lines), String(lines))
    }
    expect((await ask(5000)()).errors).toBeUndefined()
    for (const skip of [-1, 5001, null]) {
      const query =
        'query ($id: ID!, $skip: Int! = 1) { server(id: $id) { consoleLog(skip: $skip) } }'
      const skipping = () => cloud.gql(query, { id: known.serverId, skip }, token)
      await refused('BAD_INPUT', skipping, String(skip))
    }
  })
})

describe('documents', () => {
  it('that ask for too much at once are refused', async () => {
    const deep = `{ servers { nodes { tasks { nodes ${'{ id '.repeat(20)}${'}'.repeat(20)} } } } }`
    const aliased = `{ ${Array.from({ length: 60 }, (_, i) => `a${i}: session { expiresAt }`).join(' ')} }`
    const wide = `{ servers { nodes { ${'id '.repeat(2000)} } } }`
    const costly =
      '{ servers(first: 200) { nodes { tasks(first: 200) { nodes { steps { name } } } } } }'
    for (const document of [deep, aliased, wide, costly]) {
      await refused('TOO_COMPLEX', () => cloud.gql(document, {}, token), document.slice(0, 60))
    }
  })

  it('that are none, or of no operation, are refused', async () => {
    for (const query of [
      '',
      '{',
      '{ nothing }',
      'query A { __typename } query B { __typename }',
      '\0',
    ]) {
      await refused('BAD_INPUT', () => cloud.gql(query, {}, token), query)
    }
  })

  it('in bodies that are too large or no JSON are refused', async () => {
    const post =
      (body: string, type = 'application/json') =>
      async (): Promise<Refused> => {
        const headers = { 'content-type': type, authorization: `Bearer ${token}` }
        const response = await fetch(`${cloud.url}/graphql`, { method: 'POST', headers, body })
        return { ...((await response.json()) as object), status: response.status }
      }
    const name = long(1_100_000)
    await refused(
      'TOO_LARGE',
      post(JSON.stringify({ query: CREATE, variables: { input: { name } } })),
    )
    await refused('BAD_INPUT', post('{'))
    await refused('BAD_INPUT', post('[]'))
    await refused('BAD_INPUT', post('{"query":"{ session { expiresAt } }","variables":[]}'))
    await refused('BAD_INPUT', post('{"query":"{ x }","__proto__":{"a":1}}'))
    await refused(
      'BAD_INPUT',
      post('query={session{expiresAt}}', 'application/x-www-form-urlencoded'),
    )
  })
})

describe('watches', () => {
  const bad: [string, string, object][] = [
    ['a cursor', '($after: String) { serverChanged(after: $after) { id } }', { after: 'x' }],
    ['an empty cursor', '($after: String) { imageChanged(after: $after) { id } }', { after: '' }],
    ['a cursor of events', '($after: String) { events(after: $after) { type } }', { after: '\0' }],
    ['an id', '($id: ID) { taskChanged(id: $id) { id } }', { id: 'x' }],
    ['an id with a null byte', '($id: ID) { imageChanged(id: $id) { id } }', { id: '\0' }],
    [
      'a filter',
      '($filter: ServerFilterInput) { serverChanged(filter: $filter) { id } }',
      { filter: { name: { eq: 'a\0' } } },
    ],
  ]
  it.each(bad)('refuse %s that can not be', async (_what, rest, variables) => {
    const watch = cloud.watch(`subscription ${rest}`, variables, token)
    try {
      await until('it is refused', () => watch.errors.length > 0)
      const errors = watch.errors.flat() as NonNullable<Refused['errors']>
      expect(errors.map((e) => e.extensions?.code)).toEqual(['BAD_INPUT'])
    } finally {
      watch.close()
    }
  })

  it('know every text that is no cursor', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (cursor) => {
        await expect(checkCursor(cloud.cloud.db, cursor)).rejects.toBeInstanceOf(CloudError)
      }),
      { numRuns: 100 },
    )
  })
})

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units))
const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  anyUnits,
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => text.repeat(40)),
  fc.constantFrom(
    '\0',
    '\ud800',
    '%',
    '_',
    '\\',
    "'",
    '"',
    '__proto__',
    '{}',
    'null',
    '1e999',
    '\uffff',
  ),
  fc
    .tuple(anyUnits, anyUnits)
    .map((pair) => Buffer.from(JSON.stringify(pair)).toString('base64url')),
)

describe('whatever is sent', () => {
  const schema = buildSchema(
    readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'),
  )
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((root) =>
    Object.values(root?.getFields() ?? {})
      .filter((field) => field.args.length > 0)
      .map((field) => ({ field, operation: root?.name.toLowerCase() ?? '' })),
  )

  /** Mostly what could be right, so that what is wrong gets past the first check. */
  function anyOf(type: GraphQLInputType, name: string): fc.Arbitrary<unknown> {
    if (isNonNullType(type)) return anyOf(type.ofType, name)
    if (isListType(type)) return fc.array(anyOf(type.ofType, name), { maxLength: 3 })
    const named = getNamedType(type)
    if (isEnumType(named)) return fc.constantFrom(...named.getValues().map((v) => v.name))
    if (isInputObjectType(named)) return recordOf(Object.values(named.getFields()))
    if (named.name === 'Boolean') return fc.boolean()
    if (named.name === 'Int') return fc.oneof(fc.integer(), fc.integer({ min: 1, max: 200 }))
    const id = name in known ? known[name as keyof typeof known] : known.serverId
    const right =
      named.name === 'ID' ? fc.constantFrom(id, newId()) : fc.constantFrom('ann', 'Default')
    return fc.oneof(right, hostile)
  }

  function recordOf(members: readonly (GraphQLInputField | GraphQLArgument)[]) {
    const required = members.filter((m) => isNonNullType(m.type) && m.defaultValue === undefined)
    return fc.record(Object.fromEntries(members.map((m) => [m.name, anyOf(m.type, m.name)])), {
      requiredKeys: required.map((m) => m.name),
    })
  }

  it.each(fields.map((f) => [f.field.name, f] as const))(
    '%s never fails inside',
    async (_n, { field, operation }) => {
      const declared = field.args.map((a) => `$${a.name}: ${String(a.type)}`).join(', ')
      const passed = field.args.map((a) => `${a.name}: $${a.name}`).join(', ')
      const document = `${operation} (${declared}) { ${field.name}(${passed}) { __typename } }`
      await fc.assert(
        fc.asyncProperty(recordOf(field.args), async (variables) => {
          const { errors, status } = await cloud.gql(document, variables, token)
          expect(status).toBeLessThan(500)
          const codes = errors?.map((e) => e.extensions.code) ?? []
          expect(
            codes.filter((code) => ['INTERNAL', 'UNAVAILABLE', 'TIMEOUT'].includes(code)),
          ).toEqual([])
        }),
        { numRuns: 60 },
      )
    },
    60_000,
  )
})
