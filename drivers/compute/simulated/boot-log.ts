/** What a simulated guest prints while it boots: computed when somebody asks, and never stored. */

/** More boots than this nobody scrolls back to. */
const BOOTS_SHOWN_MAX = 5

export interface BootDescription {
  name: string
  vcpus: number
  memoryMiB: number
  boots: number
  running: boolean
}

export function bootLog(machine: BootDescription): string {
  const shown = Math.min(machine.boots, BOOTS_SHOWN_MAX)
  const boots = Array.from({ length: shown }, (_, n) => {
    const latest = n === shown - 1
    return [...bootLines(machine), ...(latest && machine.running ? [] : SHUTDOWN_LINES)]
  })
  return boots
    .flat()
    .map((line) => `${line}\r\n`)
    .join('')
}

const SHUTDOWN_LINES = ['[   60.000000] reboot: Power down']

function bootLines({ name, vcpus, memoryMiB }: BootDescription): string[] {
  const host = name.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 63) || 'guest'
  return [
    'SeaBIOS (version 1.16.2-simulated)',
    'Booting from Hard Disk...',
    '[    0.000000] Linux version 6.1.0-simulated (nephograph) #1 SMP PREEMPT_DYNAMIC',
    '[    0.000000] Command line: root=/dev/vda1 console=ttyS0',
    `[    0.021337] Memory: ${memoryMiB * 1024 - 20480}K/${memoryMiB * 1024}K available`,
    `[    0.104211] smp: Brought up 1 node, ${vcpus} CPU${vcpus === 1 ? '' : 's'}`,
    '[    0.481516] virtio_blk virtio1: [vda] new disk',
    '[    0.552342] EXT4-fs (vda1): mounted filesystem with ordered data mode',
    '[    1.204800] systemd[1]: Detected virtualization simulated.',
    `[    1.310042] systemd[1]: Hostname set to <${host}>.`,
    '[    2.480011] systemd[1]: Reached target multi-user.target - Multi-User System.',
    '',
    `${host} login: `,
  ]
}
