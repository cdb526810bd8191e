/** The consoles of simulated machines: made when somebody opens one, gone when nobody looks. */
import type { Duplex } from 'node:stream'
import type { Consoles } from '../abilities.ts'
import type { SimulatedHost } from './host.ts'
import { isOn } from './machine.ts'
import { pair } from './pair.ts'
import { mustBeOn } from './power.ts'
import { draw, pngOf } from './screen.ts'
import { Terminal } from './terminal.ts'
import { VncServer } from './vnc.ts'

export class SimulatedConsoles implements Consoles {
  private terminals: Map<string, Terminal> | null = null

  constructor(private readonly host: SimulatedHost) {}

  vnc(id: string): Promise<Duplex> {
    return this.host.look('vnc', () => {
      const machine = mustBeOn(this.host.find(id))
      const [client, screen] = pair()
      const server = new VncServer(screen, machine)
      const stop = this.host.lookOn(id, (now) => {
        if (now && isOn(now)) server.changed(now)
        else screen.end()
      })
      screen.once('end', () => screen.destroy()).once('close', stop)
      return client
    })
  }

  serial(id: string): Promise<Duplex> {
    return this.host.look('serial', () => {
      const machine = mustBeOn(this.host.find(id))
      const terminals = (this.terminals ??= new Map())
      const known = terminals.get(id)
      if (known) return known.open()
      const stop = this.host.lookOn(id, (now, before) => terminal.changed(now, before))
      const terminal = new Terminal(machine, () => {
        stop()
        if (terminals.get(id) === terminal) terminals.delete(id)
      })
      terminals.set(id, terminal)
      return terminal.open()
    })
  }

  screenshot(id: string, signal: AbortSignal): Promise<Buffer> {
    return this.host.look('screenshot', () => pngOf(draw(mustBeOn(this.host.find(id)))), signal)
  }
}
