/**
 * Finds out what QEMU can do on this host, by trying.
 *
 * The trial is a guest of 20 bytes: a boot sector that counts to four million in real mode and then
 * ends its QEMU through the debug-exit device. It needs the firmware, real mode and a disk, which
 * is what a booting guest needs; a program placed at the reset vector does not tell enough.
 * Measured on a nested PVM host, whose KVM emulates real mode step by step and boots no Linux: the
 * reset vector answers in 0.1 s, this guest takes 10 s, and 0.2 s under tcg. Such a KVM does not
 * count as working.
 *
 * The answers are kept in `probe.json` and hold for one boot of the host, one QEMU and one user.
 */
import { chmod, mkdtemp, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { run, ShellError } from '../../shell.ts'
import type { Capability, Inventory } from '../driver.ts'
import { type Accelerator, type QemuHost, trialArguments } from './arguments.ts'
import { readRecord, writeRecord } from './machine-folder.ts'
import { asUser, type QemuUser } from './user.ts'

export const QEMU = 'qemu-system-x86_64'
export const QEMU_IMG = 'qemu-img'
/** `-action` came with QEMU 6.0. */
const QEMU_MAJOR_MIN = 6
/** q35 takes more, but only with an IOMMU that we do not give it. */
const VCPUS_MAX = 255
const VERSION_TIMEOUT_MS = 10_000
const KVM_TRIAL_TIMEOUT_MS = 3_000
const TCG_TRIAL_TIMEOUT_MS = 20_000
const TRIAL_EXIT_CODE = 33
const TRIAL_DISK_BYTES = 1024 * 1024
const GIB = 1024 ** 3

export interface Probe {
  /** What the answers hold for. */
  key: string
  version: string
  accelerator: Accelerator
  /** Why KVM is not used; empty when it is. */
  acceleratorReason: string
  sandbox: boolean
  sandboxReason: string
}

/** Why this host cannot run the driver; null when it can. */
export async function qemuProblem(): Promise<string | null> {
  if (process.platform !== 'linux') return `QEMU needs Linux, and this is ${process.platform}`
  const version = await versionOf(QEMU)
  if (!version) return `${QEMU} is not installed`
  if (Number.parseInt(version, 10) < QEMU_MAJOR_MIN) {
    return `${QEMU} is ${version}, and ${QEMU_MAJOR_MIN}.0 is the oldest that will do`
  }
  if (!(await versionOf(QEMU_IMG))) return `${QEMU_IMG} is not installed`
  if (process.getuid?.() === 0 && !(await versionOf('setpriv'))) {
    return 'setpriv is not installed, and guests must not run as root'
  }
  return null
}

/** Probes once per boot of the host; later calls read the remembered answer. */
export async function probeQemu(dir: string, user: QemuUser | null): Promise<Probe> {
  const version = (await versionOf(QEMU)) ?? 'unknown'
  const key = [await bootId(), version, user?.name ?? 'own user', user?.kvmGid ?? '-'].join(' ')
  const file = join(dir, 'probe.json')
  const remembered = await readRecord<Probe>(file)
  if (remembered?.key === key) return remembered
  const probe = { key, version, ...(await tryAll(user)) }
  await writeRecord(file, probe)
  return probe
}

async function tryAll(user: QemuUser | null): Promise<Omit<Probe, 'key' | 'version'>> {
  const sandboxReason = await trial({ accelerator: 'tcg', sandbox: true }, user)
  const sandbox = sandboxReason === null
  const kvmReason = await kvmProblem(sandbox, user)
  return {
    accelerator: kvmReason === null ? 'kvm' : 'tcg',
    acceleratorReason: kvmReason ?? '',
    sandbox,
    sandboxReason: sandboxReason ?? '',
  }
}

async function kvmProblem(sandbox: boolean, user: QemuUser | null): Promise<string | null> {
  if (process.arch !== 'x64') return `KVM runs no x86_64 guests on ${process.arch}`
  if (!(await stat('/dev/kvm').catch(() => null))) return 'there is no /dev/kvm'
  const reason = await trial({ accelerator: 'kvm', sandbox }, user)
  // Who it was tried as is the cure when the device belongs to another group.
  return reason && user ? `${reason} (as user ${user.name})` : reason
}

/** Boots the tiny guest; null when it ran, otherwise why not, in words. */
export async function trial(
  host: Pick<QemuHost, 'accelerator' | 'sandbox'>,
  user: QemuUser | null,
): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'nephograph-probe-'))
  const timeoutMs = host.accelerator === 'kvm' ? KVM_TRIAL_TIMEOUT_MS : TCG_TRIAL_TIMEOUT_MS
  try {
    await chmod(folder, 0o711)
    await writeFile(join(folder, 'boot.raw'), bootDisk(), { mode: 0o644 })
    const args = trialArguments({ ...host, network: 'isolated' }, 'boot.raw')
    const result = await run(...asUser(user, QEMU, args), { timeoutMs, cwd: folder })
    if (result.exitCode === TRIAL_EXIT_CODE) return null
    const lines = result.stderr.trim().split('\n')
    return (
      lines.at(-1)?.replace(`${QEMU}: `, '') ||
      `the trial guest ended with exit code ${result.exitCode}`
    )
  } catch (error) {
    if (!(error instanceof ShellError)) throw error
    return error.reason === 'TIMEOUT'
      ? `a trial guest did not boot with ${host.accelerator} within ${timeoutMs / 1000} s`
      : error.message
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A disk whose boot sector counts down in real mode and then writes 0x10 to port 0x501. */
function bootDisk(): Buffer {
  const disk = Buffer.alloc(TRIAL_DISK_BYTES)
  const program = [
    ...[0x66, 0xb9, 0x00, 0x00, 0x40, 0x00], // mov ecx, 4 Mi
    ...[0x67, 0xe2, 0xfd], // loop on ecx, to itself
    ...[0xba, 0x01, 0x05, 0xb0, 0x10, 0xee], // mov dx, 0x501; mov al, 0x10; out dx, al
    ...[0xf4, 0xeb, 0xfd], // hlt, for ever
  ]
  disk.set(program)
  disk.set([0x55, 0xaa], 510)
  return disk
}

export async function qemuCapabilities(
  dir: string,
  probe: Probe,
  host: QemuHost,
  user: QemuUser | null,
): Promise<Capability[]> {
  const disk = await statfs(dir)
  const facts: [string, string][] = [
    ['hypervisor', 'qemu'],
    ['hypervisorVersion', probe.version],
    ['accelerator', probe.accelerator],
    ['acceleratorReason', probe.acceleratorReason],
    ['architecture', 'x86_64'],
    ['kernel', release()],
    ['vcpusMax', String(VCPUS_MAX)],
    ['sandbox', probe.sandbox ? 'on' : `off: ${probe.sandboxReason}`],
    ['guestsRunAs', user?.name ?? `uid ${process.getuid?.() ?? 'unknown'}, as the agent does`],
    ['network', `user, ${host.network}`],
    ['configDrive', (await versionOf('mformat')) ? 'vfat' : 'off: mtools is not installed'],
    ['diskFreeGiB', String(Math.floor((disk.bavail * disk.bsize) / GIB))],
  ]
  return facts.filter(([, value]) => value !== '').map(([name, value]) => ({ name, value }))
}

/** All processors, all memory, and the whole file system that the machines lie on. */
export async function hostInventory(dir: string): Promise<Inventory> {
  const disk = await statfs(dir)
  return {
    vcpus: availableParallelism(),
    memoryMiB: Math.floor(totalmem() / 1024 ** 2),
    diskGiB: Math.floor((disk.blocks * disk.bsize) / GIB),
  }
}

/** Changes with every boot of the host. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}

async function versionOf(command: string): Promise<string | null> {
  try {
    const result = await run(command, ['--version'], { timeoutMs: VERSION_TIMEOUT_MS })
    const version = /\d+\.\d+(\.\d+)?/.exec(result.stdout)?.[0]
    return result.exitCode === 0 ? (version ?? 'unknown') : null
  } catch (error) {
    if (error instanceof ShellError && error.reason !== 'ABORTED') return null
    throw error
  }
}
