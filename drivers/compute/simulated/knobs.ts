/** How the simulator is bent: each verb can be slow, hang, or fail, a number of times or a share of them. */
import { pause, throwIfAborted } from '../deadline.ts'
import { DriverError, type DriverErrorCode } from '../driver.ts'

/** `transfer`: the copying of memory in the middle of a live migration, at its source. */
export const simulatedVerbs = [
  'create',
  'start',
  'stop',
  'reboot',
  'destroy',
  'consoleLog',
  'recover',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'rescue',
  'unrescue',
  'rebuild',
  'resize',
  'confirmResize',
  'revertResize',
  'exportDisk',
  'importDisk',
  'send',
  'transfer',
  'receive',
  'attachDisk',
  'detachDisk',
  'attachPort',
  'detachPort',
  'setPassword',
  'vnc',
  'serial',
  'screenshot',
] as const
export type SimulatedVerb = (typeof simulatedVerbs)[number]

/** How long verbs take, in milliseconds: all of them, or each its own. */
export type SimulatedDelays = number | Partial<Record<SimulatedVerb, number>>

/** Which share of the calls of a verb fails, from 0 to 1. */
export type SimulatedFaults = Partial<Record<SimulatedVerb, number>>

export interface Fault {
  code: DriverErrorCode
  /** How many calls fail; 1 if not said. */
  times?: number
  retryable?: boolean
  /** `before` (if not said): the verb does nothing. `after`: it does its work, then fails. */
  when?: 'before' | 'after'
}

export class Knobs {
  private readonly faults = new Map<SimulatedVerb, Required<Fault>>()
  private readonly hangs = new Map<SimulatedVerb, number>()

  constructor(
    private readonly delayMs: SimulatedDelays = 0,
    private readonly shares: SimulatedFaults = {},
    private readonly random: () => number = Math.random,
  ) {}

  failNext(verb: SimulatedVerb, fault: Fault): void {
    this.faults.set(verb, { times: 1, retryable: false, when: 'before', ...fault })
  }

  hangNext(verb: SimulatedVerb, times: number): void {
    this.hangs.set(verb, times)
  }

  /** The delay, hang or failure that a verb begins with. */
  async enter(verb: SimulatedVerb, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal, verb)
    const hangs = this.hangs.get(verb) ?? 0
    if (hangs > 0) {
      this.hangs.set(verb, hangs - 1)
      await untilAborted(signal)
    }
    const { delayMs } = this
    const delay = typeof delayMs === 'number' ? delayMs : (delayMs[verb] ?? 0)
    if (delay > 0) await pause(delay, signal)
    this.failIfTold(verb, 'before')
    if (this.random() < (this.shares[verb] ?? 0)) {
      throw new DriverError('HYPERVISOR_FAILED', `simulated fault of ${verb}`)
    }
  }

  failIfTold(verb: SimulatedVerb, when: 'before' | 'after'): void {
    const fault = this.faults.get(verb)
    if (!fault || fault.when !== when || fault.times <= 0) return
    fault.times--
    throw new DriverError(fault.code, `simulated failure of ${verb}`, fault.retryable)
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new DriverError('ABORTED', 'aborted while it hung', true))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
