/** A guest with an operating system moves between two hosts while it counts and writes. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LiveMigrating, MigrationProgress } from '../../drivers/compute/abilities.ts'
import type { ComputeDriver } from '../../drivers/compute/driver.ts'
import { describeNeeds } from '../support/host.ts'
import { abilitiesLink } from './abilities-link.ts'
import { eventually, machineSpec, never, stateOf } from './compute.contract.ts'
import { booted, GUEST_SIZES, GuestShell, realGuestImage, realGuestProblem } from './guest-shell.ts'
import { QemuHarness } from './qemu-harness.ts'

const WAIT_MS = 120_000

function numbers(text: string): number[] {
  return [...text.matchAll(/^N(\d+)\r?$/gm)].map(([, n]) => Number(n))
}

describeNeeds(await realGuestProblem(), 'a real guest that is moved', () => {
  const hosts = [new QemuHarness(), new QemuHarness()] as const
  let drivers: ComputeDriver[] = []
  const ability = (n: number) => drivers[n]?.abilities.liveMigration as LiveMigrating

  beforeAll(async () => {
    for (const host of hosts) await host.setUp()
    drivers = hosts.map((host) => host.open())
  })
  afterAll(async () => {
    for (const driver of drivers) await driver.close()
    for (const host of hosts) await host.tearDown()
  })

  it('counts without a gap, and keeps its disk', { timeout: 300_000 }, async () => {
    const [here, there] = drivers as [ComputeDriver, ComputeDriver]
    const spec = { ...machineSpec(), ...GUEST_SIZES }
    const configDrive = [{ path: 'openstack/latest/user_data', content: '' }]
    const machine = { ...spec, configDrive }
    await here.create(machine, await realGuestImage(), never)
    await here.start(spec, never)
    await booted(here, spec.id)
    const shell = await GuestShell.open(here, spec.id)
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/
    const boot = uuid.exec(await shell.run('cat /proc/sys/kernel/random/boot_id'))?.[0]
    expect(boot).toBeDefined()
    await shell.run('dd if=/dev/urandom of=$HOME/noise bs=1M count=8 2>/dev/null; sync')
    // The kernel may say something in between.
    const digest = async (of: GuestShell) =>
      /[0-9a-f]{64}/.exec(await of.run('sha256sum $HOME/noise'))?.[0]
    const sum = await digest(shell)
    expect(sum).toBeDefined()
    await shell.write('/tmp/count', [
      'n=0; while :; do echo N$n; echo $n >>$HOME/numbers; n=$((n+1)); usleep 20000; done',
    ])
    shell.line.write('sh /tmp/count\r')
    await eventually('it counts', () => numbers(shell.text).length > 20, WAIT_MS)
    shell.close()

    const link = abilitiesLink()
    const progress: MigrationProgress[] = []
    const [{ pausedMs }] = await Promise.all([
      ability(0).send(spec.id, link.source, (now) => progress.push(now), never),
      ability(1).receive(machine, link.destination, never),
    ])
    console.log(`the guest was held still for ${pausedMs} ms`)
    expect(pausedMs).toBeLessThan(30_000)
    expect(progress.length).toBeGreaterThan(0)
    expect(await stateOf(here, spec.id)).toEqual({
      id: spec.id,
      powerState: 'SHUTDOWN',
      reason: 'migrated away',
    })
    const before = numbers(await here.consoleLog(spec.id, 100_000))
    // The log there goes on from the one here.
    const all = await eventually(
      'it counts on',
      async () => {
        const seen = numbers(await there.consoleLog(spec.id, 100_000))
        return seen.length > before.length + 50 && seen
      },
      WAIT_MS,
    )
    const gaps = all.filter((n, at) => n !== at)
    expect(gaps).toEqual([])

    const line = await there.abilities.consoles?.serial(spec.id)
    line?.write('\x03')
    const moved = await GuestShell.open(there, spec.id)
    line?.destroy()
    expect(await moved.run('cat /proc/sys/kernel/random/boot_id')).toContain(boot)
    await moved.run('sudo sh -c "echo 3 >/proc/sys/vm/drop_caches"')
    expect(await digest(moved)).toBe(sum)
    const kept = /^\d+\r?$/m.exec(await moved.run('tail -n 1 $HOME/numbers'))?.[0]
    expect(Number(kept)).toBeGreaterThanOrEqual(all.at(-1) ?? 0)
    await here.destroy(spec.id, never)
    expect(await hosts[0].traces(spec.id)).toEqual([])
    await there.destroy(spec.id, never)
  })
})
