/**
 * Who runs PostgreSQL, and whether that user can get to its folders. PostgreSQL refuses to run as
 * root, so that root lends the server the identity of an unprivileged user.
 */
import { chmodSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface SystemUser {
  name: string
  uid: number
  gid: number
}

/** In this order; both own nothing else that matters on a machine that runs a cloud. */
const UNPRIVILEGED = ['postgres', 'nobody']

/**
 * The user to run the server as, null for ourselves. Once a data folder exists its owner decides,
 * since a `postgres` user may have come with a package only later.
 */
export function serverUser(dataFolder: string, passwd = '/etc/passwd'): SystemUser | null {
  if (process.getuid?.() !== 0) return null
  const users = readUsers(passwd)
  const owner = existsSync(dataFolder) ? statSync(dataFolder).uid : null
  const user =
    owner === null || owner === 0
      ? UNPRIVILEGED.map((name) => users.find((u) => u.name === name)).find((u) => u !== undefined)
      : users.find((u) => u.uid === owner)
  if (user) return user
  throw new Error(
    owner
      ? `the database in ${dataFolder} belongs to user id ${owner}, which has no entry in ${passwd}; add that user, or chown the folder to another one`
      : `PostgreSQL does not run as root, and ${passwd} has neither ${UNPRIVILEGED.join(' nor ')}; add one of them (useradd --system postgres), start as an ordinary user, or set DATABASE_URL`,
  )
}

function readUsers(passwd: string): SystemUser[] {
  return readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
}

/**
 * Makes sure that the user can pass through every folder down to `folder`. Ours (the data
 * directory, made 0700 by whoever made it) is opened for passing through, not for reading; one
 * that is not ours is left alone and named.
 */
export function letPass(folder: string, ours: string, user: SystemUser | null): void {
  if (!user) return
  const root = realpathSync(ours)
  for (const path of pathsDownTo(realpathSync(folder))) {
    const stat = statSync(path)
    if (mayEnter(stat, user)) continue
    if ((path === root || path.startsWith(`${root}/`)) && stat.uid === 0) {
      chmodSync(path, (stat.mode & 0o7777) | 0o011)
      continue
    }
    throw new Error(
      `PostgreSQL runs as user ${user.name} here, and that user can not enter ${path}, on the way to the data directory ${root}. ` +
        `Choose another data directory (NEPHO_DATA_DIR), open that folder (chmod o+x ${path}), or set DATABASE_URL`,
    )
  }
}

function pathsDownTo(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [...pathsDownTo(parent), folder]
}

function mayEnter(stat: { uid: number; gid: number; mode: number }, user: SystemUser): boolean {
  if (stat.uid === user.uid) return (stat.mode & 0o100) !== 0
  if (stat.gid === user.gid) return (stat.mode & 0o010) !== 0
  return (stat.mode & 0o001) !== 0
}
