/**
 * Two hosts, each an agent process with its own name, folder and network namespace: a guest that
 * counts goes from one to the other while it runs, then while it is off, and then from one that died.
 */
import { afterAll, afterEach, beforeAll, expect, it, onTestFailed } from 'vitest'
import { WebSocket } from 'ws'
import { WebSocketDuplex } from '../../workers/agent/web-socket-duplex.ts'
import { GuestShell, realGuestProblem } from '../drivers/guest-shell.ts'
import type { Watch } from '../support/client.ts'
import { describeNeeds } from '../support/host.ts'
import { namespaceProblem } from '../support/namespaces.ts'
import { rabbitMqProblem } from '../support/rabbitmq.ts'
import { ACT, atRest, flavorId } from '../support/stories.ts'
import { until } from '../support/until.ts'
import { LONG_MS, TwoAgents } from './stage.ts'

const HERE = 'alpha'
const THERE = 'beta'
/** Lines that are seen before a move, and after it. */
const SOME = 20
const COUNT = [
  '#!/bin/sh',
  'n=0; read -r boot </proc/sys/kernel/random/boot_id',
  // Away from the first words of the login.
  'sleep 5',
  'while :; do read -r up idle </proc/uptime; echo "N$n $up $boot;" >/dev/ttyS0',
  'n=$((n+1)); usleep 100000; done',
].join('\n')
const LINE = /N(\d+) ([\d.]+) ([0-9a-f-]{36});/g

const CREATE =
  'mutation ($input: ServerCreateInput!) { serverCreate(input: $input) { server { id } } }'
const FOLLOW =
  'subscription ($id: String!) { serverConsoleLog(id: $id, lines: 1000) { text reset } }'
const CONSOLE =
  'mutation ($input: ServerConsoleCreateInput!) { serverConsoleCreate(input: $input) { url } }'
const ROW = `query ($id: ID!) { server(id: $id) { status powerState host { name } fault { message }
  consoleLog(lines: 5000)
  migrations { kind status pausedMs sourceHost { name } destinationHost { name } } } }`

interface Said {
  text: string
  reset: boolean
}

const problem = (await realGuestProblem()) ?? namespaceProblem() ?? rabbitMqProblem()

describeNeeds(problem, 'two agents, each in a namespace of its own', () => {
  const stage = new TwoAgents([HERE, THERE])
  let id: string
  let follower: Watch<Said>

  beforeAll(() => stage.start(), 2 * LONG_MS)
  afterEach(() => follower?.close())
  afterAll(() => stage.stop(), LONG_MS)

  const must = (query: string, variables: object) =>
    stage.client.must(query, variables, stage.token)
  const rowOf = async () => (await must(ROW, { id })).server
  const rests = (status: string) => atRest(stage.client, stage.token, id, status, LONG_MS)
  const act = (name: string, input: object = {}, type?: string) =>
    must(ACT(name, type), { input: { id, ...input } })
  const follow = () => {
    follower = stage.client.watch<Said>(FOLLOW, { id }, stage.token)
  }
  const tellTroubles = () => onTestFailed(() => console.log(stage.troubles()))

  /** The counted lines of what the follower was told: number, uptime, boot. */
  function lines(): { n: number; up: number; boot: string }[] {
    expect(follower.errors).toEqual([])
    const text = follower.events.map((said) => said.text).join('')
    return [...text.matchAll(LINE)].map(([, n, up, boot]) => ({
      n: Number(n),
      up: Number(up),
      boot: boot ?? '',
    }))
  }
  const counts = (what: string, more: number) =>
    until(what, () => lines().length >= more, 2 * LONG_MS)

  /** The shell of the guest, over the API's WebSocket. */
  async function shell(): Promise<GuestShell> {
    const { serverConsoleCreate } = await must(CONSOLE, { input: { id, kind: 'SERIAL' } })
    const address = stage.client.url.replace('http', 'ws') + serverConsoleCreate.url
    const socket = new WebSocket(address)
    const line = new WebSocketDuplex(socket)
    line.on('error', () => {})
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return GuestShell.on(line)
  }

  it(
    'counts on through a live migration, and who follows its console misses no line',
    async () => {
      tellTroubles()
      const images = '{ images(filter: { status: ACTIVE }) { nodes { id } } }'
      const imageId = (await must(images, {})).images.nodes[0].id
      const input = {
        ...{ name: 'counter', imageId, userData: Buffer.from(COUNT).toString('base64') },
        flavorId: await flavorId(stage.client, stage.token),
        hostId: (await stage.hostRow(HERE)).id,
      }
      id = (await must(CREATE, { input })).serverCreate.server.id
      expect((await rests('ACTIVE')).host?.name).toBe(HERE)
      follow()
      await counts('it counts', SOME)
      expect(stage.qemuOf(HERE, id)).toBeGreaterThan(0)

      const hostId = (await stage.hostRow(THERE)).id
      await act('serverLiveMigrate', { hostId }, 'ServerLiveMigrateInput')
      await rests('ACTIVE')
      const row = await rowOf()
      expect(row).toMatchObject({ powerState: 'RUNNING', fault: null, host: { name: THERE } })
      expect(row.migrations[0]).toMatchObject({
        ...{ kind: 'LIVE_MIGRATION', status: 'COMPLETED' },
        ...{ sourceHost: { name: HERE }, destinationHost: { name: THERE } },
      })
      console.log(`the guest was held still for ${row.migrations[0].pausedMs} ms`)
      expect(stage.qemuOf(HERE, id)).toBeUndefined()
      expect(stage.qemuOf(THERE, id)).toBeGreaterThan(0)

      await counts('it counts on', lines().length + SOME)
      const seen = lines()
      expect(seen.map(({ n }) => n)).toEqual(seen.map((_, at) => at))
      expect(new Set(seen.map(({ boot }) => boot)).size).toBe(1)
      const ups = seen.map(({ up }) => up)
      expect(ups).toEqual([...ups].sort((a, b) => a - b))
      expect(follower.events.map(({ reset }) => reset)).toEqual(
        follower.events.map((_, at) => at === 0),
      )
      // The log itself goes on, from the guest's first word.
      await until('the whole log', async () => (await rowOf()).consoleLog?.includes('N0 ') ?? false)
    },
    6 * LONG_MS,
  )

  it(
    'keeps its disk through a migration while it is off',
    async () => {
      tellTroubles()
      const before = await shell()
      await before.run('sudo pkill user-data')
      await before.run('echo kept-by-its-disk >$HOME/kept; sync')
      before.close()
      await act('serverMigrate')
      const moved = await rests('VERIFY_RESIZE')
      expect(moved.host?.name).toBe(HERE)
      await act('serverResizeConfirm')
      await rests('ACTIVE')
      expect(stage.qemuOf(THERE, id)).toBeUndefined()
      const isUp = async () => /login:/.test((await rowOf()).consoleLog ?? '')
      await until('it is up again', isUp, LONG_MS)
      const after = await shell()
      expect(await after.run('cat $HOME/kept')).toContain('kept-by-its-disk')
      after.close()
    },
    4 * LONG_MS,
  )

  it(
    'comes up elsewhere when its host has lost its power, and is removed there once that is back',
    async () => {
      tellTroubles()
      await stage.cutPower(HERE)
      await stage.hostIs(HERE, 'DOWN')
      await act('serverEvacuate')
      const server = await rests('ACTIVE')
      expect(server).toMatchObject({ host: { name: THERE }, powerState: 'RUNNING', fault: null })
      follow()
      await counts('it counts from its beginning', SOME)
      expect(lines()[0]?.n).toBe(0)
      await stage.startHost(HERE)
      const isGone = () => stage.leftovers(HERE, id).length === 0
      await until('the dead host has nothing of it any more', isGone, LONG_MS)
      expect(stage.qemuOf(THERE, id)).toBeGreaterThan(0)
      await act('serverDelete')
      await until('it is gone', async () => (await rowOf()) === null, LONG_MS)
      await until('its QEMU is gone', () => stage.qemuOf(THERE, id) === undefined, LONG_MS)
    },
    6 * LONG_MS,
  )
})
