/**
 * Debian's own qemu-guest-agent, for a guest that has none: a disk that is a tar archive of the program,
 * of the `chpasswd` that it calls, and of their libraries as they are on this host, with their own loader
 * (the guest's may be of another version).
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const TIMEOUT_MS = 30_000
const AGENT = '/usr/sbin/qemu-ga'
const CHPASSWD = '/usr/sbin/chpasswd'
const LOADER = '/lib64/ld-linux-x86-64.so.2'
/** Where PAM looks for it, here and there. */
const PAM_UNIX = '/lib/x86_64-linux-gnu/security/pam_unix.so'
/** Where everything lies in the guest. */
const PLACE = 'ga'
const PORT = '/dev/virtio-ports/org.qemu.guest_agent.0'

/** Why there is no such agent here, or null. */
export function guestAgentProblem(): string | null {
  const packages = {
    [AGENT]: 'qemu-guest-agent',
    [CHPASSWD]: 'passwd',
    [PAM_UNIX]: 'libpam-modules',
  }
  for (const [file, name] of Object.entries(packages)) {
    if (!existsSync(file)) return `no ${file} (Debian package ${name})`
  }
  return existsSync(LOADER) ? null : 'not amd64'
}

/** Writes it below the folder; the guest unpacks it to `/`. */
export async function guestAgentDisk(folder: string): Promise<string> {
  const stage = join(folder, 'guest-agent')
  const [place, disk] = [join(stage, PLACE), join(folder, 'guest-agent.tar')]
  const put = async (name: string, text: string, mode: number) => {
    await mkdir(join(stage, name, '..'), { recursive: true })
    await writeFile(join(stage, name), text)
    await chmod(join(stage, name), mode)
  }
  await mkdir(place, { recursive: true })
  for (const file of [AGENT, CHPASSWD, LOADER, ...(await librariesOf(AGENT, CHPASSWD, PAM_UNIX))]) {
    await copyFile(file, join(place, basename(file)))
    await chmod(join(place, basename(file)), 0o755)
  }
  await mkdir(join(stage, PAM_UNIX, '..'), { recursive: true })
  await copyFile(PAM_UNIX, join(stage, PAM_UNIX))
  const call = (program: string, args: string) =>
    `#!/bin/sh\nexec /${PLACE}/${basename(LOADER)} --library-path /${PLACE} /${PLACE}/${program} ${args}\n`
  await put('usr/sbin/chpasswd', call('chpasswd', '"$@"'), 0o755)
  await put('etc/pam.d/chpasswd', 'password required pam_unix.so sha512\n', 0o644)
  const start = `mkdir -p ${join(PORT, '..')}\nln -sf $(ls /dev/vport*p1) ${PORT}\n`
  const options = '-d -v -l /tmp/agent.log -f /tmp/agent.pid -t /tmp'
  const [head, ...rest] = call('qemu-ga', options).split('\n')
  await put(`${PLACE}/start`, [head, start, ...rest].join('\n'), 0o755)
  const owner = ['--owner=0', '--group=0', '--numeric-owner']
  await execute('tar', ['-C', stage, ...owner, '-cf', disk, '.'], { timeout: TIMEOUT_MS })
  return disk
}

async function librariesOf(...programs: string[]): Promise<Set<string>> {
  const lists = programs.map((program) => execute('ldd', [program], { timeout: TIMEOUT_MS }))
  const found = (await Promise.all(lists)).flatMap(({ stdout }) =>
    [...stdout.matchAll(/ => (\/\S+)/g)].map(([, file]) => file ?? ''),
  )
  return new Set(found)
}
