/**
 * The disks of a machine on QEMU's command line and on that of qemu-img.
 *
 * The boot disk comes first and takes the first free PCI slot; what may come and go sits in slots
 * of its own, so that nothing else of the machine moves when it does (a guest names its network card
 * by the slot).
 *
 * B1 The backing chain is written here and not taken from the images: a base has none. So what a
 *    broken QEMU writes into the header of its disk opens no other file.
 */
export const DISK_FILE = 'disk.qcow2'
export const RESCUE_DISK_FILE = 'rescue.qcow2'
/** The root disk as it was before it was resized. */
export const KEPT_DISK_FILE = 'kept.qcow2'
/** A copy of the root disk that is on its way out. */
export const EXPORTED_DISK_FILE = 'export.qcow2'
/** The root disk of a machine that is on its way in, while it runs elsewhere. */
export const INCOMING_DISK_FILE = 'incoming.qcow2'
/** Beside the run folder: QEMU's user reads it and can't replace it. */
export const CONFIG_DRIVE_FILE = 'config-drive.img'
/** From the folder of a machine's QEMU to the image cache. */
export const BASE_PATH = '../../../_base'
/** On q35's root bus; slots below are given out in the order of the command line. */
const ROOT_IN_RESCUE_SLOT = '0x10'
const CONFIG_DRIVE_SLOT = '0x11'

/** An image in the cache. */
export interface BaseImage {
  checksum: string
  format: 'qcow2' | 'raw'
}

export interface QemuDisks {
  /** What the root disk stands on; null when it stands alone. */
  base: BaseImage | null
  /** The file of the root disk, where it has not got its name yet. */
  rootFile?: string
  /** What the rescue disk stands on, when the machine boots from that. */
  rescueBase?: BaseImage
  /** There is a config drive. */
  configDrive?: boolean
}

type BlockNode = Record<string, unknown>

/** The root disk is the node `root` and the rescue disk `rescue`; `disk0` is the one that boots. */
export function diskArguments({ base, rootFile, rescueBase, configDrive }: QemuDisks): string[] {
  const file = rootFile ?? DISK_FILE
  const root = [...baseNodes('base', base), ...overlayNodes('root', file, 'base', base)]
  const rescue = rescueBase && [
    ...baseNodes('rescue-base', rescueBase),
    ...overlayNodes('rescue', RESCUE_DISK_FILE, 'rescue-base', rescueBase),
  ]
  return [
    ...[...root, ...(rescue ?? []), ...(configDrive ? configDriveNodes() : [])].flatMap(block),
    ...['-device', `virtio-blk-pci,drive=${rescue ? 'rescue' : 'root'},id=disk0,bootindex=0`],
    ...(rescue ? disk('root', 'root-disk', ROOT_IN_RESCUE_SLOT) : []),
    ...(configDrive ? disk('config', 'config-drive', CONFIG_DRIVE_SLOT) : []),
  ]
}

export function block(node: BlockNode): string[] {
  return ['-blockdev', JSON.stringify(node)]
}

/** A disk with its whole chain, as one file name for qemu-img. */
export function nestedDisk(file: string, base: BaseImage | null): string {
  const read = (filename: string) => ({ driver: 'file', filename })
  const backing = base && {
    driver: base.format,
    file: read(`${BASE_PATH}/${base.checksum}`),
    'read-only': true,
    ...(base.format === 'qcow2' ? { backing: null } : {}),
  }
  return `json:${JSON.stringify({ driver: 'qcow2', file: read(file), backing })}`
}

function overlayNodes(
  name: string,
  filename: string,
  baseName: string,
  base: BaseImage | null,
): BlockNode[] {
  const discard = 'unmap'
  const file = `${name}-file`
  return [
    { 'node-name': file, driver: 'file', filename, discard },
    { 'node-name': name, driver: 'qcow2', file, backing: base ? baseName : null, discard },
  ]
}

function baseNodes(name: string, base: BaseImage | null): BlockNode[] {
  if (!base) return []
  const { checksum, format } = base
  const file = `${name}-file`
  const readOnly = { 'read-only': true }
  const filename = `${BASE_PATH}/${checksum}`
  return [
    { 'node-name': file, driver: 'file', filename, ...readOnly },
    {
      'node-name': name,
      driver: format,
      file,
      ...readOnly,
      ...(format === 'qcow2' ? { backing: null } : {}),
    },
  ]
}

function configDriveNodes(): BlockNode[] {
  const readOnly = { 'read-only': true }
  const filename = `../${CONFIG_DRIVE_FILE}`
  return [
    { 'node-name': 'config-file', driver: 'file', filename, ...readOnly },
    { 'node-name': 'config', driver: 'raw', file: 'config-file', ...readOnly },
  ]
}

function disk(node: string, id: string, slot: string): string[] {
  return ['-device', `virtio-blk-pci,drive=${node},id=${id},addr=${slot}`]
}
