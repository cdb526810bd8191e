/**
 * The folder of the server's unix socket. A socket's path has room for 107 bytes (103 on macOS),
 * fewer than a deep data directory takes; then a short folder elsewhere stands in, with a name
 * that follows from the data directory, so that a start after a crash finds and reuses it.
 */
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SystemUser } from './postgres-user.ts'

const SOCKET_PATH_BYTES = 103
const SOCKET_NAME = '/.s.PGSQL.5432.lock'

/** Makes the folder, closed to all but the server's user (and root), and returns its path. */
export function makeSocketFolder(home: string, user: SystemUser | null): string {
  const inside = join(home, 'socket')
  const folder = fits(inside) ? inside : join(shortParent(), shortName(home))
  if (!fits(folder)) {
    throw new Error(
      `no folder with a path short enough for a unix socket; ${folder} is too long. Set TMPDIR to a short one`,
    )
  }
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  // In a folder that everybody may write to, somebody else may have been there first.
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || ![process.getuid?.(), user?.uid].includes(stat.uid)) {
    throw new Error(
      `${folder} should be PostgreSQL's own folder, but belongs to user id ${stat.uid}; remove it`,
    )
  }
  if (user) chownSync(folder, user.uid, user.gid)
  chmodSync(folder, 0o700)
  return folder
}

function fits(folder: string): boolean {
  return Buffer.byteLength(folder + SOCKET_NAME) <= SOCKET_PATH_BYTES
}

function shortParent(): string {
  if (process.getuid?.() === 0 && existsSync('/run')) return '/run'
  const runtime = process.env.XDG_RUNTIME_DIR
  return runtime && existsSync(runtime) ? runtime : tmpdir()
}

function shortName(home: string): string {
  return `nephograph-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`
}
