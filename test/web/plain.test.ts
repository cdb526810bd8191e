/** The parts of the portal that are plain functions. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { coalesce } from '../../web/hooks/coalesce.ts'
import { keyHolder, randomKey } from '../../web/hooks/idempotency.ts'
import { permission } from '../../web/parts/compute/server-actions.ts'
import { diskFormatOf } from '../../web/parts/image/image-put.ts'
import { consoleText } from '../../web/ui/console-text.ts'
import { formatAmount, formatBytes, formatDuration } from '../../web/ui/format.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a burst of changes is read once, and the next burst once more', () => {
  const run = vi.fn<() => void>()
  const call = coalesce(run, 200)
  for (let i = 0; i < 100; i += 1) call()
  expect(run).not.toHaveBeenCalled()
  vi.advanceTimersByTime(200)
  expect(run).toHaveBeenCalledTimes(1)
  call()
  vi.advanceTimersByTime(200)
  expect(run).toHaveBeenCalledTimes(2)
  call()
  call.cancel()
  vi.advanceTimersByTime(1000)
  expect(run).toHaveBeenCalledTimes(2)
})

test('the same form sent twice has one key, another form another', () => {
  const keyFor = keyHolder()
  const first = keyFor({ name: 'a' })
  expect(keyFor({ name: 'a' })).toBe(first)
  expect(keyFor({ name: 'b' })).not.toBe(first)
  expect(randomKey()).toMatch(/^[0-9a-f]{32}$/)
})

test('an action on many servers is allowed when all of them allow it', () => {
  const server = (name: string, allowed: boolean) => ({
    name,
    actions: [{ name: 'stop', allowed, reason: allowed ? null : 'it is SHUTOFF' }],
  })
  expect(permission([server('a', true), server('b', true)], 'stop')).toEqual({ allowed: true })
  expect(permission([server('a', true), server('b', false)], 'stop')).toEqual({
    allowed: false,
    reason: 'b: it is SHUTOFF',
  })
  expect(permission([server('b', false)], 'stop').reason).toBe('it is SHUTOFF')
  expect(permission([], 'stop').allowed).toBe(false)
  expect(permission([server('a', true)], 'start').allowed).toBe(false)
})

test('a console is text without the orders to a terminal', () => {
  expect(consoleText('\u001b[32mok\u001b[0m\r\nnext')).toBe('ok\nnext')
  expect(consoleText('\u001b]0;title\u0007login: ')).toBe('login: ')
  expect(consoleText('10%\r50%\r100%')).toBe('100%')
  expect(consoleText('abcdef\rxy')).toBe('xycdef')
  expect(consoleText('a\u0000b\u0008c\td')).toBe('abc\td')
})

test('amounts are written in the unit that suits them', () => {
  expect(formatBytes(0)).toBe('0 B')
  expect(formatBytes('433061888')).toBe('413 MiB')
  expect(formatBytes(1.5 * 1024 ** 3)).toBe('1.5 GiB')
  expect(formatAmount('compute.memoryMiB', 51_200)).toBe('50 GiB')
  expect(formatAmount('MEMORY_MB', '512')).toBe('512 MiB')
  expect(formatAmount('DISK_GB', 2048)).toBe('2 TiB')
  expect(formatAmount('compute.cores', 20)).toBe('20')
})

test('a duration is as exact as it is short', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  expect(formatDuration(at(0), at(420))).toBe('0.4 s')
  expect(formatDuration(at(0), at(42_420))).toBe('42 s')
  expect(formatDuration(at(0), at(185_000))).toBe('3 min 5 s')
  expect(formatDuration(at(0), at(7_800_000))).toBe('2 h 10 min')
  expect(formatDuration(at(10), at(0))).toBe('0 s')
})

test('the format of an image is guessed from its first bytes', async () => {
  const file = (bytes: number[]) => new File([new Uint8Array(bytes)], 'disk')
  expect(await diskFormatOf(file([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]))).toBe('QCOW2')
  expect(await diskFormatOf(file([0x51, 0x46]))).toBe('RAW')
  expect(await diskFormatOf(file([]))).toBe('RAW')
})
