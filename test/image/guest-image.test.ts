/**
 * The guest image, built as the script builds it and booted under plain QEMU: no driver is
 * involved, so that a failure here is the image's. The first boot is told about itself by a
 * metadata service, the second by a config drive.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { configFiles } from '../../services/compute/config-drive.ts'
import type { MetadataSource } from '../../services/compute/metadata.ts'
import { inspectImage } from '../../services/image/inspect.ts'
import { describeNeeds } from '../support/host.ts'
import { until } from '../support/until.ts'

const project = path.join(import.meta.dirname, '..', '..')
const script = path.join(project, 'scripts', 'guest-image.mjs')
const output = path.join(project, 'dist', 'guest-image')
const buildTimeoutMs = 180_000
const bootTimeoutMs = 180_000
const powerDownTimeoutMs = 60_000
/** The guest dies with the test, even when the test is killed. */
const dieWithParent = ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64']
const firstId = '018f4a10-0000-7000-8000-000000000001'
const secondId = '018f4a10-0000-7000-8000-000000000002'
const publicKey = `ssh-ed25519 ${Buffer.alloc(51, 7).toString('base64')} somebody@somewhere`

/** Why this host cannot build and boot the image, or null. */
function imageProblem(): string | null {
  const needed = [
    'qemu-system-x86_64',
    'qemu-img',
    'setpriv',
    'apt-get',
    'dpkg-deb',
    'mcopy',
    'syslinux',
  ]
  const folders = `${process.env.PATH ?? ''}:/usr/sbin`.split(':')
  const absent = needed.find(
    (tool) => !folders.some((folder) => existsSync(path.join(folder, tool))),
  )
  return absent ? `no ${absent}` : null
}

describeNeeds(imageProblem(), 'guest image', () => {
  let folder: string
  let guest: ChildProcess | undefined

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'nephograph-guest-'))
    build()
    const backing = path.join(output, 'nephograph-guest.qcow2')
    const args = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, disk(), '1G']
    execFileSync('qemu-img', args)
  }, buildTimeoutMs)

  afterEach(() => end(guest))
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const disk = () => path.join(folder, 'disk.qcow2')
  const serialFile = () => path.join(folder, 'serial.log')

  function boot(args: string[]): ChildProcess {
    rmSync(serialFile(), { force: true })
    const drives = ['-drive', `file=${disk()},if=virtio,format=qcow2`]
    const machine = ['-accel', 'tcg', '-m', '128', '-display', 'none', '-nodefaults', ...drives]
    // Without it the guest gathers entropy for long before its first SSH connection.
    const random = ['-device', 'virtio-rng-pci']
    const backend = `socket,id=serial,path=${folder}/serial.sock,server=on,wait=off`
    const serial = ['-chardev', `${backend},logfile=${serialFile()}`, '-serial', 'chardev:serial']
    const monitor = ['-qmp', `unix:${folder}/qmp.sock,server=on,wait=off`]
    guest = spawn(
      'setpriv',
      [...dieWithParent, ...machine, ...random, ...serial, ...monitor, ...args],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    return guest
  }

  async function seen(pattern: RegExp): Promise<void> {
    const shown = () => pattern.test(readText(serialFile()))
    await until(`the console shows ${pattern}`, shown, bootTimeoutMs - 10_000).catch((cause) => {
      throw new Error(`the console ends with:\n${readText(serialFile()).slice(-2000)}`, { cause })
    })
  }

  /** So often, on the console. */
  const asked = (words: string, times: number) =>
    until(
      `the console says ${words} ${times} times`,
      () => readText(serialFile()).split(words).length > times,
      bootTimeoutMs - 10_000,
    )

  test(
    'is built once, and described by its manifest',
    async () => {
      const before = readFileSync(path.join(output, 'manifest.json'), 'utf8')
      expect(build()).toContain('is up to date')
      expect(readFileSync(path.join(output, 'manifest.json'), 'utf8')).toBe(before)
      const manifest = JSON.parse(before)
      const info = execFileSync('qemu-img', [
        'info',
        '--output=json',
        path.join(output, manifest.file),
      ])
      expect(JSON.parse(String(info))).toMatchObject({
        format: 'qcow2',
        'virtual-size': manifest.virtualSizeBytes,
      })
      expect(manifest).toMatchObject({ name: 'busybox', diskFormat: 'QCOW2' })
      expect(manifest.sha512).toMatch(/^[0-9a-f]{128}$/)
      expect(manifest.sizeBytes).toBeLessThan(64 << 20)
      const image = readFileSync(path.join(output, manifest.file))
      expect(createHash('sha512').update(image).digest('hex')).toBe(manifest.sha512)
      const readAt = async (at: number, length: number) => image.subarray(at, at + length)
      expect(await inspectImage({ sizeBytes: image.length, readAt }, 'qcow2')).toMatchObject({
        ok: true,
        virtualSizeBytes: manifest.virtualSizeBytes,
      })
    },
    buildTimeoutMs,
  )

  test(
    'boots, takes its name and keys from the metadata service, and obeys the power button',
    async () => {
      const metadata = await serveMetadata()
      try {
        const sshPort = await freePort()
        const machine = boot(
          networkWithMetadata(folder, (metadata.address() as AddressInfo).port, sshPort),
        )
        await seen(/up in [\d.]+ s/)
        await seen(/login: nepho/)
        await seen(/eth0 has 169\.254\.169\.15\/24/)
        await seen(/metadata from the openstack service: name first, 1 SSH keys/)
        await seen(/user data says root@first/)
        await seen(/user data ended with 0/)
        expect(await sshBanner(sshPort)).toMatch(/^SSH-2\.0-dropbear/)
        await powerDown(machine)
        expect(readText(serialFile())).toMatch(/reboot: Power down/)
      } finally {
        metadata.close()
        metadata.closeAllConnections()
      }
    },
    bootTimeoutMs,
  )

  test(
    'boots again from a config drive, with what its disk kept',
    async () => {
      const machine = boot([
        ...['-drive', `file=${configDrive(folder)},if=virtio,format=raw,readonly=on`],
      ])
      await seen(/login: nepho/)
      await seen(/metadata from the config drive: name second, 1 SSH keys/)
      // Written by the user data of the first boot.
      await seen(/user data finds kept/)
      await powerDown(machine)
    },
    bootTimeoutMs,
  )

  test(
    'reads the drive that the cloud makes: runs its user data once, and asks for its password',
    async () => {
      const password = 'pa"s\\s w/ord'
      const drive = path.join(folder, 'cloud.img')
      writeDrive(drive, cloudDrive(password))
      const args = ['-drive', `file=${drive},if=virtio,format=raw,readonly=on`]
      const first = boot(args)
      await seen(/metadata from the config drive: name my-server, 1 SSH keys/)
      await seen(/user data ran 1 times/)
      await seen(/the console asks for the password/)
      await seen(/Log in as nepho or root, with the password/)
      await powerDown(first)
      const second = boot(args)
      await seen(/metadata from the config drive: name my-server, 1 SSH keys/)
      await seen(/my-server login: /)
      const guest = await typist(path.join(folder, 'serial.sock'))
      guest.type('nepho')
      await seen(/Password:/)
      guest.type('wrong')
      await seen(/Login incorrect/)
      // What is typed before the prompt is there again is thrown away.
      await asked('my-server login: ', 2)
      guest.type('nepho')
      await asked('Password:', 2)
      guest.type(password)
      guest.type('echo "I am $(id -un), and sudo makes $(sudo id -un)"')
      await seen(/I am nepho, and sudo makes root/)
      guest.close()
      expect(readText(serialFile())).not.toMatch(/user data ran 2 times/)
      await powerDown(second)
    },
    2 * bootTimeoutMs,
  )

  async function powerDown(machine: ChildProcess): Promise<void> {
    await qmp(path.join(folder, 'qmp.sock'), 'system_powerdown')
    await until('the guest powered itself off', () => machine.exitCode === 0, powerDownTimeoutMs)
  }
})

function build(): string {
  return execFileSync(process.execPath, [script], { encoding: 'utf8', timeout: buildTimeoutMs })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

async function end(guest: ChildProcess | undefined): Promise<void> {
  if (!guest || guest.exitCode !== null || guest.signalCode !== null) return
  const ended = new Promise((resolve) => guest.once('exit', resolve))
  guest.kill('SIGKILL')
  await ended
}

async function serveMetadata(): Promise<Server> {
  const userData = `#!/bin/sh
echo kept >/home/root/note
echo "user data says $(id -un)@$(hostname)" >/dev/kmsg
`
  const pages: Record<string, string> = {
    '/openstack/latest/meta_data.json': metadataOf(firstId, 'first.example.org'),
    '/openstack/latest/user_data': userData,
  }
  const server = createServer((request, response) => {
    const page = pages[request.url ?? '']
    response.writeHead(page === undefined ? 404 : 200).end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function metadataOf(uuid: string, hostname: string): string {
  return JSON.stringify({ uuid, hostname, name: 'x', public_keys: { mine: `${publicKey}\n` } })
}

/**
 * QEMU's user network around the metadata address; each connection to it is handed to our server.
 */
function networkWithMetadata(folder: string, metadataPort: number, sshPort: number): string[] {
  const forward = path.join(folder, 'forward.mjs')
  const text = `import { connect } from 'node:net'
const peer = connect(${metadataPort}, '127.0.0.1')
process.stdin.pipe(peer).pipe(process.stdout)
`
  writeFileSync(forward, text)
  const net = 'net=169.254.169.0/24,host=169.254.169.2,dns=169.254.169.3,dhcpstart=169.254.169.15'
  const metadata = `guestfwd=tcp:169.254.169.254:80-cmd:${process.execPath} ${forward}`
  const ssh = `hostfwd=tcp:127.0.0.1:${sshPort}-:22`
  const user = `user,id=net0,restrict=on,${net},${metadata},${ssh}`
  return ['-netdev', user, '-device', 'virtio-net-pci,netdev=net0']
}

function configDrive(folder: string): string {
  const image = path.join(folder, 'config.img')
  writeDrive(image, {
    'openstack/latest/meta_data.json': metadataOf(secondId, 'second'),
    'openstack/latest/user_data':
      '#!/bin/sh\necho "user data finds $(cat /home/root/note)" >/dev/kmsg\n',
  })
  return image
}

/** The files as the cloud makes them of a server's row. */
function cloudDrive(password: string): Record<string, string> {
  const userData = `#!/bin/sh
echo ran >>/home/root/runs
echo "user data ran $(grep -c ran /home/root/runs) times" >/dev/kmsg
`
  const server: MetadataSource = {
    id: '018f4a10-0000-7000-8000-000000000003',
    name: 'My server',
    projectId: '018f4a10-0000-7000-8000-000000000004',
    userId: '018f4a10-0000-7000-8000-000000000005',
    flavor: 'm1.nano',
    imageId: null,
    metadata: { uuid: 'mine', hostname: 'not-this', note: 'it says "admin_pass": "no"' },
    keypairName: 'mine',
    publicKey,
    userData: Buffer.from(userData).toString('base64'),
    configDrive: true,
    adminPassword: null,
    zone: 'nova',
    createdAt: new Date(),
  }
  const files = configFiles(server, password)
  return Object.fromEntries(
    files.map((file) => [file.path, Buffer.from(file.content, 'base64').toString()]),
  )
}

function writeDrive(image: string, files: Record<string, string>): void {
  const geometry = ['-T', '2880', '-h', '2', '-s', '18']
  execFileSync('mformat', ['-C', '-i', image, ...geometry, '-v', 'config-2', '::'])
  const folders = Object.keys(files).flatMap((file) => {
    const parts = file.split('/').slice(0, -1)
    return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
  })
  for (const name of new Set(folders)) execFileSync('mmd', ['-i', image, `::/${name}`])
  for (const [name, input] of Object.entries(files)) {
    execFileSync('mcopy', ['-i', image, '-', `::/${name}`], { input })
  }
}

/** Types lines on the serial console. */
async function typist(socketPath: string): Promise<{ type(line: string): void; close(): void }> {
  const socket = connect(socketPath)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.resume()
  return { type: (line) => void socket.write(`${line}\r`), close: () => void socket.destroy() }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function sshBanner(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString('latin1'))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before the banner')))
  })
}

/** One command on the monitor; the answer itself does not matter. */
function qmp(socketPath: string, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    let received = ''
    socket.on('data', (data) => {
      received += data.toString('utf8')
      if (received.split('"return"').length > 2) socket.end(() => resolve())
    })
    socket.once('error', reject)
    socket.write('{"execute":"qmp_capabilities"}\n')
    socket.write(`${JSON.stringify({ execute: command })}\n`)
  })
}
