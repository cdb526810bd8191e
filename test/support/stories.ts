/** Sentences that many stories share. */
import type { Client } from './client.ts'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

/** An empty, valid qcow2 (version 3) of 16 MiB: header, L1 table, refcount table and block. */
export function emptyQcow2(sizeBytes = 16 * 1024 ** 2): Buffer {
  const bytes = Buffer.alloc(0x40000)
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(3, 4)
  bytes.writeUInt32BE(16, 20)
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 24)
  bytes.writeUInt32BE(1, 36)
  bytes.writeBigUInt64BE(0x30000n, 40)
  bytes.writeBigUInt64BE(0x10000n, 48)
  bytes.writeUInt32BE(1, 56)
  bytes.writeUInt32BE(4, 96)
  bytes.writeUInt32BE(104, 100)
  bytes.writeBigUInt64BE(0x20000n, 0x10000)
  for (let i = 0; i < 4; i++) bytes.writeUInt16BE(1, 0x20000 + 2 * i)
  return bytes
}

export async function putImage(
  client: Client,
  token: string,
  name = 'empty',
  bytes = emptyQcow2(),
) {
  const { imageCreate } = await client.must(
    'mutation ($input: ImageCreateInput!) { imageCreate(input: $input) { image { id } uploadUrl } }',
    { input: { name, diskFormat: 'QCOW2' } },
    token,
  )
  const response = await fetch(new URL(imageCreate.uploadUrl, client.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    body: new Uint8Array(bytes),
  })
  return { id: imageCreate.image.id as string, response }
}

export async function flavorId(client: Client, token: string, name = 'm1.nano'): Promise<string> {
  const { flavors } = await client.must('{ flavors { nodes { id name } } }', {}, token)
  return flavors.nodes.find((flavor: { name: string }) => flavor.name === name).id
}

export const CREATE = `mutation ($input: ServerCreateInput!) {
  serverCreate(input: $input) { server { id status version } task { id status kind } plan { allowed quotas { resource used limit } placement { hostsTotal hostsPassed } } } }`

export const ACT = (name: string, type = 'ServerActionInput'): string =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { server { id status taskState } task { id kind } plan { allowed } } }`

const SERVER = `query ($id: ID!) { server(id: $id) {
  id name status powerState taskState version host { name } fault { code message }
  actions { name allowed reason }
  task { id kind status waitingFor steps { name status attempts message } error { code message step details { filters { name passed refused } } } } } }`

export interface ServerView {
  id: string
  status: string
  powerState: string
  taskState: string | null
  version: number
  host: { name: string } | null
  fault: { code: string; message: string } | null
  actions: { name: string; allowed: boolean; reason: string | null }[]
  task: {
    id: string
    kind: string
    status: string
    steps: { name: string; status: string; attempts: number; message: string | null }[]
    error: { code: string; message: string; step: string | null; details: object | null } | null
  }
}

export const getServer = async (
  client: Client,
  token: string,
  id: string,
): Promise<ServerView | null> => (await client.must(SERVER, { id }, token)).server

/** Resolves once nothing runs on the server any more and it has the status. */
export const atRest = (
  client: Client,
  token: string,
  id: string,
  status: string,
  timeoutMs?: number,
) =>
  until(
    `server ${status} and at rest`,
    async () => {
      const server = await getServer(client, token, id)
      return server?.status === status && !server.taskState ? server : null
    },
    timeoutMs,
  )

export async function newServer(client: Client, token: string, name: string, imageId: string) {
  const input = { name, flavorId: await flavorId(client, token), imageId }
  const { serverCreate } = await client.must(CREATE, { input }, token)
  return serverCreate.server.id as string
}

/** What a world without servers looks like: no row, no claim, no allocation, no machine. */
export async function expectCleanWorld({ cloud: { db }, drivers }: Cluster): Promise<void> {
  const left = {
    servers: await db.server.count(),
    claims: await db.quotaClaim.count(),
    quota: await db.quota.count({
      where: { OR: [{ used: { not: 0 } }, { reserved: { not: 0 } }, { treeUsed: { not: 0 } }] },
    }),
    allocations: await db.allocation.count(),
    inventory: await db.inventory.count({ where: { used: { not: 0 } } }),
    disks: await db.image.count({ where: { kind: 'SHELVED' } }),
    unfinished: await db.task.count({ where: { finishedAt: null } }),
    machines: (await Promise.all(drivers.map((driver) => driver.recover()))).flat().length,
  }
  const dirty = Object.entries(left).filter(([, count]) => count !== 0)
  if (dirty.length) throw new Error(`left behind: ${JSON.stringify(Object.fromEntries(dirty))}`)
}
