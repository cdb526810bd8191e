#!/usr/bin/env node
/**
 * The one list of the Debian packages that Nephograph uses, and the way to install them.
 *
 *   node scripts/debian-packages.mjs             installs what the real drivers need
 *   node scripts/debian-packages.mjs --test      and what the tests need beside it
 *   node scripts/debian-packages.mjs --check     only says what is missing; ends with 1 when
 *   something is
 *
 * D1 Needs nothing but Node: it runs before `npm ci`.
 * D2 A host that is not Debian, or a user who is not root, is no failure: the words say what is
 *    missing and the caller decides (the cloud then runs on simulators).
 * D3 Nothing that is installed starts a service: the cloud and its tests run their own processes.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * `test` is what the tests need, the runtime packages included.
 * @typedef {'runtime' | 'test'} PackageKind
 */
/** @typedef {{ name: string, kind: PackageKind, why: string }} DebianPackage */
/**
 * @typedef {object} InstallResult
 * @property {boolean} ok True when nothing is missing at the end.
 * @property {string[]} installed
 * @property {string[]} missing
 * @property {string} [reason] Why something is still missing, in words.
 */

/** @type {readonly DebianPackage[]} */
const debianPackages = [
  { name: 'qemu-system-x86', kind: 'runtime', why: 'the hypervisor that runs the servers' },
  { name: 'qemu-utils', kind: 'runtime', why: 'qemu-img makes the disks of servers and images' },
  { name: 'dnsmasq-base', kind: 'runtime', why: 'answers DHCP and DNS in project networks' },
  { name: 'nftables', kind: 'runtime', why: 'security groups and address translation' },
  { name: 'iproute2', kind: 'runtime', why: 'bridges, tap devices and network namespaces' },
  {
    name: 'mtools',
    kind: 'runtime',
    why: 'writes the FAT disk of the guest image without mounting',
  },
  { name: 'syslinux', kind: 'runtime', why: 'the boot loader of the guest image' },
  { name: 'rabbitmq-server', kind: 'test', why: 'the bus of a cloud in several processes' },
  {
    name: 'qemu-guest-agent',
    kind: 'test',
    why: 'the agent inside guests; tests bring it into one',
  },
  { name: 'chromium', kind: 'test', why: 'the browser that walks the portal' },
  { name: 'fonts-noto-cjk', kind: 'test', why: 'shows the Chinese portal in that browser' },
]

const policyFile = '/usr/sbin/policy-rc.d'
const policyMark = '# Nephograph: temporary, while packages are installed.'
const listsFolder = '/var/lib/apt/lists'
const listsMaxAgeMs = 7 * 24 * 3600_000
const queryTimeoutMs = 30_000
const aptTimeoutMs = 20 * 60_000
const lockTimeoutSeconds = 120
const outputTailLines = 25

/** Why this host cannot install Debian packages, or undefined when it can. */
export function installRefusal() {
  if (!isDebian()) return 'this is not Debian (no /etc/debian_version, or no apt-get)'
  if (process.getuid?.() !== 0) return 'installing Debian packages needs root'
  return undefined
}

function isDebian() {
  return existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get')
}

/**
 * The names of the packages of a kind that are not installed. On a host without dpkg that is all
 * of them.
 * @param {PackageKind} kind
 * @returns {string[]}
 */
export function missingPackages(kind) {
  const names = debianPackages.filter((p) => kind === 'test' || p.kind === kind).map((p) => p.name)
  // dpkg-query ends with 1 when it knows nothing of one of the names, and still answers for the
  // others.
  const query = spawnSync(
    'dpkg-query',
    ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names],
    {
      encoding: 'utf8',
      timeout: queryTimeoutMs,
    },
  )
  const lines = (query.stdout ?? '').split('\n')
  const installed = new Set(
    lines.filter((l) => l.endsWith(' installed')).map((l) => l.split(' ')[0]),
  )
  return names.filter((name) => !installed.has(name))
}

/**
 * Installs what is missing. Never throws for what the host is or has: the result says it (D2).
 * @param {PackageKind} kind
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<InstallResult>}
 */
export async function installPackages(kind, { log = () => {} } = {}) {
  const wanted = missingPackages(kind)
  if (wanted.length === 0) return { ok: true, installed: [], missing: [] }
  const refusal = installRefusal()
  if (refusal) return { ok: false, installed: [], missing: wanted, reason: refusal }
  log(`Debian packages to install: ${wanted.join(' ')}`)
  const releasePolicy = forbidServices()
  /** @type {string | undefined} */
  let reason
  try {
    reason = await updateAndInstall(wanted, log)
  } finally {
    releasePolicy()
  }
  const missing = missingPackages(kind)
  const installed = wanted.filter((name) => !missing.includes(name))
  return missing.length === 0
    ? { ok: true, installed, missing }
    : {
        ok: false,
        installed,
        missing,
        reason: reason ?? 'apt-get ended well but did not install them',
      }
}

/**
 * @param {string[]} names
 * @param {(line: string) => void} log
 * @returns {Promise<string | undefined>} why it failed
 */
async function updateAndInstall(names, log) {
  let updated = listsAreOld()
  if (updated) await update(log)
  const install = ['install', '--yes', '--no-install-recommends', ...names]
  let failure = await aptGet(install, log)
  if (failure && !updated) {
    // The lists may name versions that the mirror has dropped since.
    updated = true
    await update(log)
    failure = await aptGet(install, log)
  }
  return failure
}

/** @param {(line: string) => void} log */
async function update(log) {
  log('Refreshing the package lists')
  const failure = await aptGet(['update'], log)
  // One unreachable source need not matter: the installation tells.
  if (failure) log(failure)
}

function listsAreOld() {
  try {
    return Date.now() - statSync(listsFolder).mtimeMs > listsMaxAgeMs
  } catch {
    return true
  }
}

/**
 * Keeps packages from starting their services (D3). A policy that the host already has is left
 * alone.
 * @returns {() => void} takes the temporary policy away again
 */
function forbidServices() {
  if (existsSync(policyFile) && !readFileSync(policyFile, 'utf8').includes(policyMark)) {
    return () => {}
  }
  const remove = () => rmSync(policyFile, { force: true })
  writeFileSync(policyFile, `#!/bin/sh\n${policyMark}\nexit 101\n`, { mode: 0o755 })
  // apt-get gets the same signal from the terminal and ends by itself; we stay to tidy up after it.
  const stay = () => {}
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stay)
  process.once('exit', remove)
  return () => {
    remove()
    process.off('exit', remove)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stay)
  }
}

/**
 * @param {string[]} args
 * @param {(line: string) => void} log
 * @returns {Promise<string | undefined>} why it failed, with the last lines of its output
 */
function aptGet(args, log) {
  const options = ['-q', '-o', `DPkg::Lock::Timeout=${lockTimeoutSeconds}`]
  const child = spawn('apt-get', [...options, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    timeout: aptTimeoutMs,
  })
  /** @type {string[]} */
  const tail = []
  /** @param {string} chunk */
  const onText = (chunk) => {
    for (const line of chunk.split('\n').filter((l) => l.trim())) {
      if (/^(Setting up|Need to get)/.test(line)) log(`  ${line.trim()}`)
      tail.push(line.trimEnd())
      if (tail.length > outputTailLines) tail.shift()
    }
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onText)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`apt-get could not be started: ${error.message}`))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      resolve(`apt-get ${args[0]} ended with ${signal ?? code}:\n${tail.join('\n')}`)
    })
  })
}

/** @param {string[]} args */
async function main(args) {
  const unknown = args.filter((a) => a !== '--test' && a !== '--check')
  if (unknown.length > 0) {
    console.error(`Unknown option ${unknown.join(' ')}. Options: --test --check`)
    return 2
  }
  const kind = args.includes('--test') ? 'test' : 'runtime'
  if (args.includes('--check')) return check(kind)
  const result = await installPackages(kind, { log: (line) => console.log(line) })
  if (result.ok) {
    console.log(result.installed.length ? 'All Debian packages are there.' : 'Nothing to install.')
    return 0
  }
  console.log(`Not installed: ${result.missing.join(' ')}\nReason: ${result.reason}`)
  // A host that cannot have them is no failure (D2), an installation that broke is one.
  return installRefusal() ? 0 : 1
}

/** @param {PackageKind} kind */
function check(kind) {
  const missing = new Set(missingPackages(kind))
  for (const { name, why } of debianPackages) {
    if (missing.has(name)) console.log(`missing: ${name} (${why})`)
  }
  if (missing.size === 0) console.log('No Debian package is missing.')
  else if (installRefusal()) console.log(`They cannot be installed here: ${installRefusal()}`)
  return missing.size === 0 ? 0 : 1
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2))
}
