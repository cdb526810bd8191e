/** The command `nepho`, as the process that an administrator starts. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedPostgres } from '../../server/database/embedded.ts'
import { type KeyKind, keyFiles } from '../../server/key-files.ts'
import { loadKeys, watchKeys } from '../../server/keys.ts'
import { passwordFits } from '../../services/identity/password.ts'
import { inDatabase, writeCloudRows } from '../support/cloud-rows.ts'
import { emptyDatabase, type FreshDatabase, freshDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const NEPHO = join(ROOT, 'dist/server/nepho.js')
const TIMEOUT_MS = 60_000

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nephograph-nepho-'))
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function database(make: () => Promise<FreshDatabase> = freshDatabase): Promise<string> {
  const { url, drop } = await make()
  undo.push(drop)
  return url
}

interface Ended {
  code: number
  out: string
  err: string
}

function nepho(args: string[], env: Record<string, string>, input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const options = {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, NEPHO_DRIVERS: 'simulated', ...env },
      timeout: TIMEOUT_MS,
    }
    const child = execFile(process.execPath, [NEPHO, ...args], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    )
    child.stdin?.end(input)
  })
}

const rowsOf = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
  inDatabase(url, async (client) => (await client.query(sql)).rows)

describe('nepho bootstrap', () => {
  it('makes an empty database a cloud, says what it did, and then has nothing to do', async () => {
    const url = await database(emptyDatabase)
    const env = { DATABASE_URL: url, NEPHO_DATA_DIR: folder() }
    const first = await nepho(['bootstrap'], env)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toMatch(/^migrations applied: \d+_init/)
    expect(first.out).toMatch(/first rows added: .*1 domain.* user.* flavor/)
    const file = join(env.NEPHO_DATA_DIR, 'admin-password')
    expect(first.out).toContain(`kept in ${file}`)
    expect(first.out).not.toContain(readFileSync(file, 'utf8').trim())
    const second = await nepho(['bootstrap'], env)
    expect(second).toEqual({
      code: 0,
      out: 'no migration was due\nthe first rows are all there\n',
      err: '',
    })
    const report = await nepho(['doctor', '--json'], env)
    expect(JSON.parse(report.out).checks).not.toContainEqual(
      expect.objectContaining({ status: 'fail' }),
    )
    expect(report.code).toBe(0)
  })

  it('says what is wrong with the settings, and ends with 1', async () => {
    const done = await nepho(['bootstrap'], { NEPHO_PORT: 'eighty' })
    expect(done).toMatchObject({ code: 1, out: '' })
    expect(done.err).toContain('nepho: NEPHO_PORT is "eighty"')
  })
})

describe('nepho admin reset-password', () => {
  async function lockedOut() {
    const url = await database()
    const rows = await writeCloudRows(url)
    await rowsOf(
      url,
      `update identity."user" set enabled = false, failed_logins = 9, password_hash = 'lost',
              must_change_password = true, locked_until = now() + interval '1 hour';
       insert into identity.totp (user_id, sealed_secret, confirmed_at, created_at)
       select id, 'sealed', now(), now() from identity."user"`,
    )
    const dataDir = folder()
    return { url, rows, dataDir, env: { DATABASE_URL: url, NEPHO_DATA_DIR: dataDir } }
  }
  const RESET = ['admin', 'reset-password']
  const NEW = 'an entirely new password'

  it('lets the administrator in again, and everybody else out', async () => {
    const { url, rows, env, dataDir } = await lockedOut()
    const done = await nepho(RESET, env, `${NEW}\n`)
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(done.out).toContain('was disabled and is enabled again')
    expect(done.out).toContain('is unlocked')
    expect(done.out).toContain('--remove-totp')
    expect(done.out).not.toContain(NEW)
    const [user] = await rowsOf(url, 'select * from identity."user"')
    expect(user).toMatchObject({
      enabled: true,
      failed_logins: 0,
      locked_until: null,
      must_change_password: false,
      version: 2,
    })
    expect(await passwordFits(String(user?.password_hash), NEW)).toBe(true)
    expect(await rowsOf(url, 'select kind, subject_id from identity.revocation')).toEqual([
      { kind: 'user', subject_id: rows.userId },
    ])
    expect(
      await rowsOf(url, `select type from core.event where resource_type = 'revocation'`),
    ).toHaveLength(1)
    const [audited] = await rowsOf(url, 'select * from core.audit_event')
    expect(audited).toMatchObject({ outcome: 'SUCCESS', resource_id: rows.userId, user_id: null })
    expect(JSON.stringify(audited)).not.toContain(NEW)
    expect(existsSync(join(dataDir, 'admin-password'))).toBe(false)
  })

  it('makes a password when none is given, prints it once, and keeps the file true', async () => {
    const { url, env, dataDir } = await lockedOut()
    const file = join(dataDir, 'admin-password')
    writeFileSync(file, 'the first one\n', { mode: 0o600 })
    const done = await nepho([...RESET, '--remove-totp'], env)
    expect(done).toMatchObject({ code: 0, err: '' })
    const password = /^password: (\S{20,})$/m.exec(done.out)?.[1] ?? ''
    const [user] = await rowsOf(url, 'select password_hash from identity."user"')
    expect(await passwordFits(String(user?.password_hash), password)).toBe(true)
    expect(readFileSync(file, 'utf8')).toBe(`${password}\n`)
    expect(await rowsOf(url, 'select from identity.totp')).toEqual([])
    expect(done.out).not.toContain('TOTP')
  })

  it('refuses a bad password and a user that is not there, and changes nothing', async () => {
    const { url, env } = await lockedOut()
    const short = await nepho(RESET, env, 'short')
    expect(short).toMatchObject({ code: 1, err: expect.stringContaining('at least 8') })
    const nobody = await nepho([...RESET, '--user', 'nobody'], env, NEW)
    expect(nobody).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no user nobody in domain Default'),
    })
    const asArgument = await nepho([...RESET, NEW], env)
    expect(asArgument.code).toBe(1)
    const [user] = await rowsOf(url, 'select password_hash, enabled from identity."user"')
    expect(user).toEqual({ password_hash: 'lost', enabled: false })
    expect(await rowsOf(url, 'select from identity.revocation')).toEqual([])
  })
})

describe('nepho keys', () => {
  it('rotates under a running process, and lists what each key is good for', async () => {
    const dataDir = folder()
    const env = { NEPHO_DATA_DIR: dataDir }
    const nothing = await nepho(['keys', 'list'], env)
    expect(nothing.out).toContain('there are no keys')
    const keys = loadKeys(dataDir)
    const watching = watchKeys(keys, { log: { info: () => {}, error: () => {} } })
    undo.push(() => watching.stop())
    const done = await nepho(['keys', 'rotate', 'token'], env)
    expect(done).toMatchObject({ code: 0, err: '' })
    const [first, second] = keyFiles(dataDir, 'token').map(({ id }) => id)
    expect(done.out).toMatch(new RegExp(`^token: key ${second} was made and takes over at 20`))
    await until('the running process knows it', () => keys.token.pairs.has(second ?? ''), 2_000)
    expect(keys.token.current).toBe(first)
    const { out } = await nepho(['keys', 'list'], env)
    expect(out).toMatch(new RegExp(`^token +${first} +primary`, 'm'))
    expect(out).toMatch(new RegExp(`^token +${second} +staged +\\S+ +takes over at`, 'm'))
    expect(out).toMatch(/^fernet +\S+ +primary/m)
    const again = await nepho(['keys', 'rotate'], env)
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('is staged already') })
    expect(['fernet', 'seal'].map((kind) => keyFiles(dataDir, kind as KeyKind).length)).toEqual([
      2, 2,
    ])
    expect(await nepho(['keys', 'rotate', 'doors'], env)).toMatchObject({ code: 1 })
  })
})

describe('nepho doctor', () => {
  it('ends with 0 when all is well and with 1 when something is not, and says what', async () => {
    const url = await database()
    await writeCloudRows(url)
    const dataDir = folder()
    loadKeys(dataDir)
    const env = { DATABASE_URL: url, NEPHO_DATA_DIR: dataDir }
    const well = await nepho(['doctor'], env)
    expect(well).toMatchObject({ code: 0, err: '' })
    expect(well.out).toMatch(/^ {2}ok +due tasks are taken up +none has been due for long$/m)
    expect(well.out).toMatch(/checks: \d+ ok, \d+ warn, 0 fail, \d+ skipped\n$/)
    await rowsOf(
      url,
      `update core.task set due_at = now() - interval '1 hour' where due_at < now()`,
    )
    const unwell = await nepho(['doctor', '--json'], env)
    expect(unwell.code).toBe(1)
    const { ok, checks } = JSON.parse(unwell.out)
    expect(ok).toBe(false)
    expect(checks.filter(({ status }: { status: string }) => status === 'fail')).toEqual([
      expect.objectContaining({
        name: 'due tasks are taken up',
        kind: 'promise',
        cure: expect.stringContaining('role conductor'),
      }),
    ])
  })

  it('finds the embedded database while another process runs it, and skips it after that', async () => {
    const dataDir = folder()
    const log = { info: () => {}, warn: () => {}, error: () => {} }
    const postgres = await startEmbeddedPostgres({ dataDir, log, durable: false })
    undo.push(() => postgres.stop())
    const look = async () => {
      const { out } = await nepho(['doctor', '--json'], { NEPHO_DATA_DIR: dataDir })
      return JSON.parse(out).checks.find(({ name }: { name: string }) => name === 'database')
    }
    expect(await look()).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('the socket'),
    })
    await postgres.stop()
    expect(await look()).toMatchObject({
      status: 'skipped',
      found: expect.stringContaining('does not run'),
    })
  })
})
