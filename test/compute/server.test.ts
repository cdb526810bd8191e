import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import {
  ACT,
  atRest,
  expectCleanWorld,
  getServer,
  newServer,
  putImage,
} from '../support/stories.ts'
import { until } from '../support/until.ts'

let cloud: Cluster
let token: string
let imageId: string

beforeAll(async () => {
  cloud = await startCluster()
  token = await cloud.signIn()
  imageId = (await putImage(cloud, token)).id
})
afterAll(() => cloud?.stop())

const act = (name: string, id: string, more: object = {}, type?: string) =>
  cloud.gql(ACT(name, type), { input: { id, ...more } }, token)

describe('the life of a server', () => {
  it('is created, stopped, started, rebooted and deleted, and nothing is left', async () => {
    const id = await newServer(cloud, token, 'life', imageId)
    const server = await atRest(cloud, token, id, 'ACTIVE')
    expect(server.powerState).toBe('RUNNING')
    expect(server.host?.name).toMatch(/^sim-/)
    expect(server.task).toMatchObject({ kind: 'server.create', status: 'SUCCEEDED' })
    expect(server.task.steps.map((s) => [s.name, s.status])).toEqual([
      ['place', 'DONE'],
      ['disk', 'DONE'],
      ['boot', 'DONE'],
    ])

    await act('serverStop', id)
    expect((await atRest(cloud, token, id, 'SHUTOFF')).powerState).toBe('SHUTDOWN')
    await act('serverStart', id)
    await atRest(cloud, token, id, 'ACTIVE')
    for (const mode of ['SOFT', 'HARD']) {
      const { data } = await act('serverReboot', id, { mode }, 'ServerRebootInput')
      expect(data.serverReboot.server.status).toBe(mode === 'SOFT' ? 'REBOOT' : 'HARD_REBOOT')
      await atRest(cloud, token, id, 'ACTIVE')
    }

    await act('serverDelete', id)
    await until('the server is gone', async () => (await getServer(cloud, token, id)) === null)
    await expectCleanWorld(cloud)
  })
})
