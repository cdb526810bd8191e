/**
 * The consoles of a machine. They wait in no row: somebody may look while a verb is at work.
 *
 * O1 Nothing listens on the network: QEMU serves the screen on a socket in its run folder.
 * O2 A picture is a file that QEMU writes and the agent reads within a bound; it never stays.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Consoles } from '../abilities.ts'
import { throwIfAborted } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import { OneAtATime } from '../one-at-a-time.ts'
import { VNC_SOCKET } from './arguments.ts'
import type { LiveMachine } from './machine.ts'
import { type MachinePaths, machinePaths } from './machine-folder.ts'
import type { QemuMachines } from './machines.ts'
import { openRunFile } from './run-file.ts'
import { connectRunSocket } from './run-socket.ts'
import type { QemuUser } from './user.ts'

const SCREENSHOT_FILE = 'screen.png'
const SCREENSHOT_MAX_BYTES = 16 * 1024 * 1024
const SCREENSHOT_TIMEOUT_MS = 10_000

export const consoles = (machines: QemuMachines): Consoles => {
  /** All pictures of a machine go through one file. */
  const pictures = new OneAtATime()
  const onMachine = <T>(
    doing: string,
    id: string,
    work: (live: LiveMachine, paths: MachinePaths, user: QemuUser | null) => Promise<T>,
  ): Promise<T> =>
    machines.guard(`${doing} of machine ${id}`, async ({ dir, user }) => {
      const paths = machinePaths(dir, id)
      await machines.record(id, paths)
      const live = machines.known(id)
      if (live && !live.down) return work(live, paths, user)
      throw new DriverError('REFUSED', `machine ${id} is off: it has no ${doing}`)
    })

  return {
    vnc: (id) => onMachine('screen', id, (_, { run }) => connectRunSocket(run, VNC_SOCKET)),
    serial: (id) => onMachine('serial console', id, (live) => live.line.view()),
    screenshot: (id, signal) =>
      onMachine('screen', id, (live, paths, user) =>
        pictures.run(id, signal, async () => {
          const picture = await takePicture(live, paths, user, signal)
          throwIfAborted(signal, 'a picture of the screen')
          return picture
        }),
      ),
  }
}

async function takePicture(
  live: LiveMachine,
  paths: MachinePaths,
  user: QemuUser | null,
  signal: AbortSignal,
): Promise<Buffer> {
  const path = join(paths.run, SCREENSHOT_FILE)
  await rm(path, { force: true })
  try {
    const args = { filename: SCREENSHOT_FILE, format: 'png' }
    await live.ask('screendump', args, signal, SCREENSHOT_TIMEOUT_MS)
    const file = await openRunFile(path, user)
    try {
      const { size } = await file.stat()
      if (size > SCREENSHOT_MAX_BYTES) {
        throw new DriverError('HYPERVISOR_FAILED', `the picture is larger than it may be: ${size}`)
      }
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}
