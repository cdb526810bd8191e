/**
 * What a host can do, as traits that placement asks for: OpenStack's own names (os-traits) where it
 * has one for the thing, CUSTOM_ ones where it has none.
 */
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import type { Capability, ComputeDriver } from '../../drivers/compute/driver.ts'

const ofAbilities: Record<keyof ComputeAbilities, readonly string[]> = {
  pausing: ['CUSTOM_COMPUTE_PAUSE'],
  suspending: ['CUSTOM_COMPUTE_SUSPEND'],
  rescuing: ['CUSTOM_COMPUTE_RESCUE'],
  rebuilding: ['CUSTOM_COMPUTE_REBUILD'],
  resizing: ['CUSTOM_COMPUTE_RESIZE'],
  disks: ['CUSTOM_COMPUTE_SNAPSHOT', 'CUSTOM_COMPUTE_MIGRATE_COLD'],
  liveMigration: ['CUSTOM_COMPUTE_MIGRATE_LIVE'],
  hotplug: ['COMPUTE_NET_ATTACH_INTERFACE', 'CUSTOM_COMPUTE_ATTACH_DISK'],
  guest: ['CUSTOM_COMPUTE_SET_PASSWORD'],
  consoles: ['CUSTOM_COMPUTE_CONSOLES'],
}

/** By the name and value of a capability. */
const ofCapabilities: Record<string, Record<string, string>> = {
  accelerator: { kvm: 'CUSTOM_ACCELERATOR_KVM', tcg: 'CUSTOM_ACCELERATOR_TCG' },
  architecture: { x86_64: 'COMPUTE_ARCH_X86_64', aarch64: 'COMPUTE_ARCH_AARCH64' },
  hypervisor: { simulated: 'CUSTOM_HYPERVISOR_SIMULATED', qemu: 'CUSTOM_HYPERVISOR_QEMU' },
}

/** Every host takes images of both formats. */
const OF_ALL = ['COMPUTE_NODE', 'COMPUTE_IMAGE_TYPE_QCOW2', 'COMPUTE_IMAGE_TYPE_RAW']

/** The traits of a host, sorted. */
export function traitsOf(
  { abilities }: Pick<ComputeDriver, 'abilities'>,
  capabilities: readonly Capability[],
): string[] {
  const able = Object.entries(ofAbilities).filter(
    ([name]) => abilities[name as keyof typeof abilities],
  )
  const found = capabilities.flatMap(({ name, value }) => {
    const trait = Object.hasOwn(ofCapabilities, name) ? ofCapabilities[name]?.[value] : undefined
    return trait ? [trait] : []
  })
  return [...new Set([...OF_ALL, ...able.flatMap(([, traits]) => traits), ...found])].sort()
}
