/**
 * Machines for a test on one machine: a network namespace each, on a bridge of the test's own.
 *
 * N1 Names carry our pid: files of tests that run side by side don't meet, and what a run that was
 *    killed left behind is removed by the next one.
 * N2 Addresses are of the range that is set aside for benchmarks (RFC 2544); a network that this
 *    machine has already is passed over. Nothing leads out: there are no routes but on the bridge.
 */
import { execFileSync } from 'node:child_process'
import { birthOf } from '../../server/folder-lock.ts'
import { rootProblem } from './host.ts'

const IP = 'ip'
const NAMESPACE = 'nephograph-test-'
const BRIDGE = 'nphtest'
const TIMEOUT_MS = 20_000
const NETWORKS = 256
const PREFIX_LENGTH = 28

export interface TestNetwork {
  /** Of this side, where brokers and APIs listen. */
  address: string
  /** The names of the namespaces, by the names that were asked for. */
  namespaces: Map<string, string>
  /** After everything that works in them has ended. */
  remove(): void
}

function ip(...args: string[]): string {
  return execFileSync(IP, args, { encoding: 'utf8', timeout: TIMEOUT_MS, stdio: 'pipe' })
}

/** Why no namespaces can be made here, or null. */
export function namespaceProblem(): string | null {
  const problem = rootProblem()
  if (problem) return problem
  const name = `${NAMESPACE}${process.pid}-probe`
  try {
    removeLeftovers()
    ip('netns', 'add', name)
    ip('netns', 'delete', name)
    return null
  } catch (error) {
    return `no network namespaces: ${(error as Error).message.split('\n')[0]}`
  }
}

export function makeNetwork(names: readonly string[]): TestNetwork {
  const bridge = `${BRIDGE}${process.pid}`
  const network = freeNetwork()
  const namespaces = new Map(names.map((name) => [name, `${NAMESPACE}${process.pid}-${name}`]))
  const remove = (): void => {
    for (const name of namespaces.values()) removeNamespace(name)
    quietly(() => ip('link', 'delete', bridge))
  }
  try {
    ip('link', 'add', bridge, 'type', 'bridge')
    ip('address', 'add', `${network}.1/${PREFIX_LENGTH}`, 'dev', bridge)
    ip('link', 'set', bridge, 'up')
    let host = 2
    for (const namespace of namespaces.values()) {
      const cable = `nph${process.pid}v${host}`
      ip('netns', 'add', namespace)
      const inside = ['peer', 'name', 'uplink', 'netns', namespace]
      ip('link', 'add', cable, 'type', 'veth', ...inside)
      ip('link', 'set', cable, 'master', bridge, 'up')
      const address = `${network}.${host}/${PREFIX_LENGTH}`
      ip('-netns', namespace, 'address', 'add', address, 'dev', 'uplink')
      ip('-netns', namespace, 'link', 'set', 'uplink', 'up')
      ip('-netns', namespace, 'link', 'set', 'lo', 'up')
      host += 1
    }
    return { address: `${network}.1`, namespaces, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** The first three numbers of a network that nobody here has. */
function freeNetwork(): string {
  const taken = ip('-4', 'address', 'show') + ip('-4', 'route', 'show')
  for (let i = 0; i < NETWORKS; i++) {
    const network = `198.18.${(process.pid + i) % NETWORKS}`
    if (!taken.includes(`${network}.`)) return network
  }
  throw new Error('every network for benchmarks is taken on this machine')
}

/** Of runs that were killed (N1). */
function removeLeftovers(): void {
  const ended = (text: string): boolean => birthOf(Number.parseInt(text, 10)) === null
  for (const line of ip('netns', 'list').split('\n')) {
    const name = line.split(' ')[0] ?? ''
    if (name.startsWith(NAMESPACE) && ended(name.slice(NAMESPACE.length))) removeNamespace(name)
  }
  const links = JSON.parse(ip('-json', 'link', 'show', 'type', 'bridge') || '[]') as {
    ifname?: string
  }[]
  for (const { ifname = '' } of links) {
    if (ifname.startsWith(BRIDGE) && ended(ifname.slice(BRIDGE.length))) {
      quietly(() => ip('link', 'delete', ifname))
    }
  }
}

/** Its cable is cut first: a namespace lives on while a process that is just ending is in it. */
function removeNamespace(name: string): void {
  quietly(() => ip('-netns', name, 'link', 'delete', 'uplink'))
  quietly(() => ip('netns', 'delete', name))
}

function quietly(work: () => unknown): void {
  try {
    work()
  } catch {
    // It is not there any more, or was never made.
  }
}
