/** Sentences of the stories in which servers move. */
import { expect } from 'vitest'
import type { Cluster } from './cluster.ts'
import { ACT, atRest, flavorId } from './stories.ts'
import { until } from './until.ts'

/** On a machine that does much at once. */
export const LONG_MS = 180_000

/** Where machines of the server are, by the names of their hosts. */
export async function machinesOf(cloud: Pick<Cluster, 'drivers'>, id: string) {
  const found = await Promise.all(
    cloud.drivers.map(async (driver, i) => {
      const machine = (await driver.recover()).find((one) => one.id === id)
      return machine ? [{ host: `sim-${i + 1}`, powerState: machine.powerState }] : []
    }),
  )
  return found.flat()
}

/** Asks for an action; the answer when it was accepted. */
export async function ask(
  cloud: Cluster,
  token: string,
  name: string,
  input: object,
  type?: string,
) {
  const answer = await cloud.must(ACT(name, type), { input }, token)
  return answer[name] as { server: { id: string; status: string }; task: { id: string } }
}

/** Asks for an action, and waits until the server has the status and is at rest. */
export async function actTo(
  cloud: Cluster,
  token: string,
  status: string,
  [name, input, type]: [
    name: string,
    input: { id: string; [more: string]: unknown },
    type?: string,
  ],
) {
  await ask(cloud, token, name, input, type)
  return atRest(cloud, token, input.id, status, LONG_MS)
}

/** Why an action was refused: code and message. */
export async function refusal(
  cloud: Cluster,
  token: string,
  name: string,
  input: object,
  type?: string,
) {
  const { errors } = await cloud.gql(ACT(name, type), { input }, token)
  const [error] = errors ?? []
  return { code: error?.extensions.code, message: error?.message }
}

export async function newFlavor(
  cloud: Cluster,
  token: string,
  size: { name: string; vcpus: number; memoryMiB: number; diskGiB: number },
): Promise<string> {
  const made = await cloud.must(
    'mutation ($input: FlavorCreateInput!) { flavorCreate(input: $input) { flavor { id } } }',
    { input: size },
    token,
  )
  return made.flavorCreate.flavor.id
}

/** A new host-bound server, ACTIVE; where it is. */
export async function activeServer(cloud: Cluster, token: string, imageId: string, name = 'mover') {
  const input = { name, flavorId: await flavorId(cloud, token), imageId }
  const made = await cloud.must(
    'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }',
    { input },
    token,
  )
  const id = made.serverCreate.server.id as string
  const { host } = await atRest(cloud, token, id, 'ACTIVE', LONG_MS)
  return { id, host: host?.name ?? '' }
}

const ROW = `query ($id: ID!) { server(id: $id) {
  status powerState host { id name } flavor { name } fault { code message }
  migrations { kind status pausedMs sourceHost { name } destinationHost { name } } } }`

export const rowOf = async (cloud: Cluster, token: string, id: string) =>
  (await cloud.must(ROW, { id }, token)).server

/** One machine, there, like this; whatever lies elsewhere is removed soon. */
export async function expectOneMachine(
  cloud: Cluster,
  id: string,
  host: string,
  powerState = 'RUNNING',
): Promise<void> {
  let machines: object[] = []
  const wanted = [{ host, powerState }]
  await until(
    'one machine',
    async () => {
      machines = await machinesOf(cloud, id)
      return JSON.stringify(machines) === JSON.stringify(wanted)
    },
    LONG_MS,
  ).catch(() => expect(machines).toEqual(wanted))
}

/** What each host has promised, and to whom. */
export const allocationsOf = (cloud: Cluster, serverId: string) =>
  cloud.cloud.db.allocation.findMany({
    where: { serverId },
    select: { consumerId: true, resource: true, amount: true, hostId: true },
    orderBy: [{ consumerId: 'asc' }, { resource: 'asc' }],
  })

export async function removeServer(cloud: Cluster, token: string, id: string): Promise<void> {
  await ask(cloud, token, 'serverDelete', { id })
  await until(
    'it is gone',
    async () => (await cloud.cloud.db.server.count({ where: { id } })) === 0,
    LONG_MS,
  )
}
