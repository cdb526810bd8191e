/** Compiled documents answer as interpreted ones do, and nothing dangerous is compiled. */
import { type ExecutionResult, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { isCompilable, makeExecutor } from '../../server/graphql/compiler.ts'
import { schema } from '../support/http.ts'

const plain = (result: ExecutionResult) => ({
  data: JSON.parse(JSON.stringify(result.data ?? null)) as unknown,
  errors: (result.errors ?? [])
    .map(({ message, path }) => ({ message, path }))
    .sort((a, b) => JSON.stringify(a.path).localeCompare(JSON.stringify(b.path))),
})

const compilable = [
  ['{ hello }', {}],
  ['query ($n: String) { hello(name: $n) }', { n: 'a' }],
  ['query ($n: String = null) { hello(name: $n) }', {}],
  [
    '{ rows(first: 2) { totalCount nodes { id name later tags { key } next { id next { id } } __typename } } }',
    {},
  ],
  [
    'query ($f: Int) { rows(first: $f) { ...R } } fragment R on RowConnection { nodes { id later } }',
    { f: 3 },
  ],
  ['{ rows { nodes { id bad } } }', {}],
  ['{ rows { nodes { id badAlways } } }', {}],
  ['{ row(id: 1) { badAlways } }', {}],
  ['{ failsAlways }', {}],
  ['{ hello failsAlways }', {}],
  ['query ($v: Even) { even(value: $v) }', { v: 4 }],
  ['query ($v: Even) { even(value: $v) }', { v: 3 }],
  ['query ($v: Int!) { half(value: $v) }', { v: 'x' }],
  ['query ($v: Int!) { half(value: $v) }', {}],
  ['query ($v: Int) { half(value: $v) }', { v: null }],
  ['query ($v: Int) { half(value: $v) }', {}],
  ['query ($h: String, $l: Boolean) { fails(how: $h, late: $l) }', { h: 'cloud', l: true }],
  ['query ($h: String) { fails(how: $h) }', { h: 'plain' }],
  ['mutation { touch again: touch }', {}],
  ['query A { hello } query B { half }', {}],
] as const

describe('compiled and interpreted', () => {
  for (const [text, variables] of compilable) {
    it(`${text} ${JSON.stringify(variables)}`, async () => {
      const compiled = makeExecutor(schema, { jit: true })
      const interpreted = makeExecutor(schema, { jit: false })
      const document = parse(text)
      expect(isCompilable(schema, document)).toBe(true)
      const operationName = text.startsWith('query A') ? 'B' : undefined
      const request = { document, variables, operationName, context: { user: null } }
      const expected = plain(await interpreted(request))
      for (let use = 1; use <= 5; use++) expect(plain(await compiled(request))).toEqual(expected)
    })
  }

  it('executes an event of a subscription', async () => {
    const execute = makeExecutor(schema, { jit: true })
    const document = parse('subscription { rowChanged { id later } }')
    for (let use = 1; use <= 5; use++) {
      const rootValue = { id: use, name: 'x' }
      const result = await execute({ document, context: {}, rootValue })
      expect(plain(result).data).toEqual({ rowChanged: { id: use, later: 'later x' } })
    }
  })
})

/** The text that graphql-jit turns into `new Date(...)`, with code where the number would be. */
const MARKER = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d'

describe('is not compiled', () => {
  it.each([
    ['a string literal', '{ hello(name: "x") }'],
    ['a block string', '{ hello(name: """x""") }'],
    ['a string as a default', 'query ($n: String = "x") { hello(name: $n) }'],
    ['an alias with a joint', '{ a_b: hello }'],
    ['a prototype', '{ __proto__: hello }'],
    ['a variable with a joint', 'query ($a_b: String) { hello(name: $a_b) }'],
    ['a directive', '{ hello @skip(if: false) }'],
    ['an interface', '{ node { id } }'],
    ['introspection', '{ __schema { description } }'],
    ['a very large document', `{ ${'hello '.repeat(301)} }`],
  ])('%s', (_what, text) => expect(isCompilable(schema, parse(text))).toBe(false))

  it.each([
    `{ hello(name: "${MARKER}globalThis.broken=1") }`,
    `query ($n: String = "${MARKER}globalThis.broken=1") { hello(name: $n) }`,
    `{ hello(name: "\\u005f\\u005fMAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74dglobalThis.broken=1") }`,
  ])('code in a literal: %s', async (text) => {
    const execute = makeExecutor(schema, { jit: true })
    const document = parse(text)
    for (let use = 1; use <= 5; use++) await execute({ document, context: {} })
    expect('broken' in globalThis).toBe(false)
  })

  it('and `__proto__` answers as graphql-js does', async () => {
    const execute = makeExecutor(schema, { jit: true })
    const document = parse('{ __proto__: row(id: 1) { id } }')
    for (let use = 1; use <= 5; use++) {
      const { data } = await execute({ document, context: {} })
      expect(JSON.stringify(data)).toBe('{"__proto__":{"id":1}}')
    }
  })
})
