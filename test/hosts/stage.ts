/**
 * A cloud as it is run in earnest, on one machine: a process with the database and the roles api,
 * conductor and scheduler; and for each host a process that only runs its agent with QEMU, in a network
 * namespace of its own. They share RabbitMQ and the address of the API, nothing else.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findMachineProcesses } from '../../drivers/compute/qemu/process.ts'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { type Client, makeClient } from '../support/client.ts'
import { makeNetwork, type TestNetwork } from '../support/namespaces.ts'
import {
  endProducts,
  kill,
  type Product,
  processesIn,
  productFolder,
  runNepho,
  startProduct,
} from '../support/process.ts'
import { type Broker, startRabbitMq } from '../support/rabbitmq.ts'
import { until } from '../support/until.ts'

/** On a machine that does much at once. */
export const LONG_MS = 180_000
const ROLES = 'api,conductor,scheduler'
const QUIET = { info() {}, warn() {}, error() {} }
const JOIN =
  'mutation ($input: HostJoinTokenCreateInput!) { hostJoinTokenCreate(input: $input) { secret } }'
const HOSTS = '{ hosts { nodes { id name status driver } } }'
const TROUBLE_CHARACTERS = 6_000

interface HostRow {
  id: string
  name: string
  status: string
  driver: string
}

export class TwoAgents {
  client!: Client
  token = ''
  private network?: TestNetwork
  private broker!: Broker
  private readonly agents = new Map<string, Product>()
  private readonly folders = new Map<string, string>()
  private center?: Product
  private readonly closers: (() => unknown)[] = []

  constructor(private readonly names: readonly string[]) {}

  async start(): Promise<void> {
    this.network = makeNetwork(this.names)
    const { address } = this.network
    const databaseDir = productFolder()
    const postgres = await startEmbeddedPostgres({
      dataDir: databaseDir,
      durable: false,
      log: QUIET,
    })
    this.closers.push(() => postgres.stop())
    this.broker = await startRabbitMq(address)
    this.closers.push(() => this.broker.stop())
    this.center = startProduct({
      dataDir: join(productFolder(), 'center'),
      roles: ROLES,
      env: {
        DATABASE_URL: postgres.url,
        AMQP_URL: this.broker.url,
        NEPHO_HOST: address,
        NEPHO_HOST_JOIN: 'token',
      },
    })
    this.client = makeClient((await this.center.ready()).url ?? '')
    this.token = await this.client.signIn()
    for (const name of this.names) {
      this.folders.set(name, join(productFolder(), name))
      await this.join(name)
    }
    await Promise.all(this.names.map((name) => this.startHost(name)))
  }

  /** Everything; also when `start` failed, and on when one of it can't be ended. */
  async stop(): Promise<void> {
    const endAll = [...this.agents.values(), this.center].map((one) => () => one?.end('SIGKILL'))
    const steps = [...endAll, ...this.closers.reverse(), endProducts]
    const failures: unknown[] = []
    for (const step of [...steps, () => this.network?.remove()]) {
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Its agent, for the first time or again in the same place. */
  async startHost(name: string): Promise<void> {
    const agent = startProduct({
      dataDir: this.folderOf(name),
      roles: 'agent',
      env: {
        AMQP_URL: this.broker.url,
        NEPHO_API_URL: this.client.url,
        NEPHO_HOST_NAME: name,
        NEPHO_DRIVERS: 'linux',
      },
      ...this.place(name),
    })
    this.agents.set(name, agent)
    await agent.ready()
    await this.hostIs(name, 'UP')
  }

  /** Ends the host as a cut of its power does: its agent and each QEMU of it. */
  async cutPower(name: string): Promise<void> {
    await this.agents.get(name)?.end('SIGKILL')
    const folder = this.folderOf(name)
    await until(`nothing works on ${name}`, () => {
      const left = processesIn(folder)
      for (const { pid } of left) kill(pid)
      return left.length === 0
    })
  }

  async hostRow(name: string): Promise<HostRow> {
    const { hosts } = await this.client.must(HOSTS, {}, this.token)
    return hosts.nodes.find((host: HostRow) => host.name === name)
  }

  hostIs(name: string, status: string): Promise<unknown> {
    const isSo = async () => (await this.hostRow(name))?.status === status
    return until(`${name} is ${status}`, isSo, LONG_MS)
  }

  /** The pid of the server's QEMU on this host. */
  qemuOf(host: string, id: string): number | undefined {
    return findMachineProcesses(this.machinesOf(host)).get(id)
  }

  /** What a host keeps of a server on its disk. */
  leftovers(host: string, id: string): string[] {
    return readdirSync(this.machinesOf(host)).filter((name) => name.includes(id))
  }

  /** What each process said of warnings and errors. */
  troubles(): string {
    const processes = [['center', this.center] as const, ...this.agents]
    return processes
      .map(([name, product]) => {
        const lines = product?.output().split('\n') ?? []
        const bad = lines.filter((line) => !/"level":(10|20|30),/.test(line)).join('\n')
        return `${name} (${product?.ended() ?? 'lives'}):\n${bad.slice(-TROUBLE_CHARACTERS)}`
      })
      .join('\n')
  }

  /** As its operator does it: a token of the cloud, and the command on the host. */
  private async join(name: string): Promise<void> {
    const input = { validSeconds: 600, hostName: name }
    const { hostJoinTokenCreate } = await this.client.must(JOIN, { input }, this.token)
    await runNepho({
      dataDir: this.folderOf(name),
      args: ['host', 'join', this.client.url, '--name', name],
      input: `${hostJoinTokenCreate.secret}\n`,
      ...this.place(name),
    })
  }

  private machinesOf(host: string): string {
    return join(this.folderOf(host), 'agent', 'qemu', 'driver', 'machines')
  }

  private folderOf(name: string): string {
    const folder = this.folders.get(name)
    if (!folder) throw new Error(`there is no host ${name}`)
    return folder
  }

  private place(name: string): { namespace?: string } {
    const namespace = this.network?.namespaces.get(name)
    return namespace ? { namespace } : {}
  }
}
