/** What a simulated guest prints: made up when somebody asks, and never stored. */
import type { SimulatedMachine } from './machine.ts'
import { bootDiskOf } from './machine.ts'

/** What follows a log finds nothing new after so many: it may only grow. */
const BOOTS_SHOWN_MAX = 200
const MIB = 1024 ** 2
/** Of an image's checksum: enough to know it by. */
const IMAGE_LETTERS = 12

/** Everything that its serial console has printed. */
export function bootLog(machine: SimulatedMachine): string {
  const { boots, powerState } = machine
  const shown = Math.min(boots, BOOTS_SHOWN_MAX)
  const went = powerState === 'SHUTDOWN' || powerState === 'CRASHED'
  const printed = Array.from({ length: shown }, (_, n) => {
    const latest = n === shown - 1
    const boot = [...bootLines(machine), promptOf(machine)]
    return [...boot, ...(latest && !went ? [] : SHUTDOWN_LINES)]
  })
  return asText(printed.flat())
}

/** What one boot prints, up to the prompt for a login. */
export const oneBoot = (machine: SimulatedMachine): string =>
  asText(bootLines(machine)) + promptOf(machine)

export const SHUTDOWN_LINES = ['[   60.000000] reboot: Power down']

export const asText = (lines: string[]): string => lines.map((line) => `${line}\r\n`).join('')

export const hostNameOf = ({ name }: Pick<SimulatedMachine, 'name'>): string =>
  name.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 63) || 'guest'

export const promptOf = (machine: SimulatedMachine): string => `${hostNameOf(machine)} login: `

/** What a console shows of the image that a machine was booted from. */
export const imageMark = (checksum: string): string => `image ${checksum.slice(0, IMAGE_LETTERS)}`

function bootLines(machine: SimulatedMachine): string[] {
  const { vcpus, memoryMiB, configDrive, rescueDisk, disk } = machine
  const { image, sizeBytes } = bootDiskOf(machine)
  return [
    'SeaBIOS (version 1.16.2-simulated)',
    'Booting from Hard Disk...',
    '[    0.000000] Linux version 6.1.0-simulated (nephograph) #1 SMP PREEMPT_DYNAMIC',
    '[    0.000000] Command line: root=/dev/vda1 console=ttyS0',
    `[    0.021337] Memory: ${memoryMiB * 1024 - 20480}K/${memoryMiB * 1024}K available`,
    `[    0.104211] smp: Brought up 1 node, ${vcpus} CPU${vcpus === 1 ? '' : 's'}`,
    `[    0.481516] virtio_blk virtio1: [vda] ${Math.round(sizeBytes / MIB)} MiB, ${imageMark(image)}`,
    ...(rescueDisk
      ? [`[    0.481717] virtio_blk virtio2: [vdb] ${Math.round(disk.sizeBytes / MIB)} MiB`]
      : []),
    '[    0.552342] EXT4-fs (vda1): mounted filesystem with ordered data mode',
    ...(configDrive ? [`[    0.602342] config-2: ${configDrive.paths.length} files`] : []),
    '[    1.204800] systemd[1]: Detected virtualization simulated.',
    `[    1.310042] systemd[1]: Hostname set to <${hostNameOf(machine)}>.`,
    '[    2.480011] systemd[1]: Reached target multi-user.target - Multi-User System.',
    '',
  ]
}
