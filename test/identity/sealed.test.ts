import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resealed, type SealKeys, seal, unseal } from '../../services/identity/sealed.ts'

const [one, two] = [randomBytes(32), randomBytes(32)]
const first: SealKeys = { current: one, all: [one] }
const rotated: SealKeys = { current: two, all: [two, one] }
const second: SealKeys = { current: two, all: [two] }
const SECRET = 'JBSWY3DPEHPK3PXP'

describe('a sealed secret', () => {
  it('is read back, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const sealed = seal(first, text)
        expect(unseal(first, sealed)).toBe(text)
        expect(sealed).toMatch(/^[A-Za-z0-9_-]+={0,2}$/)
      }),
    )
  })

  it('does not show whether two are the same', () => {
    expect(seal(first, SECRET)).not.toBe(seal(first, SECRET))
  })

  it('is read after a rotation, and sealed anew before the old key goes', () => {
    const sealed = seal(first, SECRET)
    expect(unseal(rotated, sealed)).toBe(SECRET)
    const anew = resealed(rotated, sealed) ?? ''
    expect(unseal(second, anew)).toBe(SECRET)
    expect(resealed(rotated, anew)).toBeNull()
    expect(() => unseal(first, anew)).toThrow()
  })

  it('is refused without its key, or changed, with nothing of it in the error', () => {
    const sealed = seal(first, SECRET)
    const changed = `${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}`
    for (const read of [
      () => unseal(second, sealed),
      () => unseal(first, changed),
      () => unseal(first, SECRET),
      () => unseal(first, ''),
      () => resealed(second, sealed),
    ]) {
      const error = (() => {
        try {
          return read()
        } catch (caught) {
          return caught
        }
      })()
      expect(error).toBeInstanceOf(Error)
      const shown = inspect(error, { depth: 9, showHidden: true })
      expect(shown).toContain('its key is not there, or it was changed')
      for (const secret of [SECRET, sealed, one.toString('base64url')]) {
        expect(shown).not.toContain(secret)
      }
    }
  })
})
