/**
 * A cpio archive in the "newc" form, which the kernel reads as its first file system. Written here
 * rather than by cpio, because an ordinary user may neither make device nodes nor own files as
 * root, and because the same input shall give the same bytes. Format: kernel,
 * Documentation/driver-api/early-userspace/buffer-format.rst
 */

/**
 * @typedef {object} Entry
 * @property {string} path Without a leading slash.
 * @property {'file' | 'folder' | 'link' | 'character'} type
 * @property {number} mode Permission bits.
 * @property {Buffer | string} [data] A file's content, or what a link points to.
 * @property {[number, number]} [device] Major and minor number.
 * @property {number} [uid]
 * @property {number} [gid]
 */

const typeBits = { file: 0o100000, folder: 0o040000, link: 0o120000, character: 0o020000 }

/**
 * @param {Entry[]} entries Folders before what is in them.
 * @returns {Buffer}
 */
export function cpioArchive(entries) {
  const parts = entries.map((entry, index) => record(entry, index + 1))
  parts.push(record({ path: 'TRAILER!!!', type: 'file', mode: 0 }, 0))
  return Buffer.concat(parts)
}

/**
 * @param {Entry} entry
 * @param {number} inode
 */
function record(entry, inode) {
  const data = Buffer.from(entry.data ?? '')
  const name = Buffer.from(`${entry.path}\0`)
  const mode = inode === 0 ? 0 : typeBits[entry.type] | entry.mode
  const links = entry.type === 'folder' ? 2 : 1
  const [major, minor] = entry.device ?? [0, 0]
  const owner = [entry.uid ?? 0, entry.gid ?? 0]
  const fields = [inode, mode, ...owner, links, 0, data.length, 0, 0, major, minor, name.length, 0]
  const header = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(data)])
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}
