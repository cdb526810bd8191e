/** The memory of a suspended machine: all of it, or the machine goes on. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it, vi } from 'vitest'
import type { MachineSpec } from '../../drivers/compute/driver.ts'
import { qemuProblem } from '../../drivers/compute/qemu/probe.ts'
import { cannotRun, describeNeeds } from '../support/host.ts'
import type { GuestKind } from './boot-disk.ts'
import { codeOf, eventually, machineSpec, never, stateOf } from './compute.contract.ts'
import { QemuHarness } from './qemu-harness.ts'
import { QemuStage } from './qemu-stage.ts'

const execute = promisify(execFile)
/** A busy machine takes its time. */
const TEST_MS = 120_000

vi.setConfig({ testTimeout: TEST_MS })

describeNeeds(await qemuProblem(), 'QEMU: suspended machines', () => {
  const stage = new QemuStage()
  const { harness } = stage

  const folder = (id: string) => join(harness.dir, 'machines', id)
  const suspending = () => {
    const ability = stage.driver.abilities.suspending
    if (!ability) throw new Error('it cannot suspend')
    return ability
  }
  const powerOf = async (id: string) => (await stateOf(stage.driver, id))?.powerState
  const alphabet = 'abcdefghijklmnopqrstuvwxyz'
  /** What the guest counted since its last boot. */
  const printed = async (id: string) =>
    /test guest, counts\s+([a-z]*)$/.exec(await stage.driver.consoleLog(id, 100_000))?.[1] ?? ''
  async function expectNoGap(id: string): Promise<void> {
    const text = await printed(id)
    expect(text).toBe(alphabet.repeat(Math.ceil(text.length / 26)).slice(0, text.length))
  }

  /** Where the letters do not follow each other. */
  const jumps = (text: string): number =>
    Array.from(text).filter((letter, at) => {
      const next = alphabet[(alphabet.indexOf(text[at - 1] ?? 'z') + 1) % alphabet.length]
      return letter !== next
    }).length

  async function run(kind: GuestKind, sizes: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    const spec = await stage.run(kind, sizes)
    const counts = async () => kind !== 'counts' || (await printed(spec.id)).length > 5
    await eventually('the guest counts', counts)
    return spec
  }

  it('goes on at the very letter where it was held still', async () => {
    const spec = await run('counts')
    for (let round = 0; round < 3; round++) {
      await suspending().suspend(spec.id, never)
      expect(harness.pid(spec.id)).toBeUndefined()
      const before = await printed(spec.id)
      await suspending().resume(spec, never)
      await eventually('it counts on', async () => (await printed(spec.id)).length > before.length)
    }
    await expectNoGap(spec.id)
    expect((await readdir(folder(spec.id))).filter((name) => /memory|suspend/.test(name))).toEqual(
      [],
    )
  })

  it('takes up a machine with the sizes that it was started with', async () => {
    const spec = await run('deaf')
    await suspending().suspend(spec.id, never)
    await suspending().resume({ ...spec, vcpus: 4, memoryMiB: 512 }, never)
    expect(await powerOf(spec.id)).toBe('RUNNING')
  })

  it('goes on running when the memory would not fit on the disk', async () => {
    const spec = await run('deaf')
    const booted = join(folder(spec.id), 'booted.json')
    const record = JSON.parse(await readFile(booted, 'utf8'))
    record.machine.memoryMiB = 2 ** 30
    await writeFile(booted, JSON.stringify(record))
    expect(await codeOf(suspending().suspend(spec.id, never))).toBe('NO_SPACE')
    expect(await powerOf(spec.id)).toBe('RUNNING')
  })

  it('goes on running when it is given up, at whatever moment', async () => {
    const spec = await run('counts')
    for (const afterMs of [5, 15, 30, 60, 90]) {
      const giveUp = new AbortController()
      const call = suspending()
        .suspend(spec.id, giveUp.signal)
        .then(
          () => 'SUSPENDED',
          (error: { code: string }) => error.code,
        )
      setTimeout(() => giveUp.abort(), afterMs)
      const outcome = await call
      expect(['SUSPENDED', 'ABORTED']).toContain(outcome)
      expect(await powerOf(spec.id)).toBe(outcome === 'SUSPENDED' ? 'SUSPENDED' : 'RUNNING')
      if (outcome === 'SUSPENDED') await suspending().resume(spec, never)
      else expect(await readdir(folder(spec.id))).not.toContain('memory.partial')
    }
    await expectNoGap(spec.id)
  })

  it('goes on when its agent went away before the memory was whole', async () => {
    const spec = await run('counts')
    const suspend = suspending().suspend(spec.id, never)
    await eventually('it is held still', async () => {
      return (await readdir(folder(spec.id))).includes('memory.partial')
    })
    await stage.driver.close()
    await suspend.catch(() => {})
    // However far it came: the one or the other, and never both.
    stage.driver = harness.open()
    const state = await powerOf(spec.id)
    expect(['RUNNING', 'SUSPENDED']).toContain(state)
    if (state === 'SUSPENDED') await suspending().resume(spec, never)
    const before = (await printed(spec.id)).length
    await eventually('it counts on', async () => (await printed(spec.id)).length > before)
    await expectNoGap(spec.id)
  })

  it('is the one or the other when its agent is killed in the middle', async () => {
    const spec = await run('counts')
    await stage.driver.close()
    const script = join(harness.dir, 'agent.mjs')
    await build({
      stdin: {
        contents: `import { QemuComputeDriver } from './drivers/compute/qemu.ts'
          const driver = new QemuComputeDriver({ dir: ${JSON.stringify(harness.dir)} })
          await driver.abilities.suspending.suspend('${spec.id}', new AbortController().signal)`,
        resolveDir: process.cwd(),
      },
      ...{ bundle: true, platform: 'node', format: 'esm', outfile: script },
    })
    // Who is killed takes with it what it had read of the console and not written yet.
    let kills = 0
    for (const seen of ['suspend.json', 'memory.sock', 'memory.partial', 'memory']) {
      const agent = spawn(process.execPath, [script], { stdio: 'inherit' })
      const ended = once(agent, 'exit')
      try {
        await eventually(seen, async () => {
          return agent.exitCode !== null || (await readdir(folder(spec.id))).includes(seen)
        })
      } finally {
        agent.kill('SIGKILL')
        await ended
      }
      stage.driver = harness.open()
      const state = await powerOf(spec.id)
      expect(['RUNNING', 'SUSPENDED']).toContain(state)
      if (state === 'SUSPENDED') await suspending().resume(spec, never)
      const left = (await readdir(folder(spec.id))).filter((name) => /memory|suspend/.test(name))
      expect(left).toEqual([])
      const before = (await printed(spec.id)).length
      await eventually('it counts on', async () => (await printed(spec.id)).length > before)
      expect(jumps(await printed(spec.id))).toBeLessThanOrEqual(++kills)
      await stage.driver.close()
    }
    stage.driver = harness.open()
  })

  it('goes on when its agent went away after it was held still', async () => {
    const spec = await run('counts')
    await stage.driver.abilities.pausing?.pause(spec.id, never)
    await stage.driver.close()
    const record = { machine: {}, host: {}, ran: true }
    await writeFile(join(folder(spec.id), 'suspend.json'), JSON.stringify(record))
    await writeFile(join(folder(spec.id), 'memory.partial'), 'half of it')
    stage.driver = harness.open()
    expect(await powerOf(spec.id)).toBe('RUNNING')
    expect(await readdir(folder(spec.id))).not.toContain('memory.partial')
  })

  it('is suspended when its agent went away with the memory whole', async () => {
    const spec = await run('counts')
    await suspending().suspend(spec.id, never)
    const kept = await stat(join(folder(spec.id), 'memory'))
    expect(kept.mode & 0o777).toBe(0o600)
    await rm(join(folder(spec.id), 'power.json'))
    await stage.reopen()
    expect(await powerOf(spec.id)).toBe('SUSPENDED')
    await suspending().resume(spec, never)
    expect(await powerOf(spec.id)).toBe('RUNNING')
  })

  it('ends a QEMU whose memory is kept whole already', async () => {
    const spec = await run('deaf')
    await stage.driver.close()
    const record = { machine: {}, host: {}, ran: true }
    await writeFile(join(folder(spec.id), 'suspend.json'), JSON.stringify(record))
    await writeFile(join(folder(spec.id), 'memory'), 'whole')
    stage.driver = harness.open()
    expect(await powerOf(spec.id)).toBe('SUSPENDED')
    expect(harness.pid(spec.id)).toBeUndefined()
  })

  it('stays suspended when its memory does not fit, and can be started anew', async () => {
    const spec = await run('deaf')
    await suspending().suspend(spec.id, never)
    await writeFile(join(folder(spec.id), 'memory'), 'this is no memory')
    expect(await codeOf(suspending().resume(spec, never))).toBe('HYPERVISOR_FAILED')
    expect(await powerOf(spec.id)).toBe('SUSPENDED')
    expect(harness.pid(spec.id)).toBeUndefined()
    await stage.driver.start(spec, never)
    expect(await powerOf(spec.id)).toBe('RUNNING')
  })

  it('goes on running when the disk fills up under its memory', async (context) => {
    const small = new QemuHarness()
    small.dir = join(harness.dir, 'small')
    await mkdir(small.dir)
    const size = ['-t', 'tmpfs', '-o', 'size=4m,mode=711', 'none', small.dir]
    if (!(await mounts(size))) cannotRun(context, 'a small file system cannot be mounted')
    const other = small.open()
    const spec = machineSpec()
    try {
      await other.create(spec, small.image('deaf'), never)
      await other.start(spec, never)
      const folder = join(small.dir, 'machines', spec.id)
      const record = JSON.parse(await readFile(join(folder, 'booted.json'), 'utf8'))
      // A lie, so that the room is not looked at before.
      record.machine.memoryMiB = -64
      await writeFile(join(folder, 'booted.json'), JSON.stringify(record))
      const { bavail, bsize } = await statfs(small.dir)
      await writeFile(join(small.dir, 'filler'), Buffer.alloc(bavail * bsize - 300 * 1024))
      const { suspending: ability } = other.abilities
      expect(await codeOf(ability?.suspend(spec.id, never) ?? Promise.resolve())).toBe('NO_SPACE')
      expect((await stateOf(other, spec.id))?.powerState).toBe('RUNNING')
      expect(await readdir(folder)).not.toContain('memory.partial')
    } finally {
      await rm(join(small.dir, 'filler'), { force: true })
      await other.destroy(spec.id, never)
      await other.close()
      await execute('umount', ['-l', small.dir])
    }
  })
})

async function mounts(args: string[]): Promise<boolean> {
  return execute('mount', args).then(
    () => true,
    () => false,
  )
}
