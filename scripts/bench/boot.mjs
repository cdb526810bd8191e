/**
 * From the start of a server to the word `login:` on its serial console, on the real hypervisor,
 * against the very QEMU with the very arguments run by hand beside it.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { until } from './client.mjs'
import { median } from './figures.mjs'
import { makeDataDir, removeDataDir, startProduct } from './product.mjs'

const READY = 'login:'
const LOOK_MS = 20
const BOOT_MS = 120_000
const FLAVOR = 'm1.nano'
const PLAIN = 'ffffffff-0000-7000-8000-000000000000'

const CREATE = `mutation ($input: ServerCreateInput!) {
  serverCreate(input: $input) { server { id } } }`
const START =
  'mutation ($input: ServerActionInput!) { serverStart(input: $input) { server { id } } }'
const OFF =
  'mutation ($input: ServerForceStopInput!) { serverForceStop(input: $input) { server { id } } }'
/** The end of the log: short enough that a new boot soon pushes the prompt of the last one out of it. */
const LOG = 'query ($id: ID!) { server(id: $id) { status taskState consoleLog(lines: 20) } }'

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureBoot({ rounds }) {
  const dataDir = makeDataDir()
  let product
  try {
    product = await startProduct(dataDir, undefined, { ...process.env, NEPHO_DRIVERS: 'linux' })
    return [await boots(product.client, rounds)]
  } finally {
    await product?.stop()
    removeDataDir(dataDir)
  }
}

async function boots(client, rounds) {
  const id = await firstServer(client)
  const { args, cwd } = qemuOf(id)
  const [ours, plain] = [[], []]
  for (let round = 0; round < rounds; round++) {
    await rest(client, id)
    plain.push(await plainBoot(args, cwd))
    const began = performance.now()
    await client.must(START, { input: { id } })
    await waitFor('our guest boots', async () => !(await isReady(client, id)))
    await waitFor('our guest is up', () => isReady(client, id))
    ours.push(performance.now() - began)
  }
  return {
    measure: 'start of the tiny guest, to its login prompt',
    ...{ value: median(ours), unit: 'ms' },
    baseline: { name: 'qemu-system with the same arguments', value: median(plain) },
  }
}

const waitFor = (what, holds) => until(what, holds, { everyMs: LOOK_MS, timeoutMs: BOOT_MS })

async function firstServer(client) {
  const { images, flavors } = await client.must(
    '{ images(first: 50) { nodes { id status } } flavors(first: 50) { nodes { id name } } }',
  )
  const image = images.nodes.find(({ status }) => status === 'ACTIVE')
  if (!image) throw new Error('there is no guest image')
  const flavor = flavors.nodes.find(({ name }) => name === FLAVOR)
  const input = { name: 'boot', flavorId: flavor.id, imageId: image.id }
  const { serverCreate } = await client.must(CREATE, { input })
  const { id } = serverCreate.server
  await waitFor('the first boot', () => isReady(client, id))
  return id
}

async function isReady(client, id) {
  const { server } = await client.must(LOG, { id })
  return (server.consoleLog ?? '').includes(READY)
}

/** Turns it off. */
async function rest(client, id) {
  await client.must(OFF, { input: { id } })
  await waitFor('it is off', async () => {
    const { server } = await client.must(LOG, { id })
    return server.status === 'SHUTOFF' && server.taskState === null
  })
}

/** The command line and the folder of the QEMU that runs a machine. */
function qemuOf(id) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const file = join('/proc', pid, 'cmdline')
    const args = existsSync(file) ? readFileSync(file, 'utf8').split('\0').slice(0, -1) : []
    const at = args.findIndex((arg) => basename(arg).startsWith('qemu-system'))
    if (at >= 0 && args.includes(id)) {
      return { args: args.slice(at), cwd: readlinkSync(join('/proc', pid, 'cwd')) }
    }
  }
  throw new Error('the QEMU of the server is not found')
}

/** Runs it in a copy of its folder, and ends it. The time until its prompt, in milliseconds. */
async function plainBoot([program, ...args], cwd) {
  const folder = join(dirname(dirname(cwd)), PLAIN)
  const run = join(folder, 'run')
  mkdirSync(folder)
  cpSync(cwd, run, { recursive: true, filter: (file) => !file.endsWith('.sock') })
  chmodSync(folder, 0o755)
  const text = join(run, 'plain.log')
  const toFile = args.map((arg) =>
    arg.startsWith('ringbuf,id=console') ? `file,id=console,path=${text}` : arg,
  )
  const began = performance.now()
  const child = spawn(program, toFile, { cwd: run, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    await waitFor('the plain guest is up', async () => {
      if (child.exitCode !== null) throw new Error(`QEMU ended with ${child.exitCode}`)
      return existsSync(text) && readFileSync(text, 'utf8').includes(READY)
    })
    return performance.now() - began
  } finally {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}
