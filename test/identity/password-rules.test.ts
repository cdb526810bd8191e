import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defaultPasswordRules,
  MAX_PASSWORD_LENGTH,
  type PasswordRules,
  passwordChangeableAt,
  passwordExpiresAt,
  passwordProblem,
  passwordRulesProblems,
} from '../../services/identity/password-rules.ts'
import { cpuClock } from '../support/cpu-clock.ts'

const problem = (password: string, rules: Partial<PasswordRules> = {}, userName = 'ann') =>
  passwordProblem(password, { userName, rules: { ...defaultPasswordRules, ...rules } })

describe('the default rules', () => {
  it.each([
    'correct horse battery staple',
    'open sesame, open',
    'tzk4Xv9q',
    'пароль из слов',
    '𠜎𠜱𠝹𠱓𠱸𠲖𠳏𠳕',
    '        x       ',
    'x7'.repeat(128),
  ])('take %j', (password) => expect(problem(password)).toBeNull())

  it.each([
    ['', /at least 8/],
    ['short', /at least 8/],
    ['𠜎𠜱𠝹𠱓', /at least 8/],
    ['x7'.repeat(128) + 'x', /at most 256/],
    ['x7'.repeat(1e6), /at most 256/],
    ['half \ud83d of one', /half a character/],
  ])('refuse %j for its length or letters', (password, why) =>
    expect(problem(password)).toMatch(why),
  )

  it.each([
    'password',
    'Password',
    'PASSWORD123!',
    'password2024',
    'ｐａｓｓｗｏｒｄ',
    'qwertyuiop',
    '1q2w3e4r',
    'welcome12345',
    '123456789',
    '1234567890',
    '87654321',
    'abcdefghij',
    'aaaaaaaaaaaa',
    'openstack',
  ])('refuse %j because it is guessed first', (password) =>
    expect(problem(password)).toMatch(/guessed first/),
  )

  it('refuse the name of the user and what is little more', () => {
    const near = /too near the name/
    expect(problem('annabelle', {}, 'annabelle')).toMatch(near)
    expect(problem('AnnaBelle', {}, 'annabelle')).toMatch(near)
    expect(problem('annabelle1!', {}, 'Annabelle')).toMatch(near)
    expect(problem('ann.ann.ann', {}, 'ann')).toMatch(near)
    expect(problem('ann sings well', {}, 'ann')).toBeNull()
    expect(problem('xk4-annabelle-9', {}, 'annabelle')).toBeNull()
    expect(problem('tzk4Xv9q', {}, '')).toBeNull()
  })

  it('never say the password, and always the same', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 20 }), (password, name) => {
        const told = problem(password, {}, name)
        expect(problem(password, {}, name)).toBe(told)
        if (password.length >= 12) expect(told ?? '').not.toContain(password)
        if (Array.from(password).length < 8) expect(told).not.toBeNull()
      }),
    )
  })
})

describe('rules of an operator', () => {
  it('raise the length, and can not lower it', () => {
    expect(problem('tzk4Xv9qtzk4Xv', { minLength: 15 })).toMatch(/at least 15/)
    expect(problem('tzk4Xv9', { minLength: 1 })).toMatch(/at least 8/)
  })

  it('ask for a form, in their words', () => {
    const rules = { regex: '^(?=.*\\d)(?=.*\\p{Lu}).+$', regexDescription: 'a digit and a capital' }
    expect(problem('nothing of it here', rules)).toBe('The password must be: a digit and a capital')
    expect(problem('nothing of it here, but 1 A', rules)).toBeNull()
  })

  it('do not hold up the cloud with a regular expression that never ends', () => {
    const rules = { regex: '^(a+)+$', regexDescription: 'many an a' }
    const cpuMs = cpuClock()
    const told = problem(`${'a'.repeat(MAX_PASSWORD_LENGTH - 1)}!`, rules)
    expect(told).toMatch(/many an a \(this one took too long to check\)/)
    expect(cpuMs()).toBeLessThan(2000)
    expect(problem('aaaa aaaa bbbb', { ...rules, regex: 'b$' })).toBeNull()
  })

  it('are checked themselves', () => {
    const told = (rules: Partial<PasswordRules>) =>
      passwordRulesProblems({ ...defaultPasswordRules, ...rules }).join('; ')
    expect(told({})).toBe('')
    expect(told({ minLength: 15, uniqueLastCount: 5, expiresDays: 90, minimumAgeDays: 1 })).toBe('')
    expect(told({ minLength: 7 })).toBe('minLength is a whole number from 8 to 256')
    expect(told({ minLength: Number.NaN })).toMatch(/^minLength/)
    expect(told({ uniqueLastCount: 25 })).toMatch(/^uniqueLastCount/)
    expect(told({ expiresDays: 0.5 })).toMatch(/^expiresDays/)
    expect(told({ expiresDays: 2, minimumAgeDays: 2 })).toMatch(/less than expiresDays/)
    expect(told({ regex: '(', regexDescription: 'x' })).toMatch(/not a regular expression/)
    expect(told({ regex: 'a'.repeat(513), regexDescription: 'x' })).toMatch(/longer than 512/)
    expect(told({ regex: 'a' })).toMatch(/regexDescription/)
  })

  it('say when a password is over, and when it may be changed', () => {
    const setAt = new Date('2030-01-01T12:00:00Z')
    const rules = { ...defaultPasswordRules, expiresDays: 90, minimumAgeDays: 1 }
    expect(passwordExpiresAt(setAt, rules)).toEqual(new Date('2030-04-01T12:00:00Z'))
    expect(passwordChangeableAt(setAt, rules)).toEqual(new Date('2030-01-02T12:00:00Z'))
    expect(passwordExpiresAt(setAt, defaultPasswordRules)).toBeNull()
    expect(passwordChangeableAt(setAt, defaultPasswordRules)).toEqual(setAt)
  })
})
