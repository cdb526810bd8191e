#!/usr/bin/env node
/**
 * Builds the guest image: a small Linux from Debian's own packages that boots in seconds.
 *
 *   node scripts/guest-image.mjs [--force]      writes dist/guest-image/
 *
 * G1 Needs no root, no mount, no loop device and no network beyond apt's.
 * G2 The manifest is written last: an image with a manifest is whole.
 * G3 Same scripts and same package versions: nothing is done. When newer packages exist but
 *    cannot be fetched, an image that the same scripts made is kept, and that is said.
 */
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDisk, stateStartSector } from './guest-image/disk.mjs'
import { buildInitramfs } from './guest-image/initramfs.mjs'
import { buildRefusal, resolvePackages, unpackPackages } from './guest-image/packages.mjs'

const sourcesFolder = path.join(import.meta.dirname, 'guest-image')
const defaultFolder = path.join(import.meta.dirname, '..', 'dist', 'guest-image')
const imageName = 'nephograph-guest.qcow2'
const manifestName = 'manifest.json'
/** Measured under QEMU: it boots with 96 MiB, and the kernel is out of memory with 80. */
const minMemoryMiB = 96
const aptListsFolder = '/var/lib/apt/lists'

/**
 * @typedef {object} GuestImageManifest
 * @property {string} name The name under which the image is registered.
 * @property {'QCOW2'} diskFormat
 * @property {string} file
 * @property {number} sizeBytes
 * @property {number} virtualSizeBytes
 * @property {string} sha512
 * @property {string} kernel The kernel's release.
 * @property {number} minMemoryMiB The least memory that boots it.
 * @property {Record<string, string>} packages
 * @property {string} sources SHA-256 of the scripts that made it.
 * @property {string} aptLists What apt knew when the versions were last compared.
 */
/** @typedef {{ file: string, manifest: GuestImageManifest, built: boolean }} GuestImage */

/**
 * The guest image, built when it has to be. Throws with a reason in words when this host cannot
 * build it.
 * @param {{ folder?: string, force?: boolean, log?: (line: string) => void }} [options]
 * @returns {Promise<GuestImage>}
 */
export async function buildGuestImage({
  folder = defaultFolder,
  force = false,
  log = () => {},
} = {}) {
  const file = path.join(folder, imageName)
  const sources = hashSources()
  const kept = force ? undefined : readManifest(folder, sources)
  const refusal = await buildRefusal()
  if (refusal) {
    if (kept) return { file, manifest: kept, built: false }
    throw new Error(refusal)
  }
  // Asking apt takes seconds where it keeps no cache of its own; looking at its lists takes none.
  const aptLists = aptFingerprint()
  if (kept?.aptLists === aptLists) return { file, manifest: kept, built: false }
  try {
    const packages = await resolvePackages()
    if (kept && JSON.stringify(kept.packages) === JSON.stringify(packages)) {
      const manifest = { ...kept, aptLists }
      await writeManifest(folder, manifest)
      return { file, manifest, built: false }
    }
    const made = await build(folder, packages, log)
    const manifest = { ...made, sources, aptLists }
    await writeManifest(folder, manifest)
    return { file, manifest, built: true }
  } catch (error) {
    if (!kept || readManifest(folder, sources) === undefined) throw error
    log(`The guest image is kept as it is; a newer one could not be built: ${describe(error)}`)
    return { file, manifest: kept, built: false }
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} packages
 * @param {(line: string) => void} log
 * @returns {Promise<Omit<GuestImageManifest, 'sources' | 'aptLists'>>}
 */
async function build(folder, packages, log) {
  await mkdir(folder, { recursive: true })
  // Beside the output, so that the last step is a rename; two builds at once do not meet.
  const work = await mkdtemp(path.join(folder, '.build-'))
  try {
    log('Fetching the packages of the guest image')
    const root = await unpackPackages(packages, work)
    log('Writing the disk of the guest image')
    const initramfs = buildInitramfs(root, { stateStartSector })
    const output = path.join(work, imageName)
    const { kernel, bytes } = initramfs
    const disk = await buildDisk({ kernel, initramfs: bytes, folder: work, output })
    const description = {
      name: 'busybox',
      diskFormat: /** @type {const} */ ('QCOW2'),
      file: imageName,
      sizeBytes: statSync(output).size,
      virtualSizeBytes: disk.virtualSizeBytes,
      sha512: await sha512(output),
      kernel: initramfs.kernelRelease,
      minMemoryMiB,
      packages,
    }
    // From here until the new manifest is written there is no whole image (G2).
    await rm(path.join(folder, manifestName), { force: true })
    await rename(output, path.join(folder, imageName))
    return description
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * @param {string} folder
 * @param {string} sources
 * @returns {GuestImageManifest | undefined} undefined when there is no whole image by these scripts
 */
function readManifest(folder, sources) {
  try {
    /** @type {GuestImageManifest} */
    const manifest = JSON.parse(readFileSync(path.join(folder, manifestName), 'utf8'))
    const { size } = statSync(path.join(folder, imageName))
    return manifest.sources === sources && manifest.sizeBytes === size ? manifest : undefined
  } catch {
    return undefined
  }
}

/**
 * @param {string} folder
 * @param {GuestImageManifest} manifest
 */
async function writeManifest(folder, manifest) {
  const draft = path.join(folder, `.${manifestName}.${process.pid}`)
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`)
  await rename(draft, path.join(folder, manifestName))
}

/** Changes whenever apt's package lists do. */
function aptFingerprint() {
  const hash = createHash('sha256')
  for (const name of readdirSync(aptListsFolder).sort()) {
    const { size, mtimeMs } = statSync(path.join(aptListsFolder, name))
    if (name.includes('_')) hash.update(`${name} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function hashSources() {
  const hash = createHash('sha256')
  const inside = readdirSync(sourcesFolder, { recursive: true, withFileTypes: true })
  const files = inside
    .filter((e) => e.isFile())
    .map((e) => path.join(e.parentPath ?? e.path, e.name))
  for (const file of [fileURLToPath(import.meta.url), ...files.sort()]) {
    hash
      .update(`${path.basename(file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

/** @param {string} file */
async function sha512(file) {
  const hash = createHash('sha512')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

/** @param {unknown} error */
function describe(error) {
  const lines = []
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    lines.push(cause.message.trim())
  return lines.join(': ')
}

/** @param {string[]} args */
async function main(args) {
  const unknown = args.filter((a) => a !== '--force')
  if (unknown.length > 0) {
    console.error(`Unknown option ${unknown.join(' ')}. Options: --force`)
    return 2
  }
  try {
    const options = {
      force: args.includes('--force'),
      log: (/** @type {string} */ line) => console.log(line),
    }
    const { file, manifest, built } = await buildGuestImage(options)
    const size = `${(manifest.sizeBytes / (1 << 20)).toFixed(1)} MiB`
    console.log(`${file} (${size}, Linux ${manifest.kernel})${built ? '' : ' is up to date'}`)
    return 0
  } catch (error) {
    console.error(`The guest image cannot be built: ${describe(error)}`)
    return 1
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2))
}
