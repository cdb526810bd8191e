/** What the identity pages are made of, as far as it is plain functions. */
import { readFileSync } from 'node:fs'
import { buildSchema, isObjectType } from 'graphql'
import { expect, test } from 'vitest'
import { embeddedTypes } from '../../web/embedded-types.ts'
import { rowOf, ruleOf } from '../../web/parts/identity/mapping-rows.ts'
import { momentOf } from '../../web/parts/identity/moment-field.ts'
import { inTree } from '../../web/parts/identity/project-tree.ts'

test('projects stand below their parents, and at the edge without one in the page', () => {
  const project = (id: string, parentId: string | null) => ({ id, parentId })
  const page = [
    project('child', 'root'),
    project('lost', 'on another page'),
    project('root', null),
    project('grandchild', 'child'),
  ]
  expect(inTree(page).map(({ id, depth }) => [id, depth])).toEqual([
    ['lost', 0],
    ['root', 0],
    ['child', 1],
    ['grandchild', 2],
  ])
})

test('a mapping rule is the same after it was shown and sent', () => {
  const rule = {
    remote: [
      { claim: 'preferred_username' },
      { claim: 'groups', anyOneOf: ['ops', 'dev'] },
      { claim: 'email', notAnyOf: ['a@b.c'] },
      { claim: 'email', anyOneOf: ['^[a-z]{2,3}@acme=x$'], regex: true },
      { claim: 'realm_access.roles', notAnyOf: ['guest.*'], regex: true },
    ],
    local: { userName: '{0}', email: undefined, groups: ['ops', '{1}'] },
  }
  const shown = rowOf({
    remote: rule.remote.map((one) => ({
      claim: one.claim,
      anyOneOf: one.anyOneOf ?? null,
      notAnyOf: one.notAnyOf ?? null,
      regex: one.regex ?? null,
    })),
    local: { userName: '{0}', email: null, groups: ['ops', '{1}'] },
  })
  expect(shown.conditions.split('\n')).toEqual([
    'preferred_username',
    'groups = ops, dev',
    'email != a@b.c',
    'email ~ ^[a-z]{2,3}@acme=x$',
    'realm_access.roles !~ guest.*',
  ])
  expect(ruleOf(shown)).toEqual(rule)
})

test('an end is a day up to its last second, a moment, or what the API finds wrong', () => {
  expect(momentOf('  ')).toBeUndefined()
  expect(momentOf('2030-12-31')).toBe(new Date(2030, 11, 31, 23, 59, 59).toISOString())
  expect(momentOf('2030-12-31 08:30')).toBe(new Date(2030, 11, 31, 8, 30).toISOString())
  expect(momentOf('tomorrow')).toBe('tomorrow')
})

test('the cache knows of every type without an id', () => {
  const schema = buildSchema(readFileSync('schema/schema.graphql', 'utf8'))
  const roots = ['Query', 'Mutation', 'Subscription']
  const without = Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) && !type.name.startsWith('__') && !type.getFields().id ? [type.name] : [],
  )
  expect(without.filter((name) => ![...roots, ...embeddedTypes].includes(name))).toEqual([])
})
