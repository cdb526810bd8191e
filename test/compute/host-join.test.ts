/** A host comes in with a word, and from then on nobody else speaks for it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SimulatedComputeDriver } from '../../drivers/compute/simulated.ts'
import { makeInProcessBus } from '../../server/bus/in-process.ts'
import { makeHostKey, publicPem, readHostKey } from '../../server/host-key.ts'
import { joinHost } from '../../server/nepho/host.ts'
import { startAgent } from '../../workers/agent/agent.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

const log = pino({ level: 'silent' })
const bus = makeInProcessBus({ log })
const TOKEN = `mutation ($input: HostJoinTokenCreateInput!) {
  hostJoinTokenCreate(input: $input) { secret expiresAt }
}`

let cloud: Cluster
let operator: string
let folder: string

beforeAll(async () => {
  cloud = await startCluster({ hosts: 1, bus, config: { hostJoin: 'token' } })
  operator = await cloud.signIn()
  folder = await mkdtemp(join(tmpdir(), 'nephograph-join-'))
})
afterAll(async () => {
  await cloud?.stop()
  await rm(folder, { recursive: true, force: true })
})

const word = async (input: object = {}): Promise<string> =>
  (await cloud.must(TOKEN, { input }, operator)).hostJoinTokenCreate.secret

const comeIn = (name: string, token: string, dataDir = folder) =>
  joinHost({ dataDir }, { url: cloud.url, name, token }, () => {})

const statusOf = async (name: string) =>
  (await cloud.cloud.db.host.findUnique({ where: { name } }))?.status ?? null

/** An agent of that name, with the key of that folder; its reports so far have been heard. */
async function agentOf(name: string, dataDir: string | null) {
  const stateDir = join(folder, `${name}-${dataDir === null ? 'stranger' : 'own'}`)
  return startAgent({
    ...{ bus, hostName: name, stateDir, log, apiUrl: cloud.url, heartbeatMs: 100 },
    driver: new SimulatedComputeDriver(),
    key: dataDir === null ? null : readHostKey(dataDir, name),
  })
}

describe('a host', () => {
  it('of the process itself needs no word', async () => {
    expect(await statusOf('sim-1')).toBe('UP')
  })

  it('joins, reports with its signature, and takes servers', async () => {
    await comeIn('far-1', await word())
    expect(await statusOf('far-1')).toBe('DOWN')
    const agent = await agentOf('far-1', folder)
    try {
      await until('it is UP', async () => (await statusOf('far-1')) === 'UP')
      const host = await cloud.cloud.db.host.findUniqueOrThrow({
        where: { name: 'far-1' },
        include: { inventory: true },
      })
      expect(host.inventory.map(({ resource }) => resource).sort()).toEqual([
        ...['DISK_GB', 'MEMORY_MB', 'VCPU'],
      ])
    } finally {
      await agent.stop({ guests: 'leave' })
    }
  })

  it('gets no word for a cell that is not there', async () => {
    const { errors } = await cloud.gql(TOKEN, { input: { cell: 'nowhere' } }, operator)
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND')
  })

  it('that never joined is not heard', async () => {
    const agent = await agentOf('nobody', null)
    const mark = await agentOf('far-1', folder)
    try {
      // Reports are taken in order: once this one was heard, so was the one before it.
      await until('another is heard', async () => (await statusOf('far-1')) === 'UP')
      expect(await statusOf('nobody')).toBeNull()
    } finally {
      await agent.stop({ guests: 'leave' })
      await mark.stop({ guests: 'leave' })
    }
  })

  it('can not be spoken for by another', async () => {
    await comeIn('far-2', await word())
    const { db } = cloud.cloud
    const before = await db.host.findUniqueOrThrow({ where: { name: 'far-2' } })
    const liar = await agentOf('far-2', null)
    const other = join(folder, 'other')
    makeHostKey(other, 'far-2')
    const forger = await agentOf('far-2', other)
    const mark = await agentOf('far-1', folder)
    try {
      await until('another is heard', async () => {
        const row = await db.host.findUnique({ where: { name: 'far-1' } })
        return row?.heartbeatAt && row.heartbeatAt > before.updatedAt
      })
      expect(await db.host.findUniqueOrThrow({ where: { name: 'far-2' } })).toEqual(before)
    } finally {
      for (const agent of [liar, forger, mark]) await agent.stop({ guests: 'leave' })
    }
  })
})

describe('a word', () => {
  it('is good once', async () => {
    const token = await word()
    await comeIn('once-1', token)
    await expect(comeIn('once-2', token)).rejects.toThrow('used')
    expect(await statusOf('once-2')).toBeNull()
  })

  it('of one name is good for no other', async () => {
    const token = await word({ hostName: 'named' })
    await expect(comeIn('unnamed', token)).rejects.toThrow('another name')
    await comeIn('named', token)
  })

  it('does not take a name from a host that has it, unless it was made for it', async () => {
    await comeIn('kept', await word())
    const anew = join(folder, 'installed-anew')
    const token = await word()
    await expect(comeIn('kept', token, anew)).rejects.toThrow('another key')
    await comeIn('kept', await word({ hostName: 'kept' }), anew)
    const { publicKey } = await cloud.cloud.db.host.findUniqueOrThrow({ where: { name: 'kept' } })
    expect(publicKey).toBe(publicPem(makeHostKey(anew, 'kept')))
  })

  it('is over after its time', async () => {
    const token = await word({ validSeconds: 60 })
    await cloud.cloud.db.hostJoinToken.updateMany({ data: { expiresAt: new Date(0) } })
    await expect(comeIn('late', token)).rejects.toThrow('expired')
  })

  it('is not kept in words, and told of in the audit log', async () => {
    const token = await word({ hostName: 'secretive' })
    const kept = JSON.stringify(await cloud.cloud.db.hostJoinToken.findMany())
    expect(kept).not.toContain(token)
    const entries = await cloud.cloud.db.auditEvent.findMany({
      where: { action: 'compute.host.join', resourceName: 'secretive' },
    })
    expect(entries).toHaveLength(1)
    expect(JSON.stringify(entries)).not.toContain(token)
  })

  it.each([
    ['no JSON', 'x'],
    ['nothing', '{}'],
    ['a key of another kind', JSON.stringify({ token: 'x', name: 'n', publicKey: 'x' })],
    ['a name that is a path', JSON.stringify({ token: 'x', name: '../n', publicKey: 'x' })],
    ['too much', `{"token":"${'x'.repeat(20_000)}"}`],
  ])('does not help who sends %s', async (_, body) => {
    const response = await fetch(`${cloud.url}/v1/hosts`, { method: 'POST', body })
    expect(response.status).toBe(400)
  })

  it.each([30, 10_000_000])('can not be good for %i seconds', async (validSeconds) => {
    const { errors } = await cloud.gql(TOKEN, { input: { validSeconds } }, operator)
    expect(errors?.[0]?.extensions.code).toBe('BAD_INPUT')
  })
})
