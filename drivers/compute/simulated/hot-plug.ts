/** Disks and network cards beside those that a machine was made with. */
import type { DiskSpec, HotPlugging, PortSpec } from '../abilities.ts'
import type { SimulatedHost } from './host.ts'

export class SimulatedHotPlugging implements HotPlugging {
  constructor(private readonly host: SimulatedHost) {}

  attachDisk(id: string, disk: DiskSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('attachDisk', id, signal, async () => {
      const found = this.host.find(id)
      const { disks = [] } = found
      if (disks.some((one) => one.id === disk.id)) return
      await this.host.keep({ ...found, disks: [...disks, disk] })
    })
  }

  detachDisk(id: string, diskId: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('detachDisk', id, signal, async () => {
      const { disks = [], ...found } = this.host.find(id)
      const left = disks.filter((one) => one.id !== diskId)
      if (left.length === disks.length) return
      await this.host.keep({ ...found, ...(left.length > 0 && { disks: left }) })
    })
  }

  attachPort(id: string, port: PortSpec, signal: AbortSignal): Promise<void> {
    return this.host.verb('attachPort', id, signal, async () => {
      const found = this.host.find(id)
      const { ports = [] } = found
      if (ports.some((one) => one.id === port.id)) return
      await this.host.keep({ ...found, ports: [...ports, port] })
    })
  }

  detachPort(id: string, portId: string, signal: AbortSignal): Promise<void> {
    return this.host.verb('detachPort', id, signal, async () => {
      const { ports = [], ...found } = this.host.find(id)
      const left = ports.filter((one) => one.id !== portId)
      if (left.length === ports.length) return
      await this.host.keep({ ...found, ...(left.length > 0 && { ports: left }) })
    })
  }
}
