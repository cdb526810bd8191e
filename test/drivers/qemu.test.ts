/** What only a real hypervisor can get wrong: processes, sockets, image files, a full disk. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Pausing } from '../../drivers/compute/abilities.ts'
import type { ImageSource, Machine, MachineSpec } from '../../drivers/compute/driver.ts'
import { trial } from '../../drivers/compute/qemu/probe.ts'
import { findMachineProcesses } from '../../drivers/compute/qemu/process.ts'
import { QmpClient } from '../../drivers/compute/qemu/qmp.ts'
import type { QemuComputeDriver } from '../../drivers/compute/qemu.ts'
import { computeDriverProblem } from '../../drivers/compute/registry.ts'
import { cannotRun, describeNeeds } from '../support/host.ts'
import { bootDisk, type GuestKind, imageOf } from './boot-disk.ts'
import {
  codeOf,
  eventually,
  forced,
  graceful,
  machineSpec,
  never,
  stateOf,
} from './compute.contract.ts'
import { realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuHarness } from './qemu-harness.ts'

const execute = promisify(execFile)
const MIB = 1024 * 1024
const PRESS_AGAIN_MS = 1_000
/** In what time whoever asked for an image waits for its bytes. */
const JOIN_MS = 500

describeNeeds(await computeDriverProblem('qemu'), 'QEMU', () => {
  const harness = new QemuHarness()
  let driver: QemuComputeDriver
  let made: string[] = []

  beforeAll(async () => {
    await harness.setUp()
    driver = harness.open()
  })
  afterEach(async () => {
    for (const id of made) await driver.destroy(id, never)
    made = []
    for (const name of await cached()) await rm(join(harness.dir, '_base', name))
  })
  afterAll(async () => {
    await driver?.close()
    await harness.tearDown()
  })

  function fresh(): MachineSpec {
    const spec = machineSpec()
    made.push(spec.id)
    return spec
  }

  async function run(kind: GuestKind): Promise<MachineSpec> {
    const spec = fresh()
    await driver.create(spec, harness.image(kind), never)
    await driver.start(spec, never)
    return spec
  }

  const cached = () => readdir(join(harness.dir, '_base')).catch(() => [])
  const fileOf = (id: string, name: string) => join(harness.dir, 'machines', id, name)

  /** Makes the guest power itself off while no driver is there to see it. */
  async function pressPowerButton(id: string): Promise<void> {
    const folder = await open(fileOf(id, 'run'))
    const path = `/proc/self/fd/${folder.fd}/qmp.sock`
    const qmp = await QmpClient.connect(path, { timeoutMs: 5_000 })
    const off = new Promise<void>((resolve) => {
      qmp.onEvent = ({ event }) => event === 'SHUTDOWN' && resolve()
    })
    // A guest says that it listens a moment before it does.
    const press = () => void qmp.execute('system_powerdown').catch(() => {})
    const pressing = setInterval(press, PRESS_AGAIN_MS)
    press()
    await off
    clearInterval(pressing)
    qmp.close()
    await folder.close()
  }

  it('that was sent away and may run there goes on here by a start only', async () => {
    const spec = await run('deaf')
    const { id } = spec
    const pausing = driver.abilities.pausing as Pausing
    await pausing.pause(id, never)
    // What a send leaves whose last word was not answered.
    const reason = 'nobody has said that it runs on the other host'
    await writeFile(fileOf(id, 'power.json'), JSON.stringify({ powerState: 'PAUSED', reason }))
    await expect(pausing.unpause(id, never)).rejects.toMatchObject({ code: 'REFUSED' })
    expect((await stateOf(driver, id))?.powerState).toBe('PAUSED')
    await driver.start(spec, never)
    expect((await stateOf(driver, id))?.powerState).toBe('RUNNING')
    await pausing.pause(id, never)
    await pausing.unpause(id, never)
    expect((await stateOf(driver, id))?.powerState).toBe('RUNNING')
  })

  it.each(['null', '{"event":"SHUTDOWN","data":{"reason":{"toString":1}}}'])(
    'that says %s loses its control connection, and ends nothing else',
    async (line) => {
      const folder = await mkdtemp(join(tmpdir(), 'nephograph-qmp-'))
      const server = createServer((socket) => {
        socket.write('{"QMP":{}}\n')
        socket.once('data', () => {
          socket.write('{"return":{},"id":1}\n')
          socket.once('data', () => socket.write(`${line}\n`))
        })
        socket.on('error', () => {})
      })
      try {
        server.listen(join(folder, 'qmp'))
        await once(server, 'listening')
        const qmp = await QmpClient.connect(join(folder, 'qmp'), { timeoutMs: 5_000 })
        qmp.onEvent = ({ data }) => void String(data?.['reason'])
        await expect(qmp.execute('query-status')).rejects.toMatchObject({
          code: 'HYPERVISOR_FAILED',
        })
        expect(qmp.connected).toBe(false)
      } finally {
        server.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
  )

  /** An image whose bytes come when `release` is called. */
  function slowImage(): { image: ImageSource; fetched: () => number; release: () => void } {
    const bytes = bootDisk('deaf')
    let fetched = 0
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const fetch = async () => {
      fetched++
      return Readable.from(
        (async function* () {
          yield bytes.subarray(0, 1000)
          await gate
          yield bytes.subarray(1000)
        })(),
        { objectMode: false },
      )
    }
    return { image: imageOf(bytes, { fetch }), fetched: () => fetched, release }
  }

  it('refuses an image that is not what it should be, and keeps none of it', async () => {
    const bytes = bootDisk('deaf')
    const wrong: [string, Partial<ImageSource>][] = [
      ['IMAGE_INVALID', { checksum: 'ab'.repeat(64) }],
      ['IMAGE_INVALID', { checksum: '../../etc/passwd' }],
      ['IMAGE_INVALID', { sizeBytes: bytes.length - 1 }],
      ['IMAGE_INVALID', { format: 'qcow2' }],
      ['IMAGE_UNAVAILABLE', { sizeBytes: bytes.length + 1 }],
      ['IMAGE_UNAVAILABLE', { fetch: () => Promise.reject(new Error('404')) }],
      ['NO_SPACE', { sizeBytes: 2 ** 60 }],
    ]
    for (const [code, overrides] of wrong) {
      const image = imageOf(bytes, overrides)
      expect(await codeOf(driver.create(fresh(), image, never))).toBe(code)
      expect(await cached()).toEqual([])
    }
  })

  it('refuses a qcow2 that reaches for other files, or that QEMU cannot open', async () => {
    const path = join(harness.dir, 'evil.qcow2')
    await execute('qemu-img', ['create', '-q', '-f', 'qcow2', path, '1M'])
    const sound = await readFile(path)
    const qcow2 = (change: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(sound)
      change(bytes)
      return imageOf(bytes, { format: 'qcow2', virtualSizeBytes: MIB })
    }
    const evil = [
      qcow2((bytes) => bytes.writeBigUInt64BE(512n, 8)),
      qcow2((bytes) => bytes.writeBigUInt64BE(4n, 72)),
      qcow2((bytes) => bytes.writeBigUInt64BE(BigInt(2 * MIB), 24)),
      qcow2((bytes) => bytes.writeUInt32BE(0x7fffffff, 36)),
    ]
    for (const image of evil) {
      expect(await codeOf(driver.create(fresh(), image, never))).toBe('IMAGE_INVALID')
    }
    const spec = { ...fresh(), diskGiB: 1 }
    const image = qcow2(() => {})
    await driver.create(spec, image, never)
    await driver.start(spec, never)
    const disk = (await readFile(fileOf(spec.id, 'run/disk.qcow2'))).readBigUInt64BE(24)
    expect(disk).toBe(BigInt(1024 * MIB))
    const base = await stat(join(harness.dir, '_base', image.checksum))
    expect(base.mode & 0o222).toBe(0)
  })

  it('fetches an image once for all who want it at the same time', async () => {
    const { image, fetched, release } = slowImage()
    const specs = [fresh(), fresh(), fresh()]
    const first = new AbortController()
    const creates = specs.map((spec, n) =>
      driver.create(spec, image, n === 0 ? first.signal : never).then(
        () => 'made',
        (error: { code: string }) => error.code,
      ),
    )
    await eventually('the fetch begins', async () => (await cached()).length === 1)
    // Nothing tells that the others wait for it, too.
    await pause(JOIN_MS)
    first.abort()
    expect(await creates[0]).toBe('ABORTED')
    release()
    expect(await Promise.all(creates)).toEqual(['ABORTED', 'made', 'made'])
    expect(fetched()).toBe(1)
    expect(await cached()).toEqual([image.checksum])
  })

  it('gives up a fetch that nobody waits for any more, and takes on from it (C5)', async () => {
    const { image } = slowImage()
    const spec = fresh()
    const giveUp = new AbortController()
    const creating = codeOf(driver.create(spec, image, giveUp.signal))
    await eventually('the fetch begins', async () => (await cached()).length === 1)
    giveUp.abort()
    expect(await creating).toBe('ABORTED')
    await eventually('the partial file goes', async () => (await cached()).length === 0)
    expect(await stateOf(driver, spec.id)).toMatchObject({ powerState: 'SHUTDOWN' })
    await driver.create(spec, harness.image('deaf'), never)
    await driver.start(spec, never)
    await driver.destroy(spec.id, never)
    expect(await harness.traces(spec.id)).toEqual([])
  })

  it('ends a QEMU that is stopped and never answers', async () => {
    const hung = await run('deaf')
    const doomed = await run('deaf')
    harness.signal(hung.id, 'SIGSTOP')
    harness.signal(doomed.id, 'SIGSTOP')
    await driver.close()
    driver = harness.open()
    expect(await stateOf(driver, hung.id)).toMatchObject({
      powerState: 'RUNNING',
      reason: 'QEMU does not answer',
    })
    await Promise.all([driver.stop(hung.id, graceful, never), driver.destroy(doomed.id, never)])
    expect(await stateOf(driver, hung.id)).toMatchObject({ powerState: 'SHUTDOWN' })
    expect(harness.pid(hung.id)).toBeUndefined()
    expect(await harness.traces(doomed.id)).toEqual([])
    await driver.start(hung, never)
  })

  it('learns what happened to its machines while it was away', async () => {
    const off = await run('obedient')
    const killed = await run('deaf')
    const panicked = await run('panics')
    await eventually('the guest panics', async () => {
      return (await stateOf(driver, panicked.id))?.reason === 'guest panicked'
    })
    await eventually('the guest listens', async () => {
      return (await driver.consoleLog(off.id, 100)).includes('obedient')
    })
    await driver.close()
    harness.signal(killed.id, 'SIGKILL')
    await eventually('QEMU is gone', () => harness.pid(killed.id) === undefined)
    await pressPowerButton(off.id)
    const unlucky = fresh()
    driver = harness.open()
    await driver.create(unlucky, harness.image('deaf'), never)
    const power = { powerState: 'RUNNING', bootId: 'an earlier boot of the host' }
    await writeFile(fileOf(unlucky.id, 'power.json'), JSON.stringify(power))
    expect(await stateOf(driver, unlucky.id)).toMatchObject({
      powerState: 'CRASHED',
      reason: 'the host restarted',
    })
    expect(await stateOf(driver, killed.id)).toMatchObject({ powerState: 'CRASHED' })
    expect(await stateOf(driver, panicked.id)).toMatchObject({
      powerState: 'CRASHED',
      reason: 'guest panicked',
    })
    expect(await stateOf(driver, off.id)).toMatchObject({
      powerState: 'SHUTDOWN',
      reason: 'guest shut down',
    })
    await eventually('its QEMU goes too', () => harness.pid(off.id) === undefined)
    await driver.start(off, never)
  })

  it('bounds the console of a guest that prints for ever', async () => {
    const spec = await run('chatters')
    await writeFile(fileOf(spec.id, 'console.log'), Buffer.alloc(MIB - 100, 'x'))
    await eventually('the log turns over', async () => {
      await driver.consoleLog(spec.id, 1)
      return (await readdir(fileOf(spec.id, ''))).includes('console.log.1')
    })
    for (let round = 0; round < 20; round++) await driver.consoleLog(spec.id, 1)
    const text = await driver.consoleLog(spec.id, 1_000_000)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MIB)
    expect(text).toContain('nephograph test guest, chatters')
    for (const name of ['console.log', 'console.log.1']) {
      expect((await stat(fileOf(spec.id, name))).size).toBeLessThanOrEqual(MIB)
    }
  })

  it('runs guests confined: no root, no new privileges, a system call filter', async () => {
    const spec = await run('deaf')
    const pid = harness.pid(spec.id)
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    expect(status).toMatch(/Seccomp:\t2/)
    if (process.getuid?.() === 0) {
      expect(status).not.toMatch(/Uid:\t0/)
      expect(status).toMatch(/NoNewPrivs:\t1/)
      expect(status).toMatch(/CapEff:\t0000000000000000/)
    }
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0')
    const names = environment.filter(Boolean).map((entry) => entry.split('=')[0])
    expect(names.sort()).toEqual(['LC_ALL', 'PATH'])
  })

  it('says why a QEMU does not start', async () => {
    const spec = fresh()
    await driver.create(spec, harness.image('deaf'), never)
    const greedy = { ...spec, vcpus: 100_000 }
    await expect(driver.start(greedy, never)).rejects.toMatchObject({
      code: 'HYPERVISOR_FAILED',
      message: expect.stringMatching(/cpu/i),
    })
    expect(harness.pid(spec.id)).toBeUndefined()
    await driver.start(spec, never)
  })

  it('takes no machine that is being started for one that crashed', async () => {
    const spec = fresh()
    await driver.create(spec, harness.image('deaf'), never)
    const seen = new Set<string | undefined>()
    const start = driver.start(spec, never).then(() => 'started')
    const look = async () => seen.add((await stateOf(driver, spec.id))?.powerState) && null
    while ((await Promise.race([start, look()])) === null);
    expect(seen.has('SHUTDOWN')).toBe(true)
    expect(seen.has('CRASHED')).toBe(false)
  })

  it('leaves no process when a start is aborted, at whatever moment (C5)', async () => {
    const spec = fresh()
    await driver.create(spec, harness.image('deaf'), never)
    for (const afterMs of [0, 5, 20, 40]) {
      const giveUp = new AbortController()
      const starting = driver.start(spec, giveUp.signal).then(
        () => 'STARTED',
        (error: { code: string }) => error.code,
      )
      setTimeout(() => giveUp.abort(), afterMs)
      const outcome = await starting
      expect(['STARTED', 'ABORTED']).toContain(outcome)
      expect(harness.pid(spec.id) !== undefined).toBe(outcome === 'STARTED')
      await driver.stop(spec.id, forced, never)
    }
    await driver.start(spec, never)
  })

  it('leaves its machines alone when it is closed in the middle of a stop', async () => {
    const spec = await run('deaf')
    const stopping = codeOf(driver.stop(spec.id, graceful, never))
    setTimeout(() => void driver.close(), 100)
    expect(await stopping).toBe('ABORTED')
    driver = harness.open()
    expect(await stateOf(driver, spec.id)).toMatchObject({ powerState: 'RUNNING' })
  })

  it('remembers the probe, and uses only an accelerator that boots a guest', async () => {
    const facts = Object.fromEntries((await driver.capabilities()).map((c) => [c.name, c.value]))
    expect(['kvm', 'tcg']).toContain(facts.accelerator)
    expect(facts.accelerator === 'kvm').toBe(facts.acceleratorReason === undefined)
    const remembered = join(harness.dir, 'probe.json')
    const before = await stat(remembered)
    await harness.open().capabilities()
    expect((await stat(remembered)).mtimeMs).toBe(before.mtimeMs)
    expect(await trial({ accelerator: 'tcg', sandbox: true }, null)).toBeNull()
  })

  it('outlives a process that is killed while its machine runs (C4)', async () => {
    const spec = fresh()
    const script = join(harness.dir, 'agent.mjs')
    await build({
      entryPoints: ['drivers/compute/qemu.ts'],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(harness.dir, 'qemu.mjs'),
    })
    await driver.create(spec, harness.image('deaf'), never)
    await driver.close()
    await writeFile(
      script,
      `import { QemuComputeDriver } from './qemu.mjs'
       const driver = new QemuComputeDriver({ dir: ${JSON.stringify(harness.dir)} })
       await driver.start(${JSON.stringify(spec)}, new AbortController().signal)
       console.log('started')`,
    )
    const agent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(agent.stdout, 'data')
    } finally {
      agent.kill('SIGKILL')
      await once(agent, 'exit')
    }
    const pid = harness.pid(spec.id)
    driver = harness.open()
    expect(await stateOf(driver, spec.id)).toEqual({ id: spec.id, powerState: 'RUNNING' })
    expect(harness.pid(spec.id)).toBe(pid)
    const heard: Machine[] = []
    driver.watch((machine) => heard.push(machine))
    harness.signal(spec.id, 'SIGKILL')
    await eventually('its end is seen', () => heard.length === 1)
    expect(heard[0]).toMatchObject({ id: spec.id, powerState: 'CRASHED' })
  })

  describe('on a small disk', () => {
    const small = new QemuHarness()
    let mounted = false
    const fill = () => execute('sh', ['-c', 'cat /dev/zero > "$0/filler" || true', small.dir])
    const free = () => rm(join(small.dir, 'filler'), { force: true })

    beforeAll(async () => {
      small.dir = join(harness.dir, 'small')
      await mkdir(small.dir)
      const size = ['-t', 'tmpfs', '-o', 'size=4m,mode=711', 'none', small.dir]
      mounted = await execute('mount', size).then(
        () => true,
        () => false,
      )
    })
    afterAll(async () => {
      for (const pid of findMachineProcesses(join(small.dir, 'machines')).values()) {
        process.kill(pid, 'SIGKILL')
      }
      if (mounted) await execute('umount', ['-l', small.dir])
    })

    it('makes room in the image cache, and says so when there is none', async (context) => {
      if (!mounted) cannotRun(context, 'a small file system cannot be mounted')
      const other = small.open()
      try {
        const kinds: GuestKind[] = ['deaf', 'obedient', 'panics', 'chatters']
        for (const kind of kinds) {
          const spec = machineSpec()
          await other.create(spec, small.image(kind), never)
          await other.destroy(spec.id, never)
        }
        const kept = await readdir(join(small.dir, '_base'))
        expect(kept).toContain(small.image('chatters').checksum)
        expect(kept).not.toContain(small.image('deaf').checksum)
        await fill()
        const spec = machineSpec()
        expect(await codeOf(other.create(spec, small.image('chatters'), never))).toBe('NO_SPACE')
        await free()
        await other.create(spec, small.image('chatters'), never)
        await other.start(spec, never)
        await fill()
        await other.stop(spec.id, forced, never)
        await fill()
        expect(await codeOf(other.start(spec, never))).toBe('NO_SPACE')
        expect(small.pid(spec.id)).toBeUndefined()
        await other.destroy(spec.id, never)
      } finally {
        await free()
        await other.close()
      }
    })

    it('pauses a guest whose disk cannot grow, and lets it go on', async (context) => {
      if (!mounted) cannotRun(context, 'a small file system cannot be mounted')
      const other = small.open()
      const heard: Machine[] = []
      other.watch((machine) => heard.push(machine))
      const spec = { ...machineSpec(), diskGiB: 1 }
      const { id } = spec
      try {
        await other.create(spec, small.image('writes'), never)
        await other.start(spec, never)
        await fill()
        await eventually('the guest is paused', () => heard.length > 0)
        const paused = { id, powerState: 'PAUSED', reason: "the host's disk is full" }
        expect(heard[0]).toEqual(paused)
        // It is let go now and then, to see whether there is room.
        await expect.poll(() => stateOf(other, id), { timeout: 10_000 }).toEqual(paused)
        await free()
        // It goes on writing, and may have filled the disk again before anybody looks.
        const { bavail: room } = await statfs(small.dir)
        const wentOn = async () => {
          await other.start(spec, never)
          const state = await stateOf(other, id)
          return state?.powerState === 'RUNNING' || (await statfs(small.dir)).bavail < room
        }
        await expect.poll(wentOn, { timeout: 10_000 }).toBe(true)
        await other.destroy(id, never)
      } finally {
        await free()
        await other.close()
      }
    })
  })
})

describeNeeds(await realGuestProblem(), 'a real guest', () => {
  const harness = new QemuHarness()
  let driver: QemuComputeDriver

  beforeAll(async () => {
    await harness.setUp()
    driver = harness.open()
  })
  afterAll(async () => {
    await driver?.close()
    await harness.tearDown()
  })

  it('boots, and shuts down when it is asked', { timeout: 120_000 }, async () => {
    const spec = { ...machineSpec(), memoryMiB: 256, diskGiB: 1 }
    await driver.create(spec, await realGuestImage(), never)
    await driver.start(spec, never)
    const booted = async () => (await driver.consoleLog(spec.id, 1000)).includes('login:')
    await eventually('the guest is up', booted, 60_000)
    await driver.stop(spec.id, { mode: 'graceful', timeoutMs: 60_000 }, never)
    expect(await stateOf(driver, spec.id)).toEqual({
      id: spec.id,
      powerState: 'SHUTDOWN',
      reason: 'guest shut down',
    })
    expect(await driver.consoleLog(spec.id, 1000)).toContain('Linux version')
  })
})
