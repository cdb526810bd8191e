/** The promises that nepho doctor looks at, under the commands and tasks that keep them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { examine } from '../../server/nepho/doctor.ts'
import { inDatabase } from '../support/cloud-rows.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { ACT, atRest, newServer, putImage } from '../support/stories.ts'

let cloud: Cluster
beforeAll(async () => {
  cloud = await startCluster()
})
afterAll(() => cloud?.stop())

async function broken(): Promise<string[]> {
  const env = { NEPHO_DATA_DIR: cloud.dataDir, DATABASE_URL: cloud.databaseUrl }
  const outcomes = await examine({
    sources: { env, argv: [], cwd: cloud.dataDir },
    only: ({ kind }) => kind === 'promise',
  })
  expect(outcomes.filter(({ status }) => status === 'skipped')).toEqual([])
  return outcomes.filter(({ status }) => status === 'fail').map(({ name }) => name)
}

it('all hold while servers come and go, and the books are really looked at', async () => {
  const token = await cloud.signIn()
  const { id: imageId } = await putImage(cloud, token)
  const server = await newServer(cloud, token, 'rests', imageId)
  await atRest(cloud, token, server, 'ACTIVE')
  const going = await newServer(cloud, token, 'goes', imageId)
  expect(await broken()).toEqual([])
  await cloud.gql(ACT('serverDelete'), { input: { id: going } }, token)
  expect(await broken()).toEqual([])
  await inDatabase(cloud.databaseUrl, (client) =>
    client.query('update compute.server set vcpus = vcpus + 1 where id = $1', [server]),
  )
  expect(await broken()).toEqual([
    'quota claims are those of the servers',
    'allocations are those of the servers',
  ])
})
