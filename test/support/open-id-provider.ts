/**
 * A real OpenID Connect provider on loopback, with one client and two accounts, and a browser that
 * walks through it: authorize, sign in, consent, back to the client.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Configuration, type InteractionResults, Provider } from 'oidc-provider'

export const accounts = {
  ann: {
    sub: 'account-ann',
    name: 'Ann Example',
    preferred_username: 'ann',
    email: 'ann@example.com',
    email_verified: true,
    groups: ['staff', 'ops'],
  },
  bob: {
    sub: 'account-bob',
    name: 'Bob Example',
    preferred_username: 'bob',
    email: 'bob@example.com',
    email_verified: false,
    groups: ['guests'],
  },
} as const

export type AccountName = keyof typeof accounts

export interface TestOpenIdProvider {
  issuer: string
  clientId: string
  clientSecret: string
  redirectUri: string
  /** How many requests came, by path. */
  requests: Map<string, number>
  stop(): Promise<void>
}

const scopes = ['openid', 'email', 'profile', 'groups']

/** `redirectUri` is where browsers are sent back to; nobody needs to listen there. */
export async function startOpenIdProvider(redirectUri: string): Promise<TestOpenIdProvider> {
  const requests = new Map<string, number>()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = { clientId: 'nephograph', clientSecret: 'the secret of the client', redirectUri }
  const provider = quietly(() => new Provider(issuer, configuration(client)))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url ?? '/', issuer)
    requests.set(pathname, (requests.get(pathname) ?? 0) + 1)
    if (!pathname.startsWith('/interaction/')) return void answer(request, response)
    interact(provider, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { issuer, ...client, requests, stop }
}

function configuration(client: {
  clientId: string
  clientSecret: string
  redirectUri: string
}): Configuration {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }
  return {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        redirect_uris: [client.redirectUri],
        id_token_signed_response_alg: 'ES256',
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['only for tests'] },
    scopes,
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    findAccount: (_ctx, id) => {
      const account = Object.values(accounts).find(({ sub }) => sub === id)
      return (
        account && { accountId: id, claims: () => ({ ...account, groups: [...account.groups] }) }
      )
    },
  }
}

/** The provider's two pages, login and consent: forms whose buttons say what `Answers` say. */
async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (request.method === 'GET') {
    const buttons = prompt.name === 'login' ? Object.keys(accounts) : ['yes', 'no']
    const name = prompt.name === 'login' ? 'account' : 'consent'
    const form = buttons.map((value) => `<button name="${name}" value="${value}">${value}</button>`)
    response.setHeader('content-type', 'text/html')
    response.end(
      `<!doctype html><title>provider</title><form method="post">${form.join('')}</form>`,
    )
    return
  }
  const answers = new URLSearchParams(await bodyOf(request))
  let result: InteractionResults
  if (prompt.name === 'login') {
    const account = accounts[answers.get('account') as AccountName]
    result = { login: { accountId: account.sub } }
  } else if (answers.get('consent') === 'yes') {
    const clientId = String(params.client_id)
    const grant = new provider.Grant({ accountId: session?.accountId, clientId })
    grant.addOIDCScope(scopes.join(' '))
    result = { consent: { grantId: await grant.save() } }
  } else {
    result = { error: 'access_denied', error_description: 'the person said no' }
  }
  await provider.interactionFinished(request, response, result)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

export interface Answers {
  account: AccountName
  consent: 'yes' | 'no'
}

const MAX_HOPS = 20

/**
 * Follows the provider from the address that the client gave until it sends the browser back, and
 * resolves to that address, which is not asked for.
 */
export async function walkOpenId(
  startUrl: string,
  redirectUri: string,
  answers: Answers,
): Promise<URL> {
  const cookies = new CookieJar()
  let url = new URL(startUrl)
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    if (url.href.startsWith(redirectUri)) return url
    const isQuestion = url.pathname.startsWith('/interaction/')
    const response = await fetch(url, {
      method: isQuestion ? 'POST' : 'GET',
      headers: { cookie: cookies.headerFor(url) },
      body: isQuestion ? new URLSearchParams({ ...answers }) : null,
      redirect: 'manual',
    })
    cookies.keep(url, response)
    const location = response.headers.get('location')
    if (!location) throw new Error(`${url.pathname}: ${response.status} ${await response.text()}`)
    await response.body?.cancel()
    url = new URL(location, url)
  }
  throw new Error(`more than ${MAX_HOPS} redirects`)
}

/** Cookies with their paths, as far as one provider needs them. */
class CookieJar {
  private readonly cookies: { name: string; path: string; value: string }[] = []

  keep(url: URL, response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name, value] = [pair.split('=', 1).join(), pair.slice(pair.indexOf('=') + 1)]
      const path = attributes.find((a) => /^path=/i.test(a))?.slice('path='.length) ?? url.pathname
      const at = this.cookies.findIndex((c) => c.name === name && c.path === path)
      if (at >= 0) this.cookies.splice(at, 1)
      if (value !== '') this.cookies.push({ name, path, value })
    }
  }

  headerFor(url: URL): string {
    return this.cookies
      .filter(({ path }) => url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }
}

/** It warns of what is right here: Node 20, and all its state in memory. */
function quietly<T>(make: () => T): T {
  const { warn, info } = console
  Object.assign(console, { warn: () => {}, info: () => {} })
  try {
    return make()
  } finally {
    Object.assign(console, { warn, info })
  }
}
