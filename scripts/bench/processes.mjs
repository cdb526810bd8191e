/** What processes cost, as the kernel counts it. Linux only: it reads /proc. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: the unit of times in /proc/<pid>/stat, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const KIB_PER_MIB = 1024

/** @param {number} pid */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before these fields may hold spaces and brackets.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [user, system, userOfChildren, systemOfChildren] = fields.slice(11, 15).map(Number)
    const ticks = user + system + userOfChildren + systemOfChildren
    return { parent: Number(fields[1]), ticks }
  } catch {
    return null // It has ended meanwhile.
  }
}

/** The process and all below it. @param {number} root */
export function processTree(root) {
  const children = new Map()
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = statOf(Number(name))
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** Seconds of processor that the process, all below it, and those it has seen end have used. */
export function cpuSecondsOf(root) {
  const ticks = processTree(root).map((pid) => statOf(pid)?.ticks ?? 0)
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND
}

/** Memory of the process and all below it; shared pages are counted once (PSS). */
export function memoryMiBOf(root) {
  const kib = processTree(root).map((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return kib.reduce((sum, each) => sum + each, 0) / KIB_PER_MIB
}
