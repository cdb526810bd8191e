/**
 * The Debian packages that the guest image is made of: which ones, in which versions, and their
 * files. Packages are fetched and unpacked into a folder, never installed, so the host stays as
 * it is, and an ordinary user may do it.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const queryTimeoutMs = 60_000
const downloadTimeoutMs = 10 * 60_000
const unpackTimeoutMs = 120_000
const outputBytes = 16 << 20

/** The kernel made for virtual machines: a third of the size, and everything virtio. */
const kernelMetapackage = 'linux-image-cloud-amd64'
/**
 * `chiark-really` is the smallest program in Debian that lets a user become root without a
 * password.
 */
const programs = ['busybox-static', 'dropbear-bin', 'e2fsprogs', 'chiark-really']
const tools = {
  'apt-get': 'apt',
  'apt-cache': 'apt',
  'dpkg-deb': 'dpkg',
  mformat: 'mtools',
  mcopy: 'mtools',
  syslinux: 'syslinux',
  'qemu-img': 'qemu-utils',
}

/** @typedef {Record<string, string>} PackageVersions Package name to version. */

/** Why the image cannot be built on this host, or undefined when it can. */
export async function buildRefusal() {
  if (!existsSync('/etc/debian_version')) {
    return 'the guest image is made of Debian packages, and this host is not Debian'
  }
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':')
  for (const [tool, from] of Object.entries(tools)) {
    if (!folders.some((folder) => existsSync(path.join(folder, tool)))) {
      const cure = 'run node scripts/debian-packages.mjs as root'
      return `the guest image needs ${tool} (Debian package ${from}): ${cure}`
    }
  }
  const { stdout } = await run('dpkg', ['--print-architecture'], { timeout: queryTimeoutMs })
  if (stdout.trim() !== 'amd64') {
    return `the guest image is built on amd64 only, and this host is ${stdout.trim()}`
  }
  return undefined
}

/**
 * The packages to build from: the newest that apt knows here. Needs no network.
 * @returns {Promise<PackageVersions>}
 */
export async function resolvePackages() {
  const kernel = (await depends([kernelMetapackage], [])).find((name) =>
    /^linux-image-\d.*-cloud-amd64$/.test(name),
  )
  if (!kernel) throw unknownPackage(kernelMetapackage)
  const names = [kernel, ...(await depends(programs, ['--recurse']))]
  const { stdout } = await aptCache(['show', '--no-all-versions', ...names])
  /** @type {PackageVersions} */
  const versions = {}
  for (const paragraph of stdout.split('\n\n')) {
    const name = /^Package: (.*)$/m.exec(paragraph)?.[1]
    const version = /^Version: (.*)$/m.exec(paragraph)?.[1]
    if (name && version) versions[name] = version
  }
  for (const name of [kernel, ...programs]) if (!versions[name]) throw unknownPackage(name)
  return Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * @param {string[]} names
 * @param {string[]} options
 * @returns {Promise<string[]>} the names themselves among what they need
 */
async function depends(names, options) {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances']
  const args = ['depends', ...options, ...without.map((w) => `--no-${w}`), ...names]
  const { stdout } = await aptCache(args)
  const found = stdout
    .split('\n')
    .map((line) => line.replace(/^[ |]*((Pre)?Depends: )?/, '').trim())
  // Names in angle brackets are virtual: no such package exists.
  return [...new Set(found.filter((name) => /^[a-z0-9][a-z0-9.+-]*$/.test(name)))]
}

/** @param {string[]} args */
async function aptCache(args) {
  try {
    return await run('apt-cache', args, {
      timeout: queryTimeoutMs,
      maxBuffer: outputBytes,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
  } catch (cause) {
    throw new Error('apt does not know a package of the guest image: run apt-get update as root', {
      cause,
    })
  }
}

/** @param {string} name */
function unknownPackage(name) {
  return new Error(`apt does not know the package ${name} here: run apt-get update as root`)
}

/**
 * Fetches the packages and unpacks them all into one tree.
 * @param {PackageVersions} versions
 * @param {string} folder
 * @returns {Promise<string>} the root of the tree
 */
export async function unpackPackages(versions, folder) {
  const packages = path.join(folder, 'packages')
  const root = path.join(folder, 'root')
  await mkdir(packages, { recursive: true })
  await mkdir(root, { recursive: true })
  const wanted = Object.entries(versions).map(([name, version]) => `${name}=${version}`)
  // Root would hand the download to the user _apt, who may not write into our folder.
  const asRoot = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
  try {
    const args = ['-q', ...asRoot, 'download', ...wanted]
    await run('apt-get', args, {
      cwd: packages,
      timeout: downloadTimeoutMs,
      maxBuffer: outputBytes,
    })
  } catch (cause) {
    throw new Error('apt-get could not download the packages of the guest image', { cause })
  }
  for (const file of readdirSync(packages)) {
    await run('dpkg-deb', ['-x', path.join(packages, file), root], { timeout: unpackTimeoutMs })
  }
  return root
}
