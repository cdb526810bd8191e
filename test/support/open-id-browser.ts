/** A browser at the log-in page of the portal: from here to the provider and back, with its cookie. */
import Fastify from 'fastify'
import { openIdRoutes } from '../../server/http/open-id-routes.ts'
import type { Cloud } from '../../services/context.ts'
import { type Answers, walkOpenId } from './open-id-provider.ts'

export interface SignInServer {
  /** Without a slash at the end. */
  url: string
  stop(): Promise<void>
}

/** The routes alone, on a port of their own. */
export async function startSignInServer(cloud: Cloud): Promise<SignInServer> {
  const app = Fastify({ logger: false })
  let url = ''
  openIdRoutes(app, { cloud, publicUrl: () => url, timeoutMs: 20_000 })
  url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, stop: () => app.close() }
}

export interface Step {
  status: number
  location: string
  /** As the browser sends it back: `name=value`; empty when it was taken away, null when untouched. */
  cookie: string | null
  /** All of Set-Cookie. */
  setCookie: string
}

/** One request without following where it leads. */
export async function step(url: string | URL, cookie = ''): Promise<Step> {
  const headers = new Headers(cookie ? { cookie } : undefined)
  const response = await fetch(url, { redirect: 'manual', headers })
  await response.body?.cancel()
  const setCookie = response.headers.get('set-cookie')
  return {
    status: response.status,
    location: response.headers.get('location') ?? '',
    cookie: setCookie === null ? null : (setCookie.split(';', 1)[0] ?? ''),
    setCookie: setCookie ?? '',
  }
}

/** Begins, and walks through the provider: the address to come back to, and the cookie to bring. */
export async function walkedTo(
  server: SignInServer,
  provider: string,
  answers: Partial<Answers> = {},
): Promise<{ back: URL; cookie: string }> {
  const begun = await step(`${server.url}/v1/sign-in/${provider}`)
  const callback = `${server.url}/v1/sign-in/${provider}/callback`
  const wanted = { account: 'ann', consent: 'yes', ...answers } as const
  return { back: await walkOpenId(begun.location, callback, wanted), cookie: begun.cookie ?? '' }
}

/** Where the whole way ends: at the log-in page, with a ticket or a problem. */
export async function signInThrough(
  server: SignInServer,
  provider: string,
  answers: Partial<Answers> = {},
): Promise<string> {
  const { back, cookie } = await walkedTo(server, provider, answers)
  return (await step(back, cookie)).location
}
