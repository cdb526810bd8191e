/** The role `agent`: an agent for each host of this process. */
import { type Agent, startAgent } from '../../workers/agent/agent.ts'
import type { Center } from '../center.ts'
import type { Start } from '../cloud.ts'
import { readHostKey, trustOwnHosts } from '../host-key.ts'

/** Agents that start at once: each has files open meanwhile. */
const AGENTS_AT_ONCE = 128

export interface AgentStart {
  /** Null where this process has no database. */
  center: Center | null
  /** Where the api of this process listens; null without one. */
  url: string | null
  /** Gets those that are up, also when another one could not start. */
  agents: Agent[]
}

export async function startAgents(
  start: Start,
  { center, url, agents }: AgentStart,
): Promise<void> {
  const { config, bus, log, signal, heartbeatMs } = start
  if (center && config.hostJoin === 'token') {
    const names = start.hosts.map(({ name }) => name)
    await trustOwnHosts(center.cloud.db, config.dataDir, names)
  }
  const apiUrl = config.apiUrl ?? url ?? `http://${config.host}:${config.port}`
  const hosts = start.hosts.values()
  const startSome = async (): Promise<void> => {
    for (const { name: hostName, stateDir, driver } of hosts) {
      const key = readHostKey(config.dataDir, hostName)
      const settings = { bus, driver, hostName, stateDir, apiUrl, heartbeatMs, key, log }
      agents.push(await startAgent({ ...settings, ...(signal && { signal }) }))
    }
  }
  const starts = Array.from({ length: AGENTS_AT_ONCE }, startSome)
  const failure = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected')
  if (failure?.status === 'rejected') throw failure.reason
}
