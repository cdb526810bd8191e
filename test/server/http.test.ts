/** The shell around GraphQL: routes, headers, ids, sizes, pages, probes, closing. */
import { request as rawRequest } from 'node:http'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GRAPHQL_BODY_MAX_BYTES } from '../../server/http/graphql-route.ts'
import type { Health } from '../../server/http/probes.ts'
import { CloudError } from '../../services/errors.ts'
import { type Answer, ask, codeOf, hold, holding, type Shell, startShell } from '../support/http.ts'
import { until } from '../support/until.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

let shell: Shell
let health: Health = { ok: true, problems: [] }
beforeAll(async () => {
  shell = await startShell({
    health: async () => {
      if (health.problems[0]?.dependency === 'throws') throw new Error('secret of the check')
      return health
    },
    routes(app) {
      app.addContentTypeParser('*', { bodyLimit: 1e12 }, (_request, body, done) => done(null, body))
      app.put('/images/:ticket', async (request) => {
        let bytes = 0
        for await (const chunk of request.body as Readable) bytes += (chunk as Buffer).length
        return { bytes }
      })
      app.get('/images/:ticket', async () => {
        throw new CloudError('NOT_FOUND', 'There is no such image')
      })
    },
  })
})
afterAll(() => shell.stop())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(shell.url + path, { headers, redirect: 'manual' })

/** Without what `fetch` does to a path. */
function getRaw(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
    (resolve, reject) => {
      const sent = rawRequest({ port: shell.port, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        )
      })
      sent.on('error', reject)
      sent.end()
    },
  )
}

async function post(body: string, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${shell.url}/graphql`, { method: 'POST', body, headers })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  }
}

describe('request ids', () => {
  it('keeps a sane one and puts it into header, error and log', async () => {
    const answer = await ask(
      shell,
      '{ fails(how: "plain") }',
      {},
      { 'x-request-id': 'mine-42.a:b' },
    )
    expect(answer.headers.get('x-request-id')).toBe('mine-42.a:b')
    expect(answer.body.errors?.[0]?.extensions.requestId).toBe('mine-42.a:b')
    const mine = shell.lines().filter((line) => line.requestId === 'mine-42.a:b')
    expect(mine.map((line) => line.msg)).toEqual(
      expect.arrayContaining(['request failed', 'operation']),
    )
  })

  it.each(['', 'has space', 'x'.repeat(129), '{"a":1}', '../..', '-dash'])(
    'replaces %j by its own',
    async (id) => {
      const answer = await ask(shell, '{ nope }', {}, { 'x-request-id': id })
      const made = answer.headers.get('x-request-id')
      expect(made).toMatch(UUID)
      expect(answer.body.errors?.[0]?.extensions.requestId).toBe(made)
    },
  )

  it.each([
    ['a syntax error', () => ask(shell, '{')],
    ['no JSON', () => post('{', { 'content-type': 'application/json' })],
    ['no query', () => post('{"a":1}', { 'content-type': 'application/json' })],
    ['a batch', () => post('[{"query":"{ hello }"}]', { 'content-type': 'application/json' })],
    ['another type', () => post('query={hello}', { 'content-type': 'text/plain' })],
    ['a refused token', () => ask(shell, '{ me }', {}, { authorization: 'Bearer expired' })],
  ])('are in the error of %s', async (_what, send) => {
    const answer = await send()
    expect(answer.body.errors?.[0]?.extensions.requestId).toBe(answer.headers.get('x-request-id'))
    expect(codeOf(answer)).toBeDefined()
  })
})

describe('POST /graphql', () => {
  it('answers with data, cost and no error', async () => {
    const answer = await ask(shell, 'query ($n: String) { hello(name: $n) }', { n: 'you' })
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      data: { hello: 'hello you' },
      extensions: { cost: { requested: 1, limit: 100_000 } },
    })
  })

  it('refuses a body of more than 1 MiB', async () => {
    const body = JSON.stringify({ query: '{ hello }', variables: { a: 'x'.repeat(1_048_576) } })
    const answer = await post(body, { 'content-type': 'application/json' })
    expect(answer.status).toBe(413)
    expect(answer.body.errors?.[0]?.extensions).toMatchObject({
      code: 'TOO_LARGE',
      details: { limit: GRAPHQL_BODY_MAX_BYTES, requested: body.length },
    })
  })

  it('refuses a chunked body of more than 1 MiB, whose length nobody told', async () => {
    const chunks = Readable.from([Buffer.alloc(700_000, 32), Buffer.alloc(700_000, 32)])
    const init = { method: 'POST', duplex: 'half', body: Readable.toWeb(chunks) } as RequestInit
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${shell.url}/graphql`, { ...init, headers })
    expect(response.status).toBe(413)
    expect(codeOf({ body: await response.json() } as Answer)).toBe('TOO_LARGE')
  })

  it.each([
    ['no JSON', '{', 400],
    ['an empty body', '', 400],
    ['a batch', '[{"query":"{ hello }"}]', 400],
    ['a poisoned object', '{"query":"{ hello }","__proto__":{"x":1}}', 400],
    ['a persisted query', '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"a"}}}', 200],
  ])('refuses %s', async (_what, body, status) => {
    const answer = await post(body, { 'content-type': 'application/json' })
    expect(answer.status).toBe(status)
    expect(codeOf(answer)).toBe('BAD_INPUT')
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'refuses a body of the type %s, which a page of another site could send',
    async (type) => {
      const answer = await post('{"query":"{ hello }"}', { 'content-type': type })
      expect(answer.status).toBe(415)
      expect(codeOf(answer)).toBe('BAD_INPUT')
    },
  )

  it('has no CORS: neither headers nor preflight', async () => {
    const origin = { origin: 'https://evil.example' }
    const answer = await ask(shell, '{ hello }', {}, origin)
    expect([...answer.headers.keys()].filter((name) => name.includes('access-control'))).toEqual([])
    const preflight = await fetch(`${shell.url}/graphql`, {
      method: 'OPTIONS',
      headers: { ...origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(405)
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('answers a refused token with 401 and why', async () => {
    const answer = await ask(shell, '{ me }', {}, { authorization: 'Bearer expired' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.body.errors?.[0]).toMatchObject({
      message: 'The token has expired',
      extensions: { code: 'UNAUTHENTICATED' },
    })
  })

  it('masks a context that breaks', async () => {
    const answer = await ask(shell, '{ me }', {}, { authorization: 'Bearer broken' })
    expect(answer.status).toBe(500)
    expect(codeOf(answer)).toBe('INTERNAL')
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(JSON.stringify(shell.lines())).toContain('secret of the context')
  })

  it('aborts the signal of its context when the caller goes away', async () => {
    const gone = new AbortController()
    const { asked } = holding
    const pending = fetch(`${shell.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'leaver' },
      body: JSON.stringify({ query: 'query Waits { waits }' }),
      signal: gone.signal,
    }).catch(() => 'aborted')
    await until('the request is in hand', () => holding.asked > asked)
    gone.abort()
    expect(await pending).toBe('aborted')
    await until('the operation ended', () =>
      shell.lines().some((line) => line.requestId === 'leaver' && line.name === 'Waits'),
    )
  })

  it('never logs tokens, variables or query strings', async () => {
    await ask(
      shell,
      'query ($n: String) { hello(name: $n) }',
      { n: 'v4riable' },
      {
        authorization: 'Bearer t0ken',
      },
    )
    await get('/graphql?query={hello(name:"qu3ry")}', { 'x-auth-token': 't0ken' })
    await get('/nowhere?secret=qu3ry')
    await get('/images/t1cket')
    const log = JSON.stringify(shell.lines())
    for (const secret of ['v4riable', 't0ken', 'qu3ry', 't1cket']) expect(log).not.toContain(secret)
  })
})

describe('GET /graphql', () => {
  const query = `/graphql?query=${encodeURIComponent('{ hello }')}`
  it('answers queries', async () => {
    expect(await (await get(query)).json()).toMatchObject({ data: { hello: 'hello ' } })
  })

  it('refuses mutations', async () => {
    const response = await get(`/graphql?query=${encodeURIComponent('mutation { touch }')}`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(codeOf({ body: await response.json() } as Answer)).toBe('BAD_INPUT')
  })

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, 400],
    [{ 'sec-fetch-site': 'same-site' }, 400],
    [{ origin: 'https://evil.example' }, 400],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ 'sec-fetch-site': 'cross-site', 'apollo-require-preflight': '1' }, 200],
  ])('sent with %j gets %i', async (headers, status) => {
    const answer = await getRaw(query, headers)
    expect(answer.status).toBe(status)
  })

  it('sends a person to the playground', async () => {
    const response = await get('/graphql', { accept: 'text/html,*/*' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/playground'])
  })

  it('refuses other methods', async () => {
    const response = await fetch(`${shell.url}/graphql`, { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })
})

describe('pages', () => {
  it.each([
    ['/', 'portal'],
    ['/servers/0190-abc?tab=log', 'portal'],
    ['/index.html', 'portal'],
    ['/playground', 'playground'],
    ['/playground.html', 'playground'],
  ])('%s is the %s', async (path, title) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain(`<title>${title}</title>`)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache')
  })

  it('carry headers that keep them to themselves', async () => {
    const { headers } = await get('/')
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*frame-ancestors 'none'/,
    )
    expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe|https?:/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('are answered with 304 when they are the same', async () => {
    const etag = (await get('/')).headers.get('etag') ?? ''
    expect((await get('/', { 'if-none-match': etag })).status).toBe(304)
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('come packed, and hashed files are kept for ever', async () => {
    const path = '/assets/main-D4x_9aBc.js'
    const packed = await getRaw(path, { 'accept-encoding': 'gzip' })
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(packed.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(packed.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(gunzipSync(packed.body).length).toBe(5_003)
    expect(
      (await getRaw(path, { 'accept-encoding': 'gzip, br' })).headers['content-encoding'],
    ).toBe('br')
    const plain = await getRaw(path, { 'accept-encoding': 'gzip;q=0' })
    expect([plain.headers['content-encoding'], plain.body.length]).toEqual([undefined, 5_003])
    expect((await get('/assets/logo.png')).headers.get('cache-control')).toBe('no-cache')
  })

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/%2e%2e%2f%2e%2e%2fetc/passwd',
    '//etc/passwd.txt',
    '/secret.txt%00.html',
    '/%',
    '/%zz.txt',
    '/missing.js',
  ])('does not serve %s', async (path) => {
    const answer = await getRaw(path)
    expect([400, 404]).toContain(answer.status)
    expect(answer.body.toString()).not.toContain('outside')
  })

  it('says so when the portal is not built', async () => {
    const bare = await startShell({ webDir: '/does/not/exist' })
    try {
      const response = await fetch(`${bare.url}/`)
      expect(response.status).toBe(404)
      expect(await response.text()).toContain('npm run build')
    } finally {
      await bare.stop()
    }
  })
})

describe('probes', () => {
  it('is healthy whatever it depends on, and ready when that answers', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
    health = { ok: false, problems: [{ dependency: 'database', message: 'no answer' }] }
    const response = await get('/readyz')
    expect([response.status, await response.json()]).toEqual([503, health])
    health = { ok: false, problems: [{ dependency: 'throws', message: '' }] }
    const broken = await get('/readyz')
    expect(broken.status).toBe(503)
    expect(await broken.text()).not.toContain('secret')
    expect((await get('/healthz')).status).toBe(200)
  })

  it('counts by closed lists', async () => {
    await ask(shell, 'query Evil1 { hello }')
    await ask(shell, '{ fails(how: "cloud") }')
    await get('/some/portal/page')
    const text = await (await get('/metrics')).text()
    expect(text).toMatch(/nephograph_graphql_operations_total{kind="query",outcome="OK"} \d/)
    expect(text).toMatch(/operations_total{kind="query",outcome="QUOTA_EXCEEDED"} \d/)
    expect(text).toMatch(/nephograph_http_requests_total{route="\/\*",status="200"} \d/)
    expect(text).not.toMatch(/Evil1|portal\/page|t1cket/)
  })
})

describe('the data plane', () => {
  it('streams what is larger than any body of GraphQL', async () => {
    const body = Readable.toWeb(Readable.from([Buffer.alloc(1_500_000), Buffer.alloc(1_500_000)]))
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit
    const response = await fetch(`${shell.url}/images/t`, init)
    expect(await response.json()).toEqual({ bytes: 3_000_000 })
  })

  it('has its errors told like those of GraphQL', async () => {
    const response = await get('/images/t')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({
      errors: [{ message: 'There is no such image', extensions: { code: 'NOT_FOUND' } }],
    })
  })

  it('tells an unknown route', async () => {
    const response = await fetch(`${shell.url}/nowhere`, { method: 'POST' })
    expect([response.status, codeOf({ body: await response.json() } as Answer)]).toEqual([
      404,
      'NOT_FOUND',
    ])
  })
})

describe('closing', () => {
  it('finishes what is in hand and takes no more', async () => {
    const other = await startShell()
    hold()
    const { asked } = holding
    const inHand = ask(other, '{ holds }', {}, { 'x-request-id': 'in-hand' })
    await until('the request is in hand', () => holding.asked > asked)
    const began = performance.now()
    const closed = other.stop()
    await until('new requests are turned away', () =>
      fetch(`${other.url}/healthz`).then(
        (response) => response.status === 503,
        () => true,
      ),
    )
    holding.release('done')
    expect((await inHand).body.data).toEqual({ holds: 'done' })
    await closed
    expect(performance.now() - began).toBeLessThan(5_000)
    await expect(fetch(`${other.url}/healthz`)).rejects.toThrow()
  })
})
