/** What a caller learns of a failure, and what it does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explain } from '../../server/graphql/errors.ts'
import { isUnavailable } from '../../server/graphql/unavailable.ts'
import { ask, type Shell, startShell } from '../support/http.ts'

describe('errors', () => {
  let shell: Shell
  beforeAll(async () => {
    shell = await startShell()
  })
  afterAll(() => shell.stop())

  const fails = 'query ($how: String, $late: Boolean) { fails(how: $how, late: $late) }'

  it.each([
    [
      'cloud',
      { code: 'QUOTA_EXCEEDED', details: { limit: 2, used: 2, requested: 1 } },
      'No more cores',
    ],
    ['coded', { code: 'INVALID_STATE' }, 'Not now'],
    ['plain', { code: 'INTERNAL' }, null],
    ['foreign', { code: 'INTERNAL' }, null],
    ['string', { code: 'INTERNAL' }, null],
    ['nothing', { code: 'INTERNAL' }, null],
    ['refused', { code: 'UNAVAILABLE' }, null],
    ['prisma', { code: 'UNAVAILABLE' }, null],
    [
      'arguments',
      {
        code: 'BAD_INPUT',
        details: { fields: [{ path: 'input.name', message: 'name must not be empty' }] },
      },
      'Wrong input: input.name: name must not be empty',
    ],
  ])('%s', async (how, extensions, message) => {
    for (const late of [false, true]) {
      const { status, headers, body } = await ask(shell, fails, { how, late })
      expect(status).toBe(200)
      expect(body.data).toEqual({ fails: null })
      expect(body.errors).toHaveLength(1)
      const error = body.errors?.[0]
      expect(error?.path).toEqual(['fails'])
      const requestId = headers.get('x-request-id')
      expect(error?.extensions).toEqual({ ...extensions, message: error?.message, requestId })
      if (message) expect(error?.message).toBe(message)
      expect(JSON.stringify(body)).not.toMatch(/hunter2|secret|invocation|ECONN|who knows|\.ts:/)
    }
  })

  it('logs what it masks, with the causes', async () => {
    await ask(shell, fails, { how: 'plain' }, { 'x-request-id': 'masked' })
    const line = shell.lines().find((one) => one.requestId === 'masked' && one.level === 50)
    expect(line).toMatchObject({ path: 'fails', msg: 'request failed' })
    expect(JSON.stringify(line?.err)).toContain('and the inner secret')
  })

  it('logs only the first of many', async () => {
    const query = 'query ($first: Int) { rows(first: $first) { nodes { bad } } }'
    const answer = await ask(shell, query, { first: 50 }, { 'x-request-id': 'many' })
    expect(answer.body.errors).toHaveLength(50)
    const logged = shell.lines().filter((one) => one.requestId === 'many' && one.level === 50)
    expect(logged).toHaveLength(5)
  })

  it('masks a broken promise of the schema', async () => {
    const answer = await ask(shell, '{ failsAlways }')
    expect(answer.status).toBe(200)
    expect(answer.body.data).toBeNull()
    expect(answer.body.errors?.map((error) => error.extensions.code)).toEqual(['INTERNAL'])
  })

  it('survives a getter that throws after a promise', async () => {
    const answer = await ask(shell, '{ trapped { id trap } }')
    expect(answer.body.errors?.map((error) => error.extensions.code)).toEqual(['INTERNAL'])
    expect(JSON.stringify(answer.body)).not.toContain('secret')
  })

  it.each([
    ['{', {}],
    ['{ nope }', {}],
    ['query A { hello } query B { hello }', {}],
    ['query ($v: Even) { even(value: $v) }', { v: 3 }],
    ['query ($v: Even) { even(value: $v) }', { v: 'x' }],
    ['{ even(value: 3) }', {}],
    ['query ($v: Int!) { half(value: $v) }', {}],
    ['query ($v: Int = 4) { half(value: $v) }', { v: null }],
    ['query ($id: Int!) { row(id: $id) { id } }', { id: 1.5 }],
    ['subscription { rowChanged { id } }', {}],
  ])('calls %s with %j BAD_INPUT', async (query, variables) => {
    const { body } = await ask(shell, query, variables)
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_INPUT')
    expect(body.errors?.[0]?.message.length).toBeGreaterThan(10)
  })

  it("tells a scalar's own words", async () => {
    const { status, body } = await ask(shell, 'query ($v: Even) { even(value: $v) }', { v: 3 })
    expect(status).toBe(400)
    expect(body.errors?.[0]?.message).toContain('it is not even')
  })
})

describe('explain', () => {
  const coded = (code: string, more: object = {}) =>
    Object.assign(new Error('x'), { code, ...more })

  it.each([
    coded('ECONNRESET'),
    coded('P1001'),
    coded('57P01'),
    coded('08006'),
    coded('ENOENT', { syscall: 'connect' }),
    new Error('Connection terminated unexpectedly'),
    new Error('while reading', { cause: coded('ETIMEDOUT') }),
    new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]),
    Object.assign(new Error('x'), { name: 'PrismaClientInitializationError' }),
  ])('finds the lost connection in %s', (error) => {
    expect(explain(error).code).toBe('UNAVAILABLE')
  })

  it.each([coded('ENOENT'), coded('23505'), coded('P2002'), new Error('x'), null, 5])(
    'finds none in %s',
    (error) => expect(explain(error).code).toBe('INTERNAL'),
  )

  it('ends on errors that cause each other', () => {
    const loop = new Error('loop')
    loop.cause = loop
    expect(isUnavailable(loop)).toBe(false)
    expect(explain(Object.assign(loop, { originalError: loop })).code).toBe('INTERNAL')
  })
})
