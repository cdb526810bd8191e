/**
 * Sockets between the agent and a QEMU.
 *
 * R1 A socket that QEMU serves lies in its run folder, where a QEMU that a guest has taken over may
 *    put a link to any other socket of the host. It is opened first, without following links, and
 *    connected to through what was opened.
 * R2 A socket that QEMU connects to lies beside the run folder, where only the agent makes names; it
 *    takes one connection and is gone after that.
 */
import { constants } from 'node:fs'
import { chmod, chown, type FileHandle, open, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { within } from '../deadline.ts'
import { DriverError } from '../driver.ts'
import type { QemuUser } from './user.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Linux; Node has no name for it. Opens what a name stands for, and nothing behind it. */
const O_PATH = 0o10000000

/** R1: what one connects to by its `pathOf`, and closes then. */
export async function openRunSocket(run: string, name: string): Promise<FileHandle> {
  const file = await open(join(run, name), O_PATH | constants.O_NOFOLLOW)
  if ((await file.stat()).isSocket()) return file
  await file.close()
  throw new DriverError('HYPERVISOR_FAILED', `${name} is not the socket that QEMU made`)
}

/** Short, too: the path of a socket is limited to 107 bytes. */
export const pathOf = (file: FileHandle): string => `/proc/self/fd/${file.fd}`

/** Connects to a socket that QEMU serves in its run folder. */
export async function connectRunSocket(
  run: string,
  name: string,
  signal?: AbortSignal,
): Promise<Socket> {
  const file = await openRunSocket(run, name)
  try {
    const socket = connect(pathOf(file))
    const connected = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    const deadline = { timeoutMs: CONNECT_TIMEOUT_MS, signal, what: `QEMU to take ${name}` }
    try {
      await within(connected, deadline)
    } catch (error) {
      socket.destroy()
      throw isCrowded(error)
        ? new DriverError('TIMEOUT', `QEMU does not take ${name}`, true)
        : error
    }
    // Whoever reads it hears of an error as its end.
    socket.on('error', () => {})
    return socket
  } finally {
    await file.close()
  }
}

/** As many wait for it already as the kernel lets: a QEMU that hangs takes nobody. */
const isCrowded = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EAGAIN'

export interface ServedSocket {
  /** As QEMU, in its run folder, finds it. */
  path: string
  /** QEMU, when it has connected. */
  connected: Promise<Socket>
  close(): Promise<void>
}

/** Serves a socket beside the run folder, for one connection of QEMU. */
export async function serveSocket(
  folder: string,
  name: string,
  user: QemuUser | null,
): Promise<ServedSocket> {
  const file = join(folder, name)
  await rm(file, { force: true })
  const handle = await open(folder, 'r')
  const server = createServer()
  server.maxConnections = 1
  let taken: Socket | null = null
  const connected = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      taken = socket
      socket.on('error', () => {})
      resolve(socket)
    })
  })
  const close = async () => {
    server.close()
    taken?.destroy()
    await rm(file, { force: true })
  }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // Through the open folder the path is always short enough for a socket.
      server.listen(`/proc/self/fd/${handle.fd}/${name}`, () => resolve())
    })
    if (user) await chown(file, -1, user.gid)
    await chmod(file, 0o660)
    return { path: `../${name}`, connected, close }
  } catch (error) {
    await close()
    throw error
  } finally {
    await handle.close()
  }
}
