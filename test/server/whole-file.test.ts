import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { adminPassword } from '../../server/admin-password.ts'
import { type Ready, readReady } from '../../server/ready-file.ts'
import { readWhole, writeWhole } from '../../server/whole-file.ts'

const WRITER = new URL('ready-writer.mjs', import.meta.url).pathname

const folder = mkdtempSync(join(tmpdir(), 'nephograph-files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is closed to all others, and leaves nothing beside it', () => {
  const file = join(folder, 'secret')
  writeWhole(file, 'one')
  writeWhole(file, 'two')
  expect(readWhole(file)).toBe('two')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['secret'])
})

it('is no error when it is not there, but when it can not be read', () => {
  expect(readWhole(join(folder, 'nothing'))).toBeNull()
  expect(() => readWhole(folder)).toThrow('EISDIR')
})

it('is whole or not there for who reads it while another process writes and removes it', async () => {
  const writer = spawn(process.execPath, [WRITER, folder], { stdio: 'inherit' })
  const gone = once(writer, 'exit')
  const seen: Ready[] = []
  while (writer.exitCode === null && writer.signalCode === null) {
    const found = readReady(folder)
    if (found) seen.push(found)
    await new Promise(setImmediate)
  }
  expect(await gone).toEqual([0, null])
  const last = readReady(folder)
  expect(last?.pid).toBe(writer.pid)
  for (const one of seen) expect(one).toEqual(last)
})

it('makes a new password in place of a file that a crash left empty', () => {
  const file = join(folder, 'admin-password')
  writeFileSync(file, '')
  const made = adminPassword(folder, undefined)
  expect(made.password.length).toBeGreaterThan(15)
  expect(made.isNew).toBe(true)
  expect(adminPassword(folder, undefined)).toEqual({ ...made, isNew: false })
})
