/** Starts of the product as a person types them, and what it holds while nobody asks for anything. */
import { execFileSync } from 'node:child_process'
import { makeDataDir, removeDataDir, root, simulated, startProduct } from './product.mjs'
import { createServers, idleStatements, prepareCloud } from './servers.mjs'

const NPM_START = ['npm', 'start', '--silent']
/** A prepared checkout is what is measured. */
const PREPARE = ['scripts/prepare.mjs', '--for', 'start']

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureStart({ settleSeconds }) {
  const dataDir = makeDataDir()
  try {
    execFileSync(process.execPath, PREPARE, { cwd: root, stdio: 'inherit', env: simulated })
    const first = await startProduct(dataDir, NPM_START)
    const empty = await firstServer(first, settleSeconds)
    const second = await startProduct(dataDir, NPM_START)
    await second.stop()
    return [
      {
        measure: 'npm start to ready, new data directory',
        ...{ value: first.readyMs / 1000, unit: 's', peer: 31 },
      },
      {
        measure: 'npm start to the first ACTIVE server, new data directory',
        ...{ value: empty.activeMs / 1000, unit: 's', peer: 42 },
      },
      { measure: 'npm start to ready, again', value: second.readyMs / 1000, unit: 's', peer: 31 },
      {
        measure: 'memory of all processes while idle (PSS)',
        ...{ value: empty.memoryMiB, unit: 'MiB', peer: 3291 },
      },
      { measure: 'processes, npm included', value: empty.processes, unit: '', peer: 42 },
      { measure: 'SQL statements while idle', value: empty.statements, unit: 'in a second' },
      { measure: 'CPU while idle', value: empty.cpuMs, unit: 'ms in a second' },
    ]
  } finally {
    removeDataDir(dataDir)
  }
}

async function firstServer(product, settleSeconds) {
  try {
    const parts = await prepareCloud(product)
    await createServers(product, parts, 1)
    const activeMs = performance.now() - product.began
    const cpuBefore = product.cpuSeconds()
    const statements = await idleStatements(product, settleSeconds)
    const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / settleSeconds
    const memoryMiB = product.memoryMiB()
    return { activeMs, statements, cpuMs, memoryMiB, processes: product.processes() }
  } finally {
    await product.stop()
  }
}
