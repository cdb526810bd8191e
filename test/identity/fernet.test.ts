/** Fernet: the vectors of its specification, and what it does not say but needs to hold. */
import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FernetError,
  fernetDecrypt,
  fernetEncrypt,
  fernetKey,
} from '../../services/identity/fernet.ts'

const KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4='
const key = fernetKey(KEY)
const other = Buffer.alloc(32, 7)
const HELLO =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=='

const problemOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof FernetError) return error.problem
    throw error
  }
  return 'none'
}

describe('the vectors of the specification', () => {
  it('generate.json', () => {
    const iv = Uint8Array.from({ length: 16 }, (_, i) => i)
    const at = new Date('1985-10-26T01:20:00-07:00')
    expect(fernetEncrypt(key, Buffer.from('hello'), at, iv)).toBe(HELLO)
  })

  it('verify.json', () => {
    const clock = { at: new Date('1985-10-26T01:20:01-07:00'), ttlSeconds: 60 }
    const { message, at } = fernetDecrypt([key], HELLO, clock)
    expect(message.toString()).toBe('hello')
    expect(at).toEqual(new Date('1985-10-26T01:20:00-07:00'))
    expect(fernetDecrypt([key], HELLO).message.toString()).toBe('hello')
  })

  it.each([
    [
      'incorrect mac',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
      'forged',
    ],
    ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==', 'malformed'],
    [
      'invalid base64',
      '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
      'malformed',
    ],
    [
      'payload size not multiple of block size',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
      'malformed',
    ],
    [
      'payload padding error',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
      'malformed',
    ],
    [
      'far-future TS (unacceptable clock skew)',
      'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==',
      'future',
    ],
    [
      'expired TTL',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
      'expired',
    ],
    [
      'incorrect IV (causes padding error)',
      'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
      'malformed',
    ],
    ['very short payload size', 'gAAAAABdnQ1TUKh2OE_ggbyCIxfg', 'malformed'],
    ['super short payload size', 'gAAA', 'malformed'],
  ])('invalid.json: %s', (what, token, problem) => {
    const at = new Date(`1985-10-26T01:2${what === 'expired TTL' ? '1:31' : '0:01'}-07:00`)
    expect(problemOf(() => fernetDecrypt([key], token, { at, ttlSeconds: 60 }))).toBe(problem)
  })
})

describe('a token', () => {
  const at = new Date('2030-01-01T00:00:00Z')
  const token = fernetEncrypt(key, Buffer.from('a message'), at)
  const seconds = (n: number) => new Date(at.getTime() + n * 1000)
  const problem = (clock: { at: Date; ttlSeconds?: number }) =>
    problemOf(() => fernetDecrypt([key], token, clock))

  it('gives back any message, of any time', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
        (message, key, at) => {
          const back = fernetDecrypt([key], fernetEncrypt(key, message, at), { at, ttlSeconds: 0 })
          expect(back.message).toEqual(Buffer.from(message))
          expect(back.at.getTime()).toBe(Math.floor(at.getTime() / 1000) * 1000)
        },
      ),
    )
  })

  it('is never the same twice', () => {
    expect(fernetEncrypt(key, Buffer.from('a message'), at)).not.toBe(token)
  })

  it('is good until its time to live is over, and not much before its time', () => {
    expect(problem({ at: seconds(60), ttlSeconds: 60 })).toBe('none')
    expect(problem({ at: seconds(61), ttlSeconds: 60 })).toBe('expired')
    expect(problem({ at: seconds(1e9) })).toBe('none')
    expect(problem({ at: seconds(-60), ttlSeconds: 60 })).toBe('none')
    expect(problem({ at: seconds(-61), ttlSeconds: 60 })).toBe('future')
    expect(problem({ at: seconds(-61) })).toBe('future')
  })

  it('is read with each of the keys, and with no other', () => {
    expect(fernetDecrypt([other, key], token).message.toString()).toBe('a message')
    expect(problemOf(() => fernetDecrypt([other], token))).toBe('forged')
    expect(problemOf(() => fernetDecrypt([], token))).toBe('forged')
  })

  it('is refused when any one character of it is another', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=% \n\0é'
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(...Array.from(alphabet)),
        (i, character) => {
          fc.pre(token[i] !== character)
          const changed = token.slice(0, i) + character + token.slice(i + 1)
          expect(problemOf(() => fernetDecrypt([key], changed))).toMatch(/^(malformed|forged)$/)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('has two spellings: with its padding and without', () => {
    const bare = HELLO.replaceAll('=', '')
    expect(fernetDecrypt([key], bare).message.toString()).toBe('hello')
    const others = [`${bare}=`, `${HELLO}=`, ` ${HELLO}`, `${HELLO}\n`, HELLO.replaceAll('_', '/')]
    for (const text of others) expect(problemOf(() => fernetDecrypt([key], text))).toBe('malformed')
  })

  it('is refused when its time is beyond all dates, though the key fits', () => {
    const bytes = Buffer.from(HELLO, 'base64url').subarray(0, -32)
    bytes.writeBigUInt64BE(2n ** 64n - 1n, 1)
    const mac = createHmac('sha256', key.subarray(0, 16)).update(bytes).digest()
    const token = Buffer.concat([bytes, mac]).toString('base64url')
    expect(problemOf(() => fernetDecrypt([key], token))).toBe('future')
  })

  it('has a limit on its size, both ways', () => {
    const largest = Buffer.alloc(48 * 1024)
    expect(fernetDecrypt([key], fernetEncrypt(key, largest, at)).message).toEqual(largest)
    expect(() => fernetEncrypt(key, Buffer.alloc(largest.length + 1), at)).toThrow(RangeError)
    expect(problemOf(() => fernetDecrypt([key], 'A'.repeat(1e6)))).toBe('malformed')
  })
})

it('takes keys of 32 bytes only, and shows none', () => {
  expect(fernetKey(`${KEY}\n`)).toHaveLength(32)
  for (const text of ['', 'short', `${KEY}AAAA`, KEY.replace('_', '%')]) {
    expect(() => fernetKey(text)).toThrow('a Fernet key is base64url of 32 bytes')
  }
  expect(() => fernetEncrypt(Buffer.alloc(16), Buffer.alloc(1), new Date())).toThrow(RangeError)
})
