/**
 * The kernel modules of the guest. Which module needs which other ones, and which devices it
 * serves, is told by each module's own `.modinfo`; the tables that modprobe reads are made from
 * that, for the few modules of the image only.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * What a server on QEMU can have, plus what a config drive needs. The rest is built into the
 * kernel.
 */
const wanted = [
  ...['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_scsi', 'virtio_rng', 'virtio_balloon'],
  ...['virtio_console', 'ata_piix', 'sd_mod', 'sr_mod', 'isofs', 'vfat', 'nls_cp437', 'nls_ascii'],
  ...['nls_utf8', 'nls_iso8859_1', 'evdev', 'button', 'pvpanic_pci'],
]

/**
 * @typedef {object} Module
 * @property {string} name With underscores, as the kernel spells it.
 * @property {string} file
 * @property {Buffer} data
 * @property {string[]} depends
 * @property {string[]} aliases
 */

/**
 * @param {string} folder `/lib/modules/<release>` in the unpacked kernel package.
 * @returns {Module[]}
 */
export function collectModules(folder) {
  const files = new Map()
  for (const file of readdirSync(folder, { recursive: true })) {
    const found = /([^/]+)\.ko$/.exec(String(file))
    if (found?.[1]) files.set(found[1].replaceAll('-', '_'), path.join(folder, String(file)))
  }
  /** @type {Map<string, Module>} */
  const modules = new Map()
  const queue = [...wanted]
  for (let name = queue.shift(); name; name = queue.shift()) {
    const file = files.get(name)
    // A kernel that has it built in has no file for it.
    if (!file || modules.has(name)) continue
    const data = readFileSync(file)
    const info = moduleInfo(data)
    const depends = (info.get('depends') ?? []).flatMap((d) => d.split(',')).filter(Boolean)
    const needed = depends.map((d) => d.replaceAll('-', '_'))
    modules.set(name, {
      name,
      file: path.basename(file),
      data,
      depends: needed,
      aliases: info.get('alias') ?? [],
    })
    queue.push(...needed)
  }
  if (!modules.has('virtio_blk'))
    throw new Error(`no module virtio_blk in ${path.basename(folder)}`)
  return [...modules.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The `key=value` strings of a module. They are found by their form, not through the section table:
 * no other text in a module looks like one of these two keys between zero bytes.
 * @param {Buffer} data
 */
function moduleInfo(data) {
  /** @type {Map<string, string[]>} */
  const info = new Map()
  for (const [, key, value] of data
    .toString('latin1')
    .matchAll(/\0(depends|alias)=([^\0]*)(?=\0)/g)) {
    if (key && value) info.set(key, [...(info.get(key) ?? []), value])
  }
  return info
}

/** @param {Module[]} modules */
export function modulesDep(modules) {
  const byName = new Map(modules.map((m) => [m.name, m]))
  return modules.map((m) => `${m.file}: ${allNeeded(m, byName).join(' ')}\n`).join('')
}

/**
 * @param {Module} module
 * @param {Map<string, Module>} byName
 * @returns {string[]} files in the order in which modprobe takes them away, which is the reverse
 *   of loading
 */
function allNeeded(module, byName) {
  const files = new Set()
  const queue = [...module.depends]
  for (let name = queue.shift(); name; name = queue.shift()) {
    const needed = byName.get(name)
    if (!needed) continue
    // Deeper ones move to the end: they are loaded first.
    files.delete(needed.file)
    files.add(needed.file)
    queue.push(...needed.depends)
  }
  return [...files]
}

/** @param {Module[]} modules */
export function modulesAlias(modules) {
  return modules.flatMap((m) => m.aliases.map((a) => `alias ${a} ${m.name}\n`)).join('')
}
