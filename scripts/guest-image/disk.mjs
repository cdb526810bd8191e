/**
 * The disk of the guest image: a partition table, a FAT partition with syslinux, kernel and
 * initramfs, and free space in which the guest makes its own second partition at its first boot.
 * Everything is written into a file: nothing is mounted, no loop device is needed, nobody has to
 * be root.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const toolTimeoutMs = 120_000
const sectorBytes = 512
const alignSectors = 2048
const bootStartSector = alignSectors
/** Room on the FAT for kernel, initramfs and syslinux. */
const bootSectors = 28 * 2048
export const stateStartSector = bootStartSector + bootSectors
const virtualSizeBytes = 64 << 20
/** Fixed, so that the same files give the same image. */
const volumeSerial = '4e455048'
const fileTime = '1700000000'
const mbrFiles = [
  '/usr/lib/SYSLINUX/mbr.bin',
  '/usr/lib/syslinux/mbr/mbr.bin',
  '/usr/share/syslinux/mbr.bin',
]
/**
 * The serial port comes last: it is where the guest's /dev/console is, and what the cloud records.
 * Without the kernel's tests of its own ciphers a boot under tcg is a second shorter (3.8 s, 2.8
 * s).
 */
const kernelArguments = 'console=tty0 console=ttyS0,115200n8 cryptomgr.notests'
const config = `DEFAULT guest
PROMPT 0
TIMEOUT 0
LABEL guest
  KERNEL /vmlinuz
  INITRD /initrd.gz
  APPEND ${kernelArguments}
`

/**
 * @param {{ kernel: string, initramfs: Buffer, folder: string, output: string }} parts
 *   `folder` is for what is written on the way; `output` is the qcow2.
 * @returns {Promise<{ virtualSizeBytes: number }>}
 */
export async function buildDisk({ kernel, initramfs, folder, output }) {
  const raw = path.join(folder, 'disk.raw')
  await writeDisk(raw)
  const initrd = path.join(folder, 'initrd.gz')
  const configFile = path.join(folder, 'syslinux.cfg')
  await writeFile(initrd, initramfs)
  await writeFile(configFile, config)
  const offset = bootStartSector * sectorBytes
  const drive = `${raw}@@${offset}`
  const geometry = [
    '-h',
    '64',
    '-s',
    '32',
    '-c',
    '4',
    '-T',
    `${bootSectors}`,
    '-H',
    `${bootStartSector}`,
  ]
  await tool('mformat', ['-i', drive, ...geometry, '-N', volumeSerial, '-v', 'NEPHOGRAPH', '::'])
  await tool('syslinux', ['--offset', `${offset}`, '--install', raw])
  await tool('mcopy', ['-i', drive, kernel, '::/vmlinuz'])
  await tool('mcopy', ['-i', drive, initrd, '::/initrd.gz'])
  await tool('mcopy', ['-i', drive, configFile, '::/syslinux.cfg'])
  await tool('qemu-img', ['convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', raw, output])
  return { virtualSizeBytes }
}

/**
 * An empty disk with boot code and one active partition.
 * @param {string} file
 */
async function writeDisk(file) {
  const mbrFile = mbrFiles.find(existsSync)
  if (!mbrFile)
    throw new Error('syslinux has no mbr.bin on this host: is the package syslinux whole?')
  const mbr = Buffer.alloc(sectorBytes)
  readFileSync(mbrFile).copy(mbr, 0, 0, 440)
  // Active, FAT16 addressed by block numbers; the old cylinder fields say "beyond their range".
  Buffer.from([0x80, 0xfe, 0xff, 0xff, 0x0e, 0xfe, 0xff, 0xff]).copy(mbr, 446)
  mbr.writeUInt32LE(bootStartSector, 454)
  mbr.writeUInt32LE(bootSectors, 458)
  mbr.writeUInt16LE(0xaa55, 510)
  const handle = await open(file, 'w')
  try {
    await handle.truncate(virtualSizeBytes)
    await handle.write(mbr, 0, mbr.length, 0)
  } finally {
    await handle.close()
  }
}

/**
 * @param {string} name
 * @param {string[]} args
 */
async function tool(name, args) {
  const env = {
    ...process.env,
    MTOOLS_SKIP_CHECK: '1',
    SOURCE_DATE_EPOCH: fileTime,
    LC_ALL: 'C.UTF-8',
  }
  try {
    await run(name, args, { timeout: toolTimeoutMs, env })
  } catch (cause) {
    throw new Error(`${name} failed while the disk of the guest image was written`, { cause })
  }
}
