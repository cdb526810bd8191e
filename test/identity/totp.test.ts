import * as fc from 'fast-check'
import { Secret, TOTP } from 'otpauth'
import { describe, expect, it } from 'vitest'
import { newTotpSecret, totpStepOf, totpUri } from '../../services/identity/totp.ts'

/** The secret of RFC 6238, appendix B: `12345678901234567890`. */
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const STEP_MS = 30_000
/** Its SHA1 rows: seconds, 8 digits. An app that shows 6 shows the last 6. */
const vectors: [number, string][] = [
  [59, '94287082'],
  [1111111109, '07081804'],
  [1111111111, '14050471'],
  [1234567890, '89005924'],
  [2000000000, '69279037'],
  [20000000000, '65353130'],
]
const dateOf = (seconds: number) => new Date(seconds * 1000)
const codeAt = (ms: number, secret = SECRET) =>
  TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: ms })

describe('RFC 6238, appendix B', () => {
  it.each(vectors)('at %i s', (seconds, code) => {
    const secret = Secret.fromBase32(SECRET)
    expect(TOTP.generate({ secret, digits: 8, timestamp: seconds * 1000 })).toBe(code)
    const step = Math.floor(seconds / 30)
    expect(totpStepOf(SECRET, code.slice(2), dateOf(seconds))).toBe(step)
    expect(totpStepOf(SECRET, code, dateOf(seconds))).toBeNull()
  })
})

describe('a code', () => {
  const begin = 1_900_000_000_000 - (1_900_000_000_000 % STEP_MS)
  const step = begin / STEP_MS
  const code = codeAt(begin)
  const stepAt = (ms: number) => totpStepOf(SECRET, code, new Date(begin + ms))

  it('is good in its step and in those beside it, to the millisecond', () => {
    expect([0, 15_000, STEP_MS - 1].map(stepAt)).toEqual([step, step, step])
    expect([-STEP_MS, -1, STEP_MS, 2 * STEP_MS - 1].map(stepAt)).toEqual([step, step, step, step])
    expect([-STEP_MS - 1, 2 * STEP_MS, 1e9].map(stepAt)).toEqual([null, null, null])
  })

  it('has one step however often it is shown, so that a replay is seen', () => {
    let lastStep = 0
    const take = (code: string, at: number): boolean => {
      const found = totpStepOf(SECRET, code, new Date(at))
      if (found === null || found <= lastStep) return false
      lastStep = found
      return true
    }
    expect(take(code, begin)).toBe(true)
    expect(take(code, begin)).toBe(false)
    expect(take(code, begin + STEP_MS)).toBe(false)
    expect(take(codeAt(begin - STEP_MS), begin)).toBe(false)
    expect(take(codeAt(begin + STEP_MS), begin)).toBe(true)
    expect(take(codeAt(begin + STEP_MS), begin + STEP_MS)).toBe(false)
    expect(take(codeAt(begin + 2 * STEP_MS), begin + 2 * STEP_MS)).toBe(true)
  })

  it('names only steps whose code it is', () => {
    const digits = fc.integer({ min: 0, max: 999_999 }).map((n) => String(n).padStart(6, '0'))
    fc.assert(
      fc.property(digits, fc.nat(4_000_000_000), (code, seconds) => {
        const now = Math.floor(seconds / 30)
        const fitting = [now - 1, now, now + 1].filter((s) => codeAt(s * STEP_MS) === code)
        const found = totpStepOf(SECRET, code, dateOf(seconds))
        if (fitting.length === 0) expect(found).toBeNull()
        else expect(fitting).toContain(found)
      }),
    )
  })

  it.each([
    '',
    '12345',
    '1234567',
    'abcdef',
    '12 456',
    '１２３４５６',
    '-12345',
    '1e5000',
    `${code}\n`,
  ])('is nothing else than six digits: %j', (text) =>
    expect(totpStepOf(SECRET, text, new Date(begin))).toBeNull(),
  )
})

describe('a secret', () => {
  it('has 160 bits and is new each time', () => {
    const secret = newTotpSecret()
    expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(newTotpSecret()).not.toBe(secret)
    const at = Date.now()
    expect(totpStepOf(secret, codeAt(at, secret), new Date(at))).toBe(Math.floor(at / STEP_MS))
  })

  it('goes to the app as a URI', () => {
    const uri = new URL(totpUri({ issuer: 'The: cloud', account: 'ann:ü/?', secret: SECRET }))
    expect(uri.href).toMatch(/^otpauth:\/\/totp\//)
    const label = decodeURIComponent(uri.pathname.split('/').at(-1) ?? '')
    expect(label).toBe('The  cloud:ann ü/?')
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'The  cloud',
      secret: SECRET,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
  })

  it('that is none is told without showing it', () => {
    for (const secret of ['', 'GEZDGNBV', 'geheim!geheim!geheim!geheim!']) {
      expect(() => totpStepOf(secret, '123456', new Date())).toThrow(
        /^a TOTP secret is base32 of at least 16 bytes$/,
      )
    }
  })
})
