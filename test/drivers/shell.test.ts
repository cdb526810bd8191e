/** How drivers run programs: bounded in time, in output, and in what the program gets to see. */
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, ShellError, spawnDetached } from '../../drivers/shell.ts'

const SH = '/bin/sh'
const timeoutMs = 10_000

describe('run', () => {
  it('returns what a program says, whatever its exit code', async () => {
    const result = await run(SH, ['-c', 'cat; echo bad >&2; exit 3'], { timeoutMs, input: 'hello' })
    expect(result).toMatchObject({
      exitCode: 3,
      stdout: 'hello',
      stderr: 'bad\n',
      truncated: false,
    })
  })

  it('keeps arguments apart', async () => {
    const args = ['-c', 'printf "%s|" "$@"', 'sh', 'a b', '$(id)', '; exit 1']
    expect((await run(SH, args, { timeoutMs })).stdout).toBe('a b|$(id)|; exit 1|')
  })

  it('passes none of our environment on', async () => {
    process.env.NEPHO_TEST_SECRET = 'secret'
    const result = await run(SH, ['-c', 'env'], { timeoutMs, env: { ADDED: 'yes' } })
    delete process.env.NEPHO_TEST_SECRET
    expect(result.stdout).toContain('ADDED=yes')
    expect(result.stdout).not.toContain('secret')
  })

  it('bounds the output', async () => {
    const args = ['-c', 'head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2']
    const result = await run(SH, args, { timeoutMs, outputLimitBytes: 1000 })
    expect(result.stdout.length).toBe(1000)
    expect(result.stderr.length).toBe(16 * 1024)
    expect(result.truncated).toBe(true)
  })

  it('kills a program and its children at the time limit', async () => {
    const began = performance.now()
    const running = run(SH, ['-c', 'sleep 60 & wait'], { timeoutMs: 100 })
    await expect(running).rejects.toMatchObject({ reason: 'TIMEOUT' })
    expect(performance.now() - began).toBeLessThan(timeoutMs)
  })

  it('kills a program when it is aborted, and starts none that is aborted already', async () => {
    const giveUp = new AbortController()
    const running = run('sleep', ['60'], { timeoutMs: 60_000, signal: giveUp.signal })
    giveUp.abort()
    await expect(running).rejects.toMatchObject({ reason: 'ABORTED' })
    const late = run('sleep', ['60'], { timeoutMs: 60_000, signal: giveUp.signal })
    await expect(late).rejects.toBeInstanceOf(ShellError)
  })

  it('says when there is no such program', async () => {
    const running = run('no-such-program', [], { timeoutMs })
    await expect(running).rejects.toMatchObject({ reason: 'NOT_STARTED' })
  })
})

describe('spawnDetached', () => {
  let dir = ''
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nephograph-shell-'))
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  it('starts a program in a session of its own, its output in a file', async () => {
    const outputFile = join(dir, 'output')
    const args = ['-c', 'cut -d" " -f6 /proc/self/stat; echo $$; pwd; kill -9 $$']
    const child = await spawnDetached(SH, args, { cwd: dir, outputFile })
    expect(await child.exited).toEqual({ exitCode: null, endedBy: 'SIGKILL' })
    const [session, pid, folder] = (await readFile(outputFile, 'utf8')).split('\n')
    expect([session, pid, folder]).toEqual([String(child.pid), String(child.pid), dir])
  })

  it('hands on open files, in their order', async () => {
    const outputFile = join(dir, 'inherited')
    await writeFile(join(dir, 'source'), 'from the file')
    const source = await open(join(dir, 'source'))
    const child = await spawnDetached(SH, ['-c', 'cat <&3'], { outputFile, inherit: [source.fd] })
    await child.exited
    await source.close()
    expect(await readFile(outputFile, 'utf8')).toBe('from the file')
  })

  it('says when there is no such program', async () => {
    const starting = spawnDetached('no-such-program', [], { outputFile: join(dir, 'none') })
    await expect(starting).rejects.toMatchObject({ reason: 'NOT_STARTED' })
  })
})
