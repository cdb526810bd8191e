/**
 * Taps: the ends of network cards on a bridge of the host. A tap is made by the agent, which needs
 * the right to change the host's network, and opened by QEMU as the tap's owner, which needs none
 * but a `/dev/net/tun` that everybody may open (as udev makes it). Its name comes from the port's
 * id, so whoever has the record of a machine finds its taps.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { run } from '../../shell.ts'
import type { PortSpec } from '../abilities.ts'
import { DriverError } from '../driver.ts'
import type { QemuUser } from './user.ts'

const TIMEOUT_MS = 10_000

/** A name of 15 letters is the longest that Linux has for a network device. */
export function tapName(portId: string): string {
  return `npt${createHash('sha256').update(portId).digest('hex').slice(0, 12)}`
}

/** Idempotent. Throws REFUSED when there is no such bridge. */
export async function makeTaps(ports: PortSpec[], user: QemuUser | null): Promise<void> {
  for (const port of ports) {
    if (port.kind === 'bridge') await makeTap(port.id, port.bridge ?? '', user)
  }
}

/** Idempotent. */
export async function removeTaps(ports: PortSpec[]): Promise<void> {
  for (const { id, kind } of ports) {
    const name = tapName(id)
    if (kind === 'bridge' && isThere(name)) await ip('link', 'delete', name)
  }
}

async function makeTap(portId: string, bridge: string, user: QemuUser | null): Promise<void> {
  if (!existsSync(`/sys/class/net/${bridge}/bridge`)) {
    throw new DriverError('REFUSED', `this host has no bridge ${bridge}`)
  }
  const name = tapName(portId)
  const uid = String(user?.uid ?? process.getuid?.() ?? 0)
  if (!isThere(name)) await ip('tuntap', 'add', 'dev', name, 'mode', 'tap', 'user', uid)
  await ip('link', 'set', name, 'master', bridge, 'up')
}

const isThere = (name: string): boolean => existsSync(`/sys/class/net/${name}`)

async function ip(...args: string[]): Promise<void> {
  const result = await run('ip', args, { timeoutMs: TIMEOUT_MS })
  if (result.exitCode === 0) return
  const message = `ip ${args.slice(0, 2).join(' ')}: ${result.stderr.trim()}`
  throw new DriverError('HYPERVISOR_FAILED', message)
}
