import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkMapping, type MappingRule, mapClaims } from '../../services/identity/mapping.ts'
import { cpuClock } from '../support/cpu-clock.ts'

const claims = {
  sub: 'account-1',
  preferred_username: 'ann',
  email: 'ann@example.com',
  email_verified: true,
  level: 3,
  groups: ['staff', 'ops'],
  one: ['alone'],
  realm_access: { roles: ['auditor', 'builder'], deep: { er: 'down' } },
  'https://example.com/team': 'blue',
  odd: { 'a.b': 'dotted' },
}
const user = { remote: [{ claim: 'preferred_username' }], local: { userName: '{0}' } }
const named = (changes: Partial<MappingRule>): MappingRule => ({ ...user, ...changes })

describe('one rule', () => {
  const table: [string, Partial<MappingRule>, object | null][] = [
    ['names the user', {}, { userName: 'ann', email: null, groups: [] }],
    ['puts text around', { local: { userName: 'x-{0}@y' } }, { userName: 'x-ann@y' }],
    [
      'counts the claims that are referred to',
      {
        remote: [{ claim: 'groups', anyOneOf: ['ops'] }, { claim: 'email' }, { claim: 'sub' }],
        local: { userName: '{1}', email: '{0}' },
      },
      { userName: 'account-1', email: 'ann@example.com' },
    ],
    [
      'makes many groups of a list',
      {
        remote: [{ claim: 'sub' }, { claim: 'groups' }],
        local: { userName: '{0}', groups: ['{1}', 'sso-{1}', 'all', '{0}-{1}', 'all'] },
      },
      {
        groups: ['staff', 'ops', 'sso-staff', 'sso-ops', 'all', 'account-1-staff', 'account-1-ops'],
      },
    ],
    [
      'makes no groups of two lists at once',
      {
        remote: [{ claim: 'sub' }, { claim: 'groups' }, { claim: 'realm_access.roles' }],
        local: { userName: '{0}', groups: ['{1}-{2}', '{1}'] },
      },
      { groups: ['staff', 'ops'] },
    ],
    ['names nobody after a list', { remote: [{ claim: 'groups' }] }, null],
    ['takes a list of one', { remote: [{ claim: 'one' }] }, { userName: 'alone' }],
    [
      'gives no e-mail address of a list',
      {
        remote: [{ claim: 'sub' }, { claim: 'groups' }],
        local: { userName: '{0}', email: '{1}' },
      },
      { userName: 'account-1', email: null },
    ],
    [
      'goes into nested claims',
      { remote: [{ claim: 'realm_access.deep.er' }] },
      { userName: 'down' },
    ],
    [
      'finds names with dots',
      { remote: [{ claim: 'https://example.com/team' }] },
      { userName: 'blue' },
    ],
    ['does not guess at dots deeper down', { remote: [{ claim: 'odd.a.b' }] }, null],
    [
      'reads a flag',
      { remote: [...user.remote, { claim: 'email_verified', anyOneOf: ['true'] }] },
      {},
    ],
    ['reads a number', { remote: [{ claim: 'level' }] }, { userName: '3' }],
    ['wants every claim', { remote: [...user.remote, { claim: 'absent' }] }, null],
    [
      'wants a claim to exclude',
      { remote: [...user.remote, { claim: 'x', notAnyOf: ['y'] }] },
      null,
    ],
    ['does not take an object', { remote: [{ claim: 'realm_access' }] }, null],
    ['does not look into lists', { remote: [{ claim: 'groups.0' }] }, null],
    ['does not look at what every object has', { remote: [{ claim: 'constructor.name' }] }, null],
    ['refers to nothing beyond', { local: { userName: '{1}' } }, null],
    ['names nobody when it has only groups', { local: { groups: ['all'] } }, null],
  ]
  it.each(table)('%s', (_what, rule, expected) => {
    const got = mapClaims([named(rule)], claims)
    if (expected === null) expect(got).toBeNull()
    else expect(got).toMatchObject(expected)
  })
})

describe('conditions', () => {
  const fits = (condition: object, of: unknown = claims) =>
    mapClaims([named({ remote: [...user.remote, { claim: 'groups', ...condition }] })], of) !== null

  it('anyOneOf wants one of the values', () => {
    expect(fits({ anyOneOf: ['none', 'ops'] })).toBe(true)
    expect(fits({ anyOneOf: ['none', 'op', 'OPS', 'o.s'] })).toBe(false)
    expect(fits({ anyOneOf: [] })).toBe(false)
  })

  it('notAnyOf refuses each of the values', () => {
    expect(fits({ notAnyOf: ['banned'] })).toBe(true)
    expect(fits({ notAnyOf: ['banned', 'ops'] })).toBe(false)
  })

  it('regex finds anywhere, unless tied', () => {
    expect(fits({ anyOneOf: ['^o.s$'], regex: true })).toBe(true)
    expect(fits({ anyOneOf: ['taf'], regex: true })).toBe(true)
    expect(fits({ anyOneOf: ['^taf$', 'OPS'], regex: true })).toBe(false)
    expect(fits({ notAnyOf: ['^ban', 's$'], regex: true })).toBe(false)
    expect(fits({ notAnyOf: ['^ban'], regex: true })).toBe(true)
  })

  it('a regex that never ends lets nobody in, and does not hold up the cloud', () => {
    const groups = [`${'a'.repeat(200)}!`]
    const cpuMs = cpuClock()
    for (const name of ['anyOneOf', 'notAnyOf']) {
      expect(fits({ [name]: ['^(a+)+$'], regex: true }, { ...claims, groups })).toBe(false)
    }
    expect(cpuMs()).toBeLessThan(2000)
  })
})

describe('several rules', () => {
  const group = (claim: string, value: string, name: string): MappingRule => ({
    remote: [{ claim, anyOneOf: [value] }],
    local: { groups: [name] },
  })

  it('add up: the first name counts, groups are collected', () => {
    const rules = [
      group('groups', 'ops', 'operators'),
      named({ local: { userName: '{0}', groups: ['everybody'] } }),
      group('groups', 'guests', 'visitors'),
      { remote: [{ claim: 'sub' }, { claim: 'email' }], local: { userName: '{0}', email: '{1}' } },
      group('realm_access.roles', 'auditor', 'operators'),
    ]
    expect(checkMapping(rules)).toEqual([])
    expect(mapClaims(rules, claims)).toEqual({
      userName: 'ann',
      email: 'ann@example.com',
      groups: ['operators', 'everybody'],
    })
    expect(mapClaims([group('groups', 'ops', 'operators')], claims)).toBeNull()
    expect(mapClaims([], claims)).toBeNull()
  })
})

describe('hostile claims', () => {
  const rules: MappingRule[] = [
    {
      remote: [{ claim: 'name' }, { claim: 'groups' }],
      local: { userName: '{0}', groups: ['{1}'] },
    },
  ]
  const nameOf = (name: unknown, groups: unknown = 'g') =>
    mapClaims(rules, { name, groups })?.userName ?? null

  it.each([
    ['nul', 'a\0b'],
    ['a line', 'a\nb'],
    ['an escape', 'a\u001b[31mb'],
    ['half a character', 'a\ud83d'],
    ['nothing', ''],
    ['a blank', ' '],
    ['a blank beside', 'ann '],
    ['too much', 'a'.repeat(256)],
    ['far too much', 'a'.repeat(1e6)],
    ['null', null],
    ['a fraction', 0.5],
    ['no number', Number.NaN],
    ['an object', { toString: () => 'ann' }],
    ['a list in a list', [['ann']]],
    ['an empty list', []],
    ['a list with an object', ['ann', {}]],
    ['two, one of them blank', ['ann', ' ']],
    ['a template', undefined],
  ])('name nobody: %s', (_what, name) => expect(nameOf(name)).toBeNull())

  it('are not filled in twice', () => {
    expect(nameOf('{1}')).toBe('{1}')
    expect(nameOf('$& $1 {0}')).toBe('$& $1 {0}')
  })

  it('are limited in number, and no group has a bad name', () => {
    const many = Array.from({ length: 1001 }, (_, i) => `group ${i}`)
    expect(nameOf('ann', many)).toBeNull()
    expect(mapClaims(rules, { name: 'ann', groups: many.slice(1) })?.groups).toHaveLength(1000)
    const groups = ['fine', '', ' ', 'b'.repeat(256)]
    expect(mapClaims(rules, { name: 'ann', groups })?.groups).toEqual(['fine'])
  })

  it('reach no prototype', () => {
    const hostile = JSON.parse('{"__proto__": {"name": "eve", "groups": "ops"}}') as unknown
    expect(mapClaims(rules, hostile)).toBeNull()
    expect(mapClaims(rules, Object.create({ name: 'eve', groups: 'ops' }))).toBeNull()
    const path = [named({ remote: [{ claim: '__proto__.name' }] })]
    expect(mapClaims(path, hostile)?.userName).toBe('eve')
    expect(mapClaims(path, {})).toBeNull()
  })

  it('give decent names or nobody, whatever they are and whatever the rules', () => {
    const text = fc.oneof(fc.constantFrom('{0}', '{1}', '{0}-{1}', '{2}', 'x'), fc.string())
    const claim = fc.constantFrom('a', 'b', 'a.b', 'b.a', '__proto__', 'length', '')
    const rule: fc.Arbitrary<MappingRule> = fc.record({
      remote: fc.array(
        fc.record(
          { claim, anyOneOf: fc.array(text), notAnyOf: fc.array(text) },
          { requiredKeys: ['claim'] },
        ),
        { maxLength: 4 },
      ),
      local: fc.record(
        { userName: text, email: text, groups: fc.array(text) },
        { requiredKeys: [] },
      ),
    })
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.anything(),
        fc.array(fc.string()),
        fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('value')),
      ),
    })).value
    const isDecent = (name: string) =>
      name !== '' && name.length <= 255 && name === name.trim() && typeof name === 'string'
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), value, (rules, claims) => {
        const got = mapClaims(rules, claims)
        if (!got) return
        expect([got.userName, ...got.groups].every(isDecent)).toBe(true)
        expect(got.email === null || isDecent(got.email)).toBe(true)
        expect(new Set(got.groups).size).toBe(got.groups.length)
        expect(mapClaims(rules, claims)).toEqual(got)
      }),
      { numRuns: 300 },
    )
  })
})

describe('checking rules', () => {
  const told = (...rules: MappingRule[]) => checkMapping(rules).join('; ')

  it('finds nothing in good ones', () => {
    const other = {
      remote: [{ claim: 'g', notAnyOf: ['^x'], regex: true }],
      local: { groups: ['a'] },
    }
    expect(told(user, other)).toBe('')
  })

  const wrong: [Partial<MappingRule>, RegExp][] = [
    [{ remote: [] }, /^rule 0: remote is empty/],
    [{ remote: Array.from({ length: 21 }, () => ({ claim: 'a' })) }, /more than 20 conditions/],
    [{ remote: [{ claim: '' }] }, /remote 0: claim has 1 to 255/],
    [{ remote: [...user.remote, { claim: 'a', anyOneOf: [] }] }, /remote 1: .* 1 to 100 values/],
    [
      { remote: [...user.remote, { claim: 'a', anyOneOf: ['a'], notAnyOf: ['b'] }] },
      /exclude each/,
    ],
    [{ remote: [{ claim: 'a', regex: true }] }, /neither is there/],
    [
      { remote: [...user.remote, { claim: 'a', anyOneOf: ['('], regex: true }] },
      /remote 1: not a regular expression/,
    ],
    [{ local: {} }, /neither a userName nor groups/],
    [{ local: { userName: 'admin' } }, /all would be the same user/],
    [{ local: { userName: '{1}' } }, /\{1\} refers to nothing: .* there are 1 others/],
    [{ local: { userName: '{0' } }, /a brace/],
    [{ local: { userName: '{0}{name}' } }, /a brace/],
    [{ local: { userName: '{0}', groups: [''] } }, /local\.groups: it has 1 to 255/],
    [{ local: { userName: '{0}', groups: Array(101).fill('a') } }, /more than 100 groups/],
    [{ local: { userName: '{0}', email: '{3}' } }, /local\.email: \{3\}/],
  ]
  it.each(wrong)('finds what is wrong: %j', (rule, why) => expect(told(named(rule))).toMatch(why))

  it('wants rules, not too many, and one that names', () => {
    expect(told()).toMatch(/there is no rule/)
    expect(told(...Array.from({ length: 51 }, () => user))).toMatch(/more than 50 rules/)
    expect(told(named({ local: { groups: ['a'] } }))).toMatch(/no rule gives a userName/)
  })
})
