/** Checks of tokens, and sign-ins against the bare hash. */
import { hash, verify } from '@node-rs/argon2'
import { startChild } from './children.mjs'
import { inParallel, makeClient, SIGN_IN, signInInput } from './client.mjs'
import { PASSWORD } from './product.mjs'
import { idleStatements } from './servers.mjs'

const CLIENTS = 16
const SESSION = '{ session { expiresAt } }'
/** As services/identity/password.ts has them. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureTokens(product, { checks, signIns }) {
  return [...(await measureChecks(product, checks)), ...(await measureSignIns(product, signIns))]
}

async function measureChecks(product, count) {
  const { client } = product
  const ask = () => client.ask(SESSION)
  await inParallel(CLIENTS, count / 4, ask)
  const idle = await idleStatements(product, 2)
  const statementsBefore = await product.statements()
  const cpuBefore = product.cpuSeconds()
  const { perSecond, seconds } = await inParallel(CLIENTS, count, ask)
  const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / count
  const statements = (await product.statements()) - statementsBefore - idle * seconds
  const bare = await bareHttp(await ask(), count)
  return [
    {
      measure: 'token check, 16 clients',
      ...{ value: perSecond, unit: 'per s', peer: 95 },
      baseline: { name: 'bare node:http, the same bytes', value: bare },
    },
    { measure: 'CPU of a token check', value: cpuMs, unit: 'ms' },
    {
      measure: 'SQL statements of a token check',
      // What the second of looking found to do by itself is a few of thousands.
      ...{ value: Math.max(0, Math.round((10 * statements) / count) / 10), unit: '' },
    },
  ]
}

async function bareHttp(answer, count) {
  const server = startChild(new URL('./bare.mjs', import.meta.url))
  try {
    const { url } = await server.ask({ answer })
    const client = makeClient(url, CLIENTS)
    await inParallel(CLIENTS, count / 4, () => client.ask(SESSION))
    const { perSecond } = await inParallel(CLIENTS, count, () => client.ask(SESSION))
    client.close()
    return perSecond
  } finally {
    await server.stop()
  }
}

async function measureSignIns(product, count) {
  const { client } = product
  const known = await hash(PASSWORD, ARGON2)
  await inParallel(CLIENTS, CLIENTS, () => verify(known, PASSWORD))
  const cpuOfUs = process.cpuUsage()
  const bare = await inParallel(CLIENTS, count, () => verify(known, PASSWORD))
  const { user, system } = process.cpuUsage(cpuOfUs)
  const signIn = () => client.must(SIGN_IN, signInInput(PASSWORD))
  await inParallel(CLIENTS, CLIENTS, signIn)
  const cpuBefore = product.cpuSeconds()
  const ours = await inParallel(CLIENTS, count, signIn)
  const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / count
  return [
    {
      measure: 'sign-in, 16 clients',
      ...{ value: ours.perSecond, unit: 'per s', peer: 7.9 },
      baseline: { name: 'bare argon2 checks, 16 at once', value: bare.perSecond },
    },
    {
      measure: 'CPU of a sign-in',
      ...{ value: cpuMs, unit: 'ms' },
      baseline: { name: 'of a bare argon2 check', value: (user + system) / 1000 / count },
    },
  ]
}
