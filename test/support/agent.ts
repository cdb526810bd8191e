/**
 * Agents that can be killed: cut off from their bus and their driver in the middle of whatever they
 * do, while another one starts on the same folder.
 */
import type { Logger } from 'pino'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { type Agent, startAgent } from '../../workers/agent/agent.ts'
import type { Bus } from '../../workers/bus.ts'

const HEARTBEAT_MS = 20

export interface AgentSetting {
  bus: Bus
  driver: ComputeDriver
  hostName: string
  stateDir: string
  apiUrl: string
  log: Logger
}

export class MortalAgents {
  private running: { agent: Agent; cutOff: () => void }[] = []

  constructor(private readonly setting: () => AgentSetting) {}

  async start(bootId = 'boot-1', signal?: AbortSignal): Promise<Agent> {
    const { bus, driver, ...rest } = this.setting()
    let isCut = false
    const consumers: { stop(): Promise<void> }[] = []
    const agentBus: Bus = {
      ...bus,
      publish: (...args) => (isCut ? new Promise(() => {}) : bus.publish(...args)),
      consume: async (queue, handler, options) => {
        const consumer = await bus.consume(queue, handler, options)
        consumers.push(consumer)
        return consumer
      },
    }
    const agent = await startAgent({
      ...rest,
      ...{ bus: agentBus, driver: cuttable(driver, () => isCut), heartbeatMs: HEARTBEAT_MS },
      ...{ bootId, guestStopTimeoutMs: 50 },
      ...(signal && { signal }),
    })
    const cutOff = (): void => {
      isCut = true
      for (const consumer of consumers) void consumer.stop()
    }
    this.running.push({ agent, cutOff })
    return agent
  }

  /** As kill -9 does it. */
  kill(): void {
    for (const { cutOff } of this.running.splice(0)) cutOff()
  }

  async stop(guests: 'stop' | 'leave'): Promise<void> {
    for (const { agent } of this.running.splice(0)) await agent.stop({ guests })
  }

  /** The last one that was started, to be treated by hand. */
  take(): { agent: Agent; cutOff: () => void } {
    const taken = this.running.splice(0).at(-1)
    if (!taken) throw new Error('no agent runs')
    return taken
  }
}

/** Until it is cut off, everything works; then every word from or to the agent is lost. */
function cuttable<T extends object>(real: T, isCut: () => boolean): T {
  return new Proxy(real, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      // What a driver can do beyond its contract stands in objects of their own.
      if (typeof value === 'object' && value !== null) return cuttable(value, isCut)
      if (typeof value !== 'function') return value
      if (key === 'watch') {
        return (tell: (machine: unknown) => void) =>
          value.call(target, (machine: unknown) => void (isCut() || tell(machine)))
      }
      return (...args: unknown[]) => {
        if (isCut()) return new Promise(() => {})
        const result: unknown = value.apply(target, args)
        if (!(result instanceof Promise)) return result
        return result.then(
          (answer) => (isCut() ? new Promise(() => {}) : answer),
          (error) => (isCut() ? new Promise(() => {}) : Promise.reject(error)),
        )
      }
    },
  })
}
