/** What a QEMU is started with, from what is asked for and what stands in the machine's folder. */
import type { MachineSpec } from '../driver.ts'
import type { QemuMachine } from './arguments.ts'
import { exists, type MachinePaths, type MachineRecord } from './machine-folder.ts'

export async function describeMachine(
  { id, vcpus, memoryMiB }: Pick<MachineSpec, 'id' | 'vcpus' | 'memoryMiB'>,
  record: MachineRecord,
  paths: MachinePaths,
): Promise<QemuMachine> {
  const inRescue = record.rescue !== undefined && (await exists(paths.rescueDisk))
  return {
    id,
    vcpus,
    memoryMiB,
    base: record.image,
    rescueBase: inRescue ? record.rescue : undefined,
    configDrive: await exists(paths.configDrive),
    disks: record.disks,
    ports: record.ports,
  }
}
