/**
 * Verbs that look at a machine: no fence, no journal, and no waiting for a verb on the same machine.
 */
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CallError } from '../call.ts'
import { within } from '../pause.ts'
import { openStream } from './stream.ts'
import { count, fieldsOf, idOf, oneOf, streamOf } from './verb-input.ts'
import { abilityOf, type VerbSettings, type Verbs } from './verb-on-machine.ts'

const MAX_CONSOLE_LINES = 10_000
const MAX_SCREENSHOT_BYTES = 1024 * 1024
const MAX_OPEN_CONSOLES = 256
const OPEN_TIMEOUT_MS = 30_000

export function consoleVerbs(settings: VerbSettings, consoles: OpenConsoles): Verbs {
  const { driver, apiUrl } = settings
  return {
    async consoleLog(call) {
      const { id, lines } = fieldsOf(call)
      return await driver.consoleLog(idOf(id), Math.min(count(lines), MAX_CONSOLE_LINES))
    },

    /** Answers when both ends are open, and then pipes until either ends. */
    async openConsole(call) {
      const { id, kind, stream } = fieldsOf(call)
      const [machineId, end] = [idOf(id), streamOf(stream)]
      const verb = oneOf(kind, ['vnc', 'serial'])
      const screens = abilityOf(settings, 'consoles')
      await consoles.open(
        () => screens[verb](machineId),
        (signal) => openStream(end, apiUrl, signal),
      )
    },

    /** A PNG in base64. */
    async screenshot(call) {
      const id = idOf(fieldsOf(call)['id'])
      const leftMs = Math.max(1, Math.min(OPEN_TIMEOUT_MS, call.deadlineAt - Date.now()))
      const png = await abilityOf(settings, 'consoles').screenshot(id, AbortSignal.timeout(leftMs))
      if (png.length > MAX_SCREENSHOT_BYTES) {
        throw new CallError('TOO_LARGE', `the picture has ${png.length} bytes`, false)
      }
      return png.toString('base64')
    },
  }
}

/** The consoles that this agent keeps open; they end with it. */
export class OpenConsoles {
  private readonly ended = new AbortController()
  private count = 0

  /** Resolves when both sides are open. */
  async open(
    screen: () => Promise<Duplex>,
    line: (signal: AbortSignal) => Promise<Duplex>,
  ): Promise<void> {
    if (this.count >= MAX_OPEN_CONSOLES) {
      throw new CallError('UNAVAILABLE', `${this.count} consoles are open here already`, true)
    }
    this.count += 1
    const sides: Duplex[] = []
    const leave = (): void => {
      for (const side of sides) side.destroy()
      this.count -= 1
    }
    try {
      const late = (): Error => new CallError('TIMEOUT', 'the console took too long to open', true)
      for (const side of [screen, () => line(this.ended.signal)]) {
        const duplex = await within(OPEN_TIMEOUT_MS, side(), late)
        duplex.on('error', () => {})
        sides.push(duplex)
      }
    } catch (error) {
      leave()
      throw error
    }
    const [one, other] = sides as [Duplex, Duplex]
    const { signal } = this.ended
    const ways = [pipeline(one, other, { signal }), pipeline(other, one, { signal })]
    void Promise.allSettled(ways).then(leave)
  }

  close(): void {
    this.ended.abort()
  }
}
