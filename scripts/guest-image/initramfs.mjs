/**
 * The file system of the guest: busybox, dropbear, mke2fs, a few modules and the scripts in
 * `files/`.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { cpioArchive } from './archive.mjs'
import { collectModules, modulesAlias, modulesDep } from './modules.mjs'

/** @typedef {import('./archive.mjs').Entry} Entry */

export const scriptsFolder = path.join(import.meta.dirname, 'files')
const toolTimeoutMs = 20_000
const loader = 'lib64/ld-linux-x86-64.so.2'
/** Where each script goes that is not called by its path under /etc/nephograph. */
const places = new Map([
  ['init', { path: 'init', mode: 0o755 }],
  // Writing to it is what `really` takes as the right to become root.
  ['inittab', { path: 'etc/inittab', mode: 0o664 }],
  ['power-button', { path: 'etc/acpi/PWRF/00000080', mode: 0o755 }],
  ['sudo', { path: 'bin/sudo', mode: 0o755 }],
])
/** The user nepho is in the group root for `really`; nobody has a password but what a server is given (files/password). */
const textFiles = {
  'etc/passwd':
    'root:x:0:0:root:/home/root:/bin/sh\nnepho:x:1000:1000:Nephograph user:/home/nepho:/bin/sh\n',
  'etc/shadow': 'root:*:19700::::::\nnepho:*:19700::::::\n',
  'etc/group': 'root:x:0:nepho\ntty:x:5:nepho\nnepho:x:1000:\n',
  'etc/shells': '/bin/sh\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/profile': 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport PS1="\\u@\\h:\\w\\$ "\n',
  'etc/motd':
    'Files in /home survive a reboot; everything else lives in memory. sudo needs no password.\n',
}

/**
 * @param {string} root The tree of unpacked packages.
 * @param {{ stateStartSector: number }} disk
 * @returns {{ bytes: Buffer, unpackedBytes: number, kernelRelease: string, kernel: string }}
 *   The compressed archive, and the kernel file that belongs to it.
 */
export function buildInitramfs(root, { stateStartSector }) {
  const kernelRelease = onlyKernel(root)
  const entries = [
    ...folders(kernelRelease),
    { path: 'dev/console', type: 'character', mode: 0o600, device: [5, 1] },
    { path: 'dev/null', type: 'character', mode: 0o666, device: [1, 3] },
    ...busybox(root),
    ...dynamicPrograms(root),
    file('usr/sbin/really', 0o4750, readFileSync(path.join(root, 'usr/sbin/really'))),
    ...moduleFiles(root, kernelRelease),
    ...scripts(),
    ...Object.entries(textFiles).map(([name, text]) => file(name, 0o644, text)),
    file('etc/nephograph/state-start', 0o644, `${stateStartSector}\n`),
    link('etc/dropbear', '/home/.dropbear'),
  ]
  const archive = cpioArchive(/** @type {Entry[]} */ (entries))
  return {
    bytes: gzipSync(archive, { level: 9 }),
    unpackedBytes: archive.length,
    kernelRelease,
    kernel: path.join(root, 'boot', `vmlinuz-${kernelRelease}`),
  }
}

/** @param {string} root */
function onlyKernel(root) {
  const releases = readdirSync(path.join(root, 'boot')).filter((f) => f.startsWith('vmlinuz-'))
  if (releases.length !== 1 || !releases[0])
    throw new Error(`expected one kernel, found ${releases.length}`)
  return releases[0].slice('vmlinuz-'.length)
}

/**
 * @param {string} kernelRelease
 * @returns {Entry[]}
 */
function folders(kernelRelease) {
  const top = 'bin sbin usr usr/bin usr/sbin lib lib64 lib/modules dev proc sys run tmp home mnt'
  const names = `${top} etc etc/nephograph etc/acpi etc/acpi/PWRF var var/log`.split(' ')
  names.push(`lib/modules/${kernelRelease}`)
  return names.map((name) => ({ path: name, type: 'folder', mode: 0o755 }))
}

/**
 * @param {string} root
 * @returns {Entry[]} busybox and a link for each of its programs
 */
function busybox(root) {
  const binary = ['bin/busybox', 'usr/bin/busybox'].map((p) => path.join(root, p)).find(existsSync)
  if (!binary) throw new Error('the package busybox-static has no busybox')
  const list = execFileSync(binary, ['--list-full'], { encoding: 'utf8', timeout: toolTimeoutMs })
  // mke2fs is the real one, for a journal; `linuxrc` and busybox itself need no link.
  const skipped = new Set([
    'bin/busybox',
    'usr/bin/busybox',
    'linuxrc',
    'sbin/mke2fs',
    'usr/sbin/mke2fs',
  ])
  const links = list.split('\n').filter((p) => p && !skipped.has(p))
  return [
    file('bin/busybox', 0o755, readFileSync(binary)),
    ...links.map((p) => link(p, '/bin/busybox')),
  ]
}

/**
 * The programs that need shared libraries, with those libraries as the package's own loader finds
 * them.
 * @param {string} root
 * @returns {Entry[]}
 */
function dynamicPrograms(root) {
  const programs = ['usr/sbin/dropbear', 'usr/bin/dropbearkey', 'usr/bin/dbclient']
  const mke2fs = existsSync(path.join(root, 'sbin/mke2fs')) ? 'sbin/mke2fs' : 'usr/sbin/mke2fs'
  const loaderFile = [loader, `usr/${loader}`, 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2']
    .map((p) => path.join(root, p))
    .find(existsSync)
  if (!loaderFile) throw new Error('the package libc6 has no loader')
  const folders = ['lib', 'usr/lib'].map((p) => path.join(root, p, 'x86_64-linux-gnu')).join(':')
  /** @type {Map<string, string>} */
  const libraries = new Map()
  for (const program of [...programs, mke2fs, 'usr/sbin/really']) {
    const args = ['--library-path', folders, '--list', path.join(root, program)]
    const list = execFileSync(realpathSync(loaderFile), args, {
      encoding: 'utf8',
      timeout: toolTimeoutMs,
    })
    for (const [, name, found] of list.matchAll(/^\s*(\S+) => (\S+)/gm)) {
      // A name with a slash is the loader itself.
      if (!name || name.startsWith('/')) continue
      if (!found?.startsWith(root)) throw new Error(`${program}: no package brings ${name}`)
      libraries.set(name, found)
    }
  }
  return [
    ...programs.map((p) => file(p, 0o755, readFileSync(path.join(root, p)))),
    file('sbin/mke2fs', 0o755, readFileSync(path.join(root, mke2fs))),
    link('sbin/mkfs.ext4', 'mke2fs'),
    file(loader, 0o755, readFileSync(loaderFile)),
    ...[...libraries]
      .sort()
      .map(([name, found]) => file(`lib/${name}`, 0o755, readFileSync(found))),
  ]
}

/**
 * @param {string} root
 * @param {string} kernelRelease
 * @returns {Entry[]}
 */
function moduleFiles(root, kernelRelease) {
  const from = ['lib/modules', 'usr/lib/modules']
    .map((p) => path.join(root, p, kernelRelease))
    .find(existsSync)
  if (!from) throw new Error(`the kernel package has no modules for ${kernelRelease}`)
  const modules = collectModules(from)
  const to = `lib/modules/${kernelRelease}`
  return [
    ...modules.map((m) => file(`${to}/${m.file}`, 0o644, m.data)),
    file(`${to}/modules.dep`, 0o644, modulesDep(modules)),
    file(`${to}/modules.alias`, 0o644, modulesAlias(modules)),
  ]
}

/** @returns {Entry[]} */
function scripts() {
  return readdirSync(scriptsFolder)
    .sort()
    .map((name) => {
      const place = places.get(name) ?? { path: `etc/nephograph/${name}`, mode: 0o755 }
      return file(place.path, place.mode, readFileSync(path.join(scriptsFolder, name)))
    })
}

/**
 * @param {string} name
 * @param {number} mode
 * @param {Buffer | string} data
 * @returns {Entry}
 */
function file(name, mode, data) {
  return { path: name, type: 'file', mode, data }
}

/**
 * @param {string} name
 * @param {string} target
 * @returns {Entry}
 */
function link(name, target) {
  return { path: name, type: 'link', mode: 0o777, data: target }
}
