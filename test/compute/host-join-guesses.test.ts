/** Who guesses words with which hosts join is slowed down, and nobody else is. */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AskingRate } from '../../server/asking-rate.ts'
import { networkOf, WRONG_WORDS } from '../../server/data-plane/host-join.ts'
import { makeHostKey, publicPem } from '../../server/host-key.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'

let cloud: Cluster
let publicKey: string
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0 })
  publicKey = publicPem(makeHostKey(cloud.dataDir, 'guesser'))
})
afterAll(() => cloud?.stop())

/** From an address of the loopback: the status, and after how many seconds to come again. */
function join(name: string, token: string, localAddress = '127.0.0.1') {
  const body = JSON.stringify({ token, name, publicKey })
  return new Promise<{ status: number; retryAfter: string | undefined; text: string }>(
    (resolve, reject) => {
      const asked = request(
        `${cloud.url}/v1/hosts`,
        { method: 'POST', localAddress },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          const { statusCode: status = 0, headers } = response
          response.on('end', () => resolve({ status, retryAfter: headers['retry-after'], text }))
        },
      )
      asked.on('error', reject).end(body)
    },
  )
}

async function word(): Promise<string> {
  const made = await cloud.must(
    `mutation ($input: HostJoinTokenCreateInput!) {
      hostJoinTokenCreate(input: $input) { secret } }`,
    { input: {} },
    await cloud.signIn(),
  )
  return made.hostJoinTokenCreate.secret
}

it('lets so many wrong words pass, also when they come at once, and then none, wrong or right', async () => {
  const right = await word()
  const guesses = Array.from({ length: WRONG_WORDS.burst }, (_, i) => join('guess', `wrong-${i}`))
  const statuses = (await Promise.all(guesses)).map(({ status }) => status)
  expect(statuses).toEqual(statuses.map(() => 401))
  const late = await join('guess', right)
  expect(late).toMatchObject({ status: 429, retryAfter: '10' })
  expect(late.text).toMatch(/Too many wrong words/)
  expect(await cloud.cloud.db.host.count()).toBe(0)
  // Of another address nobody has guessed.
  expect(await join('honest', right, '127.0.0.2')).toMatchObject({ status: 201 })
})

it('takes nothing from who has the right word, however often', async () => {
  for (let i = 0; i <= WRONG_WORDS.burst; i++) {
    expect(await join(`rack-${i}`, await word(), '127.0.0.3')).toMatchObject({ status: 201 })
  }
})

it('forgives with time', () => {
  let at = 0
  const rate = new AskingRate(WRONG_WORDS, () => at)
  const admitted = () => Array.from({ length: 50 }, () => rate.admits('a')).filter(Boolean).length
  expect(admitted()).toBe(WRONG_WORDS.burst)
  at += 30_000
  expect(admitted()).toBe(3)
  rate.giveBack('a')
  expect(admitted()).toBe(1)
})

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
])('takes %s as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
