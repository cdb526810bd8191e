/** Which compute driver this host gets, and the agents that run it. */
import { join } from 'node:path'
import type { ComputeDriver } from '../drivers/compute/driver.ts'
import {
  type ComputeDriverOptions,
  computeDriverProblem,
  createComputeDriver,
} from '../drivers/compute/registry.ts'
import type { Config } from './config.ts'

export interface ChosenDrivers {
  compute: 'qemu' | 'simulated'
  /** Why it is not the real one, in words; null when it is, or when simulation was asked for. */
  because: string | null
}

/** What the reports of a host cost the conductor, so that thousands of them leave time for work. */
const HEARTBEAT_MS_PER_HOST = 6
const HEARTBEAT_MS = 5_000

/** How often the hosts of a process report: the more of them, the less often each. */
export const heartbeatOf = (hosts: readonly AgentHost[]): number =>
  Math.max(HEARTBEAT_MS, hosts.length * HEARTBEAT_MS_PER_HOST)

export async function chooseDrivers(wanted: Config['drivers']): Promise<ChosenDrivers> {
  if (wanted === 'simulated') return { compute: 'simulated', because: null }
  const problem = await computeDriverProblem('qemu')
  if (!problem) return { compute: 'qemu', because: null }
  if (wanted === 'linux')
    throw new Error(`NEPHO_DRIVERS is linux, but this host can not: ${problem}`)
  return { compute: 'simulated', because: problem }
}

export interface AgentHost {
  name: string
  stateDir: string
  driver: ComputeDriver
}

/** The hosts that this process runs agents for: itself, or some simulated ones. */
export function agentHosts(
  { hostName, dataDir, simulatedHosts }: Pick<Config, 'hostName' | 'dataDir' | 'simulatedHosts'>,
  { compute }: ChosenDrivers,
  simulated: ComputeDriverOptions['simulated'] = {},
): AgentHost[] {
  const agentDir = join(dataDir, 'agent')
  if (compute === 'qemu') {
    const stateDir = join(agentDir, 'qemu')
    const driver = createComputeDriver('qemu', { dir: join(stateDir, 'driver') })
    return [{ name: hostName, stateDir, driver }]
  }
  return Array.from({ length: simulatedHosts }, (_, i) => {
    const name = `sim-${i + 1}`
    const stateDir = join(agentDir, name)
    const driver = createComputeDriver('simulated', { dir: join(stateDir, 'driver'), ...simulated })
    return { name, stateDir, driver }
  })
}
