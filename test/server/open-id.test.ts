/** Signing in at a real provider, and at some that are not what they should be. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import jwt from 'jsonwebtoken'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  DISCOVERY_TTL_MS,
  type OpenIdAttempt,
  type OpenIdOptions,
  type OpenIdProvider,
  openIdClient,
} from '../../server/http/open-id.ts'
import { OpenIdError } from '../../server/http/open-id-error.ts'
import { Secret } from '../../server/secret.ts'
import { mapClaims } from '../../services/identity/mapping.ts'
import {
  type Answers,
  startOpenIdProvider,
  type TestOpenIdProvider,
  walkOpenId,
} from '../support/open-id-provider.ts'

const REDIRECT_URI = 'http://127.0.0.1:9/signed-in'
const DISCOVERY = '/.well-known/openid-configuration'

let real: TestOpenIdProvider
beforeAll(async () => void (real = await startOpenIdProvider(REDIRECT_URI)))
afterAll(() => real?.stop())

const client = (changes: Partial<OpenIdProvider> = {}, options: Partial<OpenIdOptions> = {}) =>
  openIdClient(
    {
      issuer: real.issuer,
      clientId: real.clientId,
      clientSecret: new Secret(real.clientSecret),
      scopes: ['email', 'profile', 'groups'],
      redirectUri: REDIRECT_URI,
      ...changes,
    },
    { timeoutMs: 20_000, allowInsecure: true, ...options },
  )

const walk = (url: string, answers: Partial<Answers> = {}) =>
  walkOpenId(url, REDIRECT_URI, { account: 'ann', consent: 'yes', ...answers })

/** What a promise fails with, seen to hold none of the secrets. */
async function problemOf(promise: Promise<unknown>, secrets: string[] = []) {
  const error = await promise.then(
    () => 'nothing failed',
    (cause: unknown) => cause,
  )
  if (!(error instanceof OpenIdError)) throw new Error(`no OpenIdError: ${inspect(error)}`)
  const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)
  for (const secret of [real.clientSecret, ...secrets]) expect(shown).not.toContain(secret)
  return error.problem
}

describe('a sign-in', () => {
  it('gives the subject and the claims of id token and userinfo', async () => {
    const openId = client()
    const { url, ...attempt } = await openId.start()
    const back = await walk(url)
    const { subject, claims } = await openId.finish(back, attempt)
    expect(subject).toBe('account-ann')
    expect(claims).toMatchObject({
      iss: real.issuer,
      aud: real.clientId,
      nonce: attempt.nonce,
      email: 'ann@example.com',
      email_verified: true,
      groups: ['staff', 'ops'],
    })
    const rules = [
      {
        remote: [{ claim: 'preferred_username' }, { claim: 'email' }, { claim: 'groups' }],
        local: { userName: '{0}', email: '{1}', groups: ['example-{2}'] },
      },
    ]
    expect(mapClaims(rules, claims)).toEqual({
      userName: 'ann',
      email: 'ann@example.com',
      groups: ['example-staff', 'example-ops'],
    })
  })

  it('asks for a code with PKCE, and is new each time', async () => {
    const openId = client({ scopes: ['openid', 'email'] })
    const [one, two] = [await openId.start(), await openId.start()]
    const asked = new URL(one.url)
    expect(asked.origin).toBe(real.issuer)
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: real.clientId,
      redirect_uri: REDIRECT_URI,
      scope: 'openid email',
      code_challenge_method: 'S256',
      state: one.state,
      nonce: one.nonce,
    })
    expect(one.url).not.toContain(one.codeVerifier)
    for (const name of ['state', 'nonce', 'codeVerifier'] as const) {
      expect(one[name].length).toBeGreaterThanOrEqual(43)
      expect(one[name]).not.toBe(two[name])
    }
  })

  it('ends at the registered address, whatever the browser shows', async () => {
    const openId = client()
    const { url, ...attempt } = await openId.start()
    const { search } = await walk(url, { account: 'bob' })
    const seen = new URL(`http://10.0.0.1:8080/proxied/signed-in${search}`)
    expect((await openId.finish(seen, attempt)).subject).toBe('account-bob')
  })

  it('asks the provider what it is once an hour', async () => {
    let now = 0
    const openId = client({}, { now: () => now })
    const before = real.requests.get(DISCOVERY) ?? 0
    const asked = () => (real.requests.get(DISCOVERY) ?? 0) - before
    await Promise.all([openId.start(), openId.start()])
    now = DISCOVERY_TTL_MS - 1
    await openId.start()
    expect(asked()).toBe(1)
    now = DISCOVERY_TTL_MS
    await openId.start()
    expect(asked()).toBe(2)
  })
})

describe('an answer that does not belong', () => {
  /** A finished walk, then `finish` with something else in it. */
  async function finishing(change: (back: URL) => unknown, answers: Partial<Answers> = {}) {
    const openId = client()
    const { url, ...attempt } = await openId.start()
    const back = await walk(url, answers)
    const code = back.searchParams.get('code') ?? 'none came'
    const changed: OpenIdAttempt = Object.assign({}, attempt, change(back))
    return problemOf(openId.finish(back, changed), [code, attempt.codeVerifier, attempt.nonce])
  }

  it('is refused by its state', async () => {
    expect(await finishing(() => ({ state: 'another' }))).toBe('state')
    expect(await finishing((back) => back.searchParams.set('state', 'another'))).toBe('state')
    expect(await finishing((back) => back.searchParams.delete('state'))).toBe('state')
    expect(await finishing((back) => back.searchParams.append('state', 'x'))).toBe('state')
    const nothing = (back: URL) => {
      back.searchParams.set('state', '')
      return { state: '' }
    }
    expect(await finishing(nothing)).toBe('state')
  })

  it('is refused by its nonce', async () => {
    expect(await finishing(() => ({ nonce: 'another' }))).toBe('nonce')
    expect(await finishing(() => ({ nonce: '' }))).toBe('state')
  })

  it('is refused by PKCE', async () => {
    expect(await finishing(() => ({ codeVerifier: 'v'.repeat(43) }))).toBe('code')
  })

  it('is refused by its issuer', async () => {
    const elsewhere = (back: URL) => back.searchParams.set('iss', 'https://example.com')
    expect(await finishing(elsewhere)).toBe('issuer')
  })

  it('is refused when it has no code, another code or two', async () => {
    expect(await finishing((back) => back.searchParams.delete('code'))).toBe('answer')
    expect(await finishing((back) => back.searchParams.set('code', 'guessed'))).toBe('code')
    expect(await finishing((back) => back.searchParams.append('code', 'x'))).toBe('answer')
  })

  it('is refused when the person said no', async () => {
    expect(await finishing(() => undefined, { consent: 'no' })).toBe('refused')
  })

  it('is refused the second time', async () => {
    const openId = client()
    const { url, ...attempt } = await openId.start()
    const back = await walk(url)
    await openId.finish(back, attempt)
    const code = back.searchParams.get('code') ?? 'none came'
    expect(await problemOf(openId.finish(back, attempt), [code])).toBe('code')
  })
})

describe('settings that are wrong', () => {
  it('name the client', async () => {
    const secret = 'another secret of the client'
    const openId = client({ clientSecret: new Secret(secret) })
    const { url, ...attempt } = await openId.start()
    expect(await problemOf(openId.finish(await walk(url), attempt), [secret])).toBe('client')
    const open = client({ clientSecret: null })
    const { url: openUrl, ...openAttempt } = await open.start()
    expect(await problemOf(open.finish(await walk(openUrl), openAttempt))).toBe('client')
  })

  it.each([
    'http://id.example.com',
    'http://127.0.0.1.example.com',
    'https://id.example.com/?a=b',
    'https://id.example.com/#a',
    'https://me:secret@id.example.com',
    'ftp://127.0.0.1',
    'id.example.com',
    '',
  ])('refuse the issuer %j', (issuer) => {
    expect(() => client({ issuer })).toThrow(OpenIdError)
  })

  it('refuse plain http on loopback unless it is allowed', () => {
    expect(() => client({}, { allowInsecure: false })).toThrow(/an https address/)
    expect(() => client({ issuer: 'http://[::1]:1' })).not.toThrow()
    expect(() => client({ issuer: 'https://id.example.com/realms/one' })).not.toThrow()
  })
})

describe('a provider that is not as it should be', () => {
  let server: Server | undefined
  afterEach(
    () =>
      new Promise<void>((resolve) => {
        if (!server) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
        server = undefined
      }),
  )
  async function serve(listener: RequestListener): Promise<string> {
    const made = createServer(listener)
    server = made
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`
  }
  const starting = async (listener: RequestListener, options: Partial<OpenIdOptions> = {}) =>
    problemOf(client({ issuer: await serve(listener) }, options).start())
  const json = (value: unknown): [string, string] => ['application/json', JSON.stringify(value)]
  const answering =
    (type: string, body: string, status = 200): RequestListener =>
    (_request, response) =>
      void response.writeHead(status, { 'content-type': type }).end(body)

  it('is told as unreachable when it is down, and asked again once it is back', async () => {
    let isDown = true
    const issuer = await serve((request, response) => {
      if (isDown) return void request.socket.destroy()
      const endpoints = { authorization_endpoint: `${issuer}/auth` }
      answering(...json({ issuer, ...endpoints }))(request, response)
    })
    const openId = client({ issuer })
    expect(await problemOf(openId.start())).toBe('unreachable')
    isDown = false
    expect((await openId.start()).url).toContain(`${issuer}/auth?`)
  })

  it('is told as unreachable when nobody listens, fails or keeps silent', async () => {
    expect(await problemOf(client({ issuer: 'http://127.0.0.1:1' }).start())).toBe('unreachable')
    expect(await starting(answering('text/plain', 'oh', 503))).toBe('unreachable')
    expect(await starting(() => {}, { timeoutMs: 70 })).toBe('unreachable')
    const trickle: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{')
    }
    expect(await starting(trickle, { timeoutMs: 70 })).toBe('unreachable')
  })

  it('is refused when it says another issuer', async () => {
    expect(await starting(answering(...json({ issuer: 'https://example.com' })))).toBe('issuer')
  })

  it('is refused when its answer is nonsense, too large or a redirect', async () => {
    expect(await starting(answering('text/html', '<p>hello'))).toBe('answer')
    expect(await starting(answering('application/json', '{"issuer":'))).toBe('answer')
    expect(await starting(answering(...json({ issuer: 7 })))).toBe('answer')
    expect(await starting(answering('application/json', ' '.repeat(1_100_000)))).toBe('answer')
    const redirect: RequestListener = (_request, response) =>
      void response.writeHead(302, { location: `${real.issuer}${DISCOVERY}` }).end()
    expect(await starting(redirect)).toBe('answer')
  })

  const basic = (...parts: string[]) =>
    `Basic ${btoa(parts.map((part) => new URLSearchParams([['', part]]).toString().slice(1)).join(':'))}`

  it('gets no secret when its endpoint is plain http elsewhere', async () => {
    const issuer = await serve((request, response) => {
      const elsewhere = { token_endpoint: 'http://192.0.2.1/token' }
      const metadata = { issuer, authorization_endpoint: `${issuer}/auth`, ...elsewhere }
      answering(...json(metadata))(request, response)
    })
    const openId = client({ issuer })
    const { url: _url, ...attempt } = await openId.start()
    const back = new URL(`${REDIRECT_URI}?code=a-code&state=${attempt.state}`)
    expect(await problemOf(openId.finish(back, attempt), ['a-code'])).toBe('answer')
  })

  /** A provider that signs what it is told to, with a key that it publishes or another. */
  async function signing(
    claims: object,
    signer: 'published' | 'another' = 'published',
    userInfo?: RequestListener,
  ) {
    const pairs = {
      published: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      another: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    }
    const key = { ...pairs.published.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }
    const { privateKey }: { privateKey: KeyObject } = pairs[signer]
    let nonce = ''
    const issuer = await serve((request, response) => {
      const own = { iss: issuer, aud: real.clientId, sub: 'eve', nonce, ...claims }
      const signature = { algorithm: 'ES256', keyid: 'one' } as const
      const inAMinute = Math.floor(Date.now() / 1000) + 60
      const answers: Record<string, unknown> = {
        [DISCOVERY]: {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          id_token_signing_alg_values_supported: ['ES256'],
          userinfo_endpoint: userInfo && `${issuer}/me`,
        },
        '/keys': { keys: [key] },
        '/token': {
          access_token: 'an access token',
          token_type: 'Bearer',
          id_token: jwt.sign({ exp: inAMinute, ...own }, privateKey, signature),
        },
      }
      // It names no method, so the secret comes in the header (RFC 6749, 2.3.1).
      const isUs = request.headers.authorization === basic(real.clientId, real.clientSecret)
      if (request.url === '/token' && !isUs) return answering('a', 'b', 401)(request, response)
      if (request.url === '/me') return userInfo?.(request, response)
      answering(...json(answers[request.url ?? '']))(request, response)
    })
    const openId = client({ issuer })
    const { url: _url, ...attempt } = await openId.start()
    nonce = attempt.nonce
    const back = new URL(`${REDIRECT_URI}?code=a-code&state=${attempt.state}`)
    return openId.finish(back, attempt)
  }

  it('is believed when the signature is of its published key', async () => {
    const { subject, claims } = await signing({ groups: ['ops'] })
    expect([subject, claims.groups]).toEqual(['eve', ['ops']])
  })

  it.each([
    ['a key that it does not publish', {}, 'another', 'answer'],
    ['a claim for another client', { aud: 'another' }, 'published', 'answer'],
    ['a claim of another issuer', { iss: 'https://example.com' }, 'published', 'issuer'],
    ['no subject', { sub: '' }, 'published', 'answer'],
    ['a huge subject', { sub: 's'.repeat(256) }, 'published', 'answer'],
    ['an end that is past', { exp: 1 }, 'published', 'answer'],
  ] as const)('is refused with %s', async (_what, claims, signer, problem) => {
    expect(await problemOf(signing(claims, signer), ['an access token', 'a-code'])).toBe(problem)
  })

  it('can not say another person, or other claims than it signed, by userinfo', async () => {
    const told = (value: object) =>
      signing({ groups: ['guests'] }, 'published', answering(...json(value)))
    const { claims } = await told({ sub: 'eve', groups: ['ops'], email: 'eve@example.com' })
    expect(claims).toMatchObject({ sub: 'eve', groups: ['guests'], email: 'eve@example.com' })
    expect(await problemOf(told({ sub: 'ann', groups: ['ops'] }), ['an access token'])).toBe(
      'answer',
    )
    expect(await problemOf(told({ groups: ['ops'] }))).toBe('answer')
    const challenge: RequestListener = (_request, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
    expect(await problemOf(signing({}, 'published', challenge))).toBe('answer')
    expect(await problemOf(signing({}, 'published', answering('a', 'b', 500)))).toBe('unreachable')
  })
})
