/** Sentences of the stories about images of servers, and about servers that lie in images. */
import { expect } from 'vitest'
import type { Client } from './client.ts'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

const FIELDS = 'server { id status taskState } task { id kind } plan { allowed }'

/** `serverSnapshot`, `serverBackup`: `mutation ($input: ServerSnapshotInput!) { ... }` */
export const IMAGE_OF = (name: string): string => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`
  return `mutation ($input: ${type}!) { ${name}(input: $input) { ${FIELDS} image { id name status kind } } }`
}

const IMAGES = `query ($filter: ImageFilterInput) { images(first: 100, filter: $filter) { nodes {
  id name status kind backupType sizeBytes checksum minDiskGiB minMemoryMiB uploadUrl server { id }
  actions { name allowed reason } } } }`

export interface ImageView {
  id: string
  name: string
  status: string
  kind: string
  backupType: string | null
  sizeBytes: string | null
  checksum: string | null
  minDiskGiB: number
  uploadUrl: string | null
  server: { id: string } | null
  actions: { name: string; allowed: boolean; reason: string | null }[]
}

/** The images that the caller sees. */
export const imagesSeen = async (
  client: Client,
  token: string,
  filter: object = {},
): Promise<ImageView[]> => (await client.must(IMAGES, { filter }, token)).images.nodes

export const imageActive = (client: Client, token: string, id: string): Promise<ImageView> =>
  until('the image is ACTIVE', async () => {
    const image = (await imagesSeen(client, token)).find((one) => one.id === id)
    return image?.status === 'ACTIVE' ? image : null
  })

/** Resolves to the task once it has ended. */
export const taskEnd = ({ cloud: { db } }: Cluster, id: string) =>
  until(
    'the task has ended',
    async () => {
      const task = await db.task.findUniqueOrThrow({ where: { id } })
      if (!task.finishedAt) return null
      return { ...task, error: task.error as { code: string; message: string } | null }
    },
    30_000,
  )

/** Which host has the machine, and what it is there; null where none has it. */
export async function machineOn({ drivers }: Cluster, id: string) {
  for (const [i, driver] of drivers.entries()) {
    const machines = await driver.recover()
    if (machines.some((machine) => machine.id === id)) {
      return { host: `sim-${i + 1}`, driver, ...(await driver.inside(id)) }
    }
  }
  return null
}

/** Nothing is left of images but these: neither rows nor bytes, and no task runs. */
export async function expectOnlyImages(
  { cloud: { db } }: Cluster,
  ids: string[],
  timeoutMs = 15_000,
): Promise<void> {
  await until(
    'only these images are left',
    async () => {
      const rows = await db.image.findMany({ select: { id: true, status: true } })
      const open = await db.task.count({ where: { finishedAt: null } })
      const left = rows.map(({ id }) => id).sort()
      return open === 0 && left.join() === [...ids].sort().join()
    },
    timeoutMs,
  ).catch(async (error: Error) => {
    expect(await db.image.findMany({ where: { id: { notIn: ids } } }), error.message).toEqual([])
    throw error
  })
}
