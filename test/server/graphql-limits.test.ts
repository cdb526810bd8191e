/** How much one operation may ask for, and that finding out is cheap. */
import { buildSchema, getIntrospectionQuery, Kind, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { costOf } from '../../server/graphql/cost.ts'
import { cpuClock } from '../support/cpu-clock.ts'
import { ask, codeOf, type Shell, startShell } from '../support/http.ts'

let shell: Shell
beforeAll(async () => {
  shell = await startShell()
})
afterAll(() => shell.stop())

const repeat = (times: number, text: string): string => text.repeat(times)
const nest = (depth: number): string =>
  `{ row(id: 1) ${repeat(depth - 2, '{ next ')} { id } ${repeat(depth - 2, '}')} }`

/** Each fragment spreads the one before it twice: 2^n fields in n lines. */
const bomb = (n: number): string =>
  `{ row(id: 1) { ...F${n} } } fragment F0 on Row { id } ${Array.from(
    { length: n },
    (_, i) => `fragment F${i + 1} on Row { ...F${i} next { ...F${i} } }`,
  ).join(' ')}`

describe('limits', () => {
  it.each([
    ['depth', nest(16), 15, 16],
    [
      'depth',
      `{ hello } fragment Unused on Row ${nest(17).slice('{ row(id: 1) '.length, -2)}`,
      15,
      16,
    ],
    ['aliases', `{ row(id: 1) { ${repeat(51, 'a: id ')} } }`, 50, 51],
    ['rootFields', `{ ${repeat(21, 'hello ')} }`, 20, 21],
    ['directives', `{ hello ${repeat(51, '@skip(if: false) ')} }`, 50, 51],
    ['fields', `{ row(id: 1) { ${repeat(1_000, 'id ')} } }`, 1_000, 1_001],
    ['tokens', `{ ${repeat(4_000, 'hello ')} }`, 4_000, 4_001],
    ['cost', '{ rows(first: 200) { nodes { dear name } } }', 100_000, 100_202],
  ])('refuses too many %s', async (what, query, limit, requested) => {
    const { status, body } = await ask(shell, query)
    expect(status).toBe(400)
    expect(body.data).toBeUndefined()
    expect(body.errors?.[0]?.extensions).toMatchObject({
      code: 'TOO_COMPLEX',
      details: { what, limit, requested },
    })
  })

  it.each([
    nest(15),
    `{ row(id: 1) { ${Array.from({ length: 50 }, (_, i) => `a${i}: id`).join(' ')} } }`,
    `{ ${repeat(20, 'hello ')} }`,
  ])('accepts just what they allow: %#', async (query) => {
    expect((await ask(shell, query)).body.errors).toBeUndefined()
  })

  it('answers the introspection that GraphiQL sends', async () => {
    const query = getIntrospectionQuery({
      inputValueDeprecation: true,
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
    })
    const { body } = await ask(shell, query)
    expect(body.errors).toBeUndefined()
    expect(body.extensions?.cost?.requested).toBe(100)
  })

  it('refuses introspection that circles', async () => {
    const circle = `{ __schema { types ${repeat(5, '{ fields { type ')} { name } ${repeat(5, '} }')} } }`
    expect(codeOf(await ask(shell, circle))).toBe('BAD_INPUT')
  })

  it.each([
    ['fragments that double', bomb(60), 'TOO_COMPLEX'],
    [
      'a fragment of itself',
      '{ row(id: 1) { ...A } } fragment A on Row { next { ...A } }',
      'BAD_INPUT',
    ],
    [
      'fragments of each other',
      '{ row(id: 1) { ...A } } fragment A on Row { ...B } fragment B on Row { ...A }',
      'BAD_INPUT',
    ],
    ['braces without end', `{ ${repeat(3_900, 'a{')}`, 'BAD_INPUT'],
    ['lists without end', `{ hello(name: ${repeat(3_900, '[')}`, 'BAD_INPUT'],
    ['a deep list', `{ hello(name: ${repeat(1_900, '[')}${repeat(1_900, ']')}) }`, 'BAD_INPUT'],
    ['deep braces', nest(1_200), 'TOO_COMPLEX'],
    ['a megabyte of one token', `{ hello(name: "${'x'.repeat(1_000_000)}") nope }`, 'BAD_INPUT'],
    [
      'a field a thousand times',
      `{ ${repeat(20, 'hello ')} row(id: 1) { ${repeat(900, 'id ')} } nope }`,
      'TOO_COMPLEX',
    ],
  ])('is quick to refuse %s', async (_what, query, code) => {
    const cpuMs = cpuClock()
    expect(codeOf(await ask(shell, query))).toBe(code)
    expect(cpuMs()).toBeLessThan(1_000)
  })
})

describe('cost', () => {
  const schema = buildSchema(`
    type Query { servers(first: Int, after: String): Servers! all: [Server!]! tasks(last: Int = 7): [Task!]! node: Node }
    type Servers { nodes: [Server!]! edges: [Edge!]! totalCount: Int! }
    type Edge { cursor: String! node: Server! }
    interface Node { id: ID! }
    type Server implements Node { id: ID! flavor: Flavor! actions: [Action!]! tasks(first: Int): Tasks! }
    type Flavor { name: String! } type Action { name: String! }
    type Tasks { nodes: [Task!]! } type Task { kind: String! }
  `)
  const cost = (text: string, variables: Record<string, unknown> = {}) => {
    const { definitions } = parse(text)
    const operation = definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION)
    const fragments = definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION)
    if (!operation) throw new Error('no operation')
    const byName = new Map(fragments.map((one) => [one.name.value, one]))
    return costOf({ schema, operation, fragments: byName, variables })
  }

  it.each([
    ['{ servers(first: 100) { totalCount } }', 2],
    ['{ servers(first: 100) { nodes { id __typename } } }', 1 + 1 + 100],
    ['{ servers { nodes { id } } }', 1 + 1 + 50],
    ['{ servers(first: 100) { edges { cursor node { id } } } }', 1 + 1 + 100 * 3],
    ['{ servers(first: 10) { nodes { flavor { name } actions { name } } } }', 2 + 10 * (2 + 11)],
    ['{ servers(first: 10) { nodes { tasks(first: 5) { nodes { kind } } } } }', 2 + 10 * (2 + 5)],
    ['{ all { id } }', 1 + 10],
    ['{ tasks { kind } }', 1 + 7],
    ['{ servers(first: 999999999) { nodes { id } } }', 2 + 200],
    ['{ servers(first: -5) { nodes { id } } }', 2 + 200],
    ['{ node { id ... on Server { flavor { name } } } }', 1 + 1 + 2],
    ['{ servers(first: 3) { ...F } } fragment F on Servers { nodes { id } }', 2 + 3],
    ['{ __schema { types { name } } }', 100],
  ])('of %s is %i', (text, points) => expect(cost(text).points).toBe(points))

  it('counts what variables say, and knows when they matter', () => {
    const text = 'query ($n: Int = 20) { servers(first: $n) { nodes { id } } }'
    expect(cost(text, { n: 30 })).toEqual({ points: 32, fixed: false })
    expect(cost(text)).toEqual({ points: 22, fixed: false })
    expect(cost(text, { n: 'x' }).points).toBe(202)
    expect(cost('query ($a: String) { servers(first: 5, after: $a) { nodes { id } } }').fixed).toBe(
      true,
    )
  })
})
