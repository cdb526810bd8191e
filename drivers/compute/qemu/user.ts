/**
 * Who a QEMU runs as. Where the agent is root, a guest that breaks out of its QEMU must not be:
 * QEMU is started through `setpriv` as an unprivileged user with no capability left. Everything that the
 * agent itself writes lies outside the run folders, so a hostile QEMU has no place to put a symbolic
 * link that root would follow. All QEMUs of a host are one user: file modes keep none from the others.
 */
import { readFile, stat } from 'node:fs/promises'

export interface QemuUser {
  name: string
  uid: number
  gid: number
  /** The group that may open /dev/kvm, when there is one. */
  kvmGid: number | null
}

/** In this order: the users that Debian and Fedora make for QEMU, then the one every Linux has. */
const CANDIDATES = ['libvirt-qemu', 'qemu', 'nobody']

/** Null when the agent is not root: QEMU then runs as the agent does. */
export async function findQemuUser(): Promise<QemuUser | null> {
  if (process.getuid?.() !== 0) return null
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((l) => l.split(':'))
  for (const name of CANDIDATES) {
    const account = accounts.find((fields) => fields[0] === name)
    if (!account) continue
    return { name, uid: Number(account[2]), gid: Number(account[3]), kvmGid: await kvmGroup() }
  }
  return null
}

/** Puts `setpriv` before a command, so that it runs as `user`; it keeps its process id. */
export function asUser(user: QemuUser | null, command: string, args: string[]): [string, string[]] {
  if (!user) return [command, args]
  const groups = user.kvmGid === null ? '--clear-groups' : `--groups=${user.kvmGid}`
  return [
    'setpriv',
    [
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      groups,
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all',
      '--',
      command,
      ...args,
    ],
  ]
}

async function kvmGroup(): Promise<number | null> {
  const device = await stat('/dev/kvm').catch(() => null)
  // The group of root would open much more than one device.
  if (!device || device.gid === 0 || (device.mode & 0o060) !== 0o060) return null
  return device.gid
}
