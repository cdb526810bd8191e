/** The rule language: what oslo.policy decides, what is refused, and that nothing else comes out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile } from '../../services/access/evaluate.ts'
import { explain, textOfCheck } from '../../services/access/explain.ts'
import {
  type Check,
  type Credentials,
  parseRule,
  type Target,
} from '../../services/access/language.ts'
import { RuleError } from '../../services/access/tokens.ts'

const creds: Credentials = {
  user_id: 'u1',
  user_domain_id: 'd1',
  project_id: 'p1',
  project_domain_id: 'd1',
  domain_id: null,
  system_scope: null,
  is_admin_project: false,
  roles: ['Member', 'reader'],
  quota: 20,
  constructor_like: { a: { b: ['BANANAS', 'APPLES'] }, list: [{ id: 'one' }, {}, { id: 'two' }] },
}
const target: Target = {
  project_id: 'p1',
  domain_id: null,
  enabled: true,
  locked: false,
  name: 'spam',
  role_name: 'MEMBER',
  count: 20,
  'target.project.id': 'p1',
  none_text: 'None',
  absent: undefined,
}

const noRules = (name: string): never => {
  throw new Error(`no rule ${name}`)
}
const decide = (text: string, as: Credentials = creds, of: Target = target): boolean =>
  compile(parseRule(text), noRules)(as, of)

function refusal(text: string): string {
  try {
    parseRule(text)
  } catch (error) {
    if (error instanceof RuleError) return error.message
    throw error
  }
  throw new Error(`${text} should have been refused`)
}

describe('a rule', () => {
  it.each([
    ['', true],
    ['@', true],
    ['!', false],
    [' @ ', true],
    ['role:member', true],
    ['role:MEMBER', true],
    ['role:admin', false],
    ['role:%(role_name)s', true],
    ['role:%(name)s', false],
    ['role:%(missing)s', false],
    ['project_id:%(project_id)s', true],
    ['project_id:%(target.project.id)s', true],
    ['project_id:%(name)s', false],
    ['project_id:p1', true],
    ["project_id:'p1'", true],
    ['project_id:p2', false],
    ['user_id:%(missing)s', false],
    ['user_id:%(absent)s', false],
    ['quota:20', true],
    ['quota:%(count)s', true],
    ["'spam':%(name)s", true],
    ['"spam":%(name)s', true],
    ["'ham':%(name)s", false],
    ['True:%(enabled)s', true],
    ['True:%(locked)s', false],
    ['False:%(locked)s', true],
    ['20:%(count)s', true],
    ['20.0:%(count)s', true],
    ['21:%(count)s', false],
    ['None:%(domain_id)s', true],
    ['None:%(project_id)s', false],
    ['None:%(missing)s', false],
    ['is_admin_project:False', true],
    ['is_admin_project:True', false],
    ['system_scope:None', true],
    ['system_scope:all', false],
    ['constructor_like.a.b:APPLES', true],
    ['constructor_like.a.b:PEACHES', false],
    ['constructor_like.list.id:two', true],
    ['constructor_like.list.none:two', false],
    ['roles:reader', true],
    ['nothing.at.all:x', false],
    // Precedence: not before and before or.
    ['@ or @ and !', true],
    ['(@ or @) and !', false],
    ['! and ! or @', true],
    ['not ! and !', false],
    ['not (! and !)', true],
    ['not not @', true],
    ['NOT ! And @ oR !', true],
    ['(@)and(@)', true],
    ['role:member and(project_id:%(project_id)s)', true],
    ['role:admin or (project_id:%(project_id)s and role:member)', true],
    ['project_id:%(project_id)s and not role:dunce', true],
    ['role:admin\n  or\trole:member', true],
  ])('%j is %s, as in oslo.policy', (text, expected) => {
    expect(decide(text)).toBe(expected)
  })

  it.each([
    // null against null would make everybody without a project the owner of what has none.
    ['domain_id:%(domain_id)s', false],
    // A project may be named "None".
    ['domain_id:%(none_text)s', false],
    ['None:%(none_text)s', false],
    ["domain_id:'None'", false],
    // Inherited properties are nobody's credentials.
    ['constructor.name:Object', false],
    ['__proto__.x:%(name)s', false],
    ['user_id.length:2', false],
    ['toString:%(constructor)s', false],
  ])('%j is %s: stricter than oslo.policy', (text, expected) => {
    expect(decide(text)).toBe(expected)
  })

  it('takes more than oslo does: quoted texts with spaces and parentheses', () => {
    expect(decide("'a (b) c':%(name)s", creds, { name: 'a (b) c' })).toBe(true)
    expect(decide("role:'project admin'", { ...creds, roles: ['Project Admin'] })).toBe(true)
    expect(decide('role:администратор', { ...creds, roles: ['Администратор'] })).toBe(true)
  })
})

describe('a wrong rule', () => {
  it.each([
    ['role', 1, 'a colon is missing'],
    ['role:a or', 10, '"or" is followed by nothing'],
    ['not', 4, '"not" is followed by nothing'],
    ['or role:a', 1, 'a check must stand before "or"'],
    ['role:a and or role:b', 12, 'a check must stand before "or"'],
    ['role:a role:b', 8, '"and" or "or" is missing before "role:b"'],
    ['role:a not role:b', 8, '"and" or "or" is missing before "not"'],
    ['(role:a', 1, 'never closed'],
    ['(role:a role:b)', 9, '"and" or "or" is missing'],
    ['role:a)', 7, 'closes nothing'],
    ['()', 2, 'a check must stand before ")"'],
    ['   ', 1, 'nothing but spaces'],
    ['!role:a', 1, 'write "not"'],
    ['role:a & role:b', 8, '"&" means nothing here'],
    ['role:a; role:b', 7, '";" means nothing here'],
    ['role:a\u{1f600}', 7, '"\u{1f600}" means nothing here'],
    [':x', 1, 'a name is missing'],
    ['role:', 6, 'something is missing after the colon'],
    ["role:''", 1, 'a role has a name'],
    ['rule:%(name)s', 1, 'takes the name of a rule'],
    ['project_id:%(project_id)', 12, 'is written %(name)s'],
    ['project_id:%()s', 12, 'is written %(name)s'],
    ['project_id:%(a b)s', 12, 'is written %(name)s'],
    ['project_id:x%(id)s', 13, '"%" means nothing here'],
    ["'open:%(name)s", 1, 'this quote is never closed'],
    ["'a\\'b':%(name)s", 3, 'no backslash'],
    ['http://example.com/%(id)s', 1, 'asks no other server'],
    ['HTTPS://example.com/', 1, 'asks no other server'],
    ['true:%(enabled)s', 1, '"true" is written True'],
    ['Role:admin', 1, '"Role" is written role'],
    ['a..b:c', 1, 'a dot too many'],
    ['[1,2]:%(x)s', 1, '"[" means nothing here'],
  ])('%j is refused at letter %d: %s', (text, letter, words) => {
    const message = refusal(text)
    expect(message).toContain(words)
    expect(message.startsWith(`at letter ${letter}: `), message).toBe(true)
  })

  it('is also one that is too long or too deep', () => {
    expect(refusal(`role:${'x'.repeat(5000)}`)).toContain('at most 4096 letters')
    const deep = (levels: number) => `${'('.repeat(levels)}@${')'.repeat(levels)}`
    expect(decide(deep(32))).toBe(true)
    expect(refusal(deep(33))).toBe('at letter 34: nested more than 32 deep')
    expect(refusal(`${'not '.repeat(1000)}@`)).toContain('nested more than 32 deep')
  })
})

describe('whatever is written', () => {
  it('either parses or is refused with a place in the text', () => {
    const pieces = fc.constantFrom(
      ...[
        '(',
        ')',
        ' ',
        'and',
        'or',
        'not',
        '@',
        '!',
        ':',
        "'",
        '"',
        '%(',
        ')s',
        'role:',
        'rule:x',
      ],
      ...['a:b', 'True', 'http:', '\\', '.', '\n', '\u{1f600}', '\ud800', '__proto__:', '-1.5:'],
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(pieces, { maxLength: 25 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (text) => {
        try {
          parseRule(text)
        } catch (error) {
          if (!(error instanceof RuleError)) throw error
          expect(error.at).toBeGreaterThanOrEqual(0)
          expect(error.at).toBeLessThanOrEqual(text.length)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is read in a time that grows with its length', () => {
    const hostile = ["'", '"', '%(', '((((', '\\', 'a.', "a:'", 'not ', '@ and ', '-1']
    const startedAt = performance.now()
    for (const part of hostile) {
      try {
        parseRule(part.repeat(4096).slice(0, 4096))
      } catch (error) {
        expect(error).toBeInstanceOf(RuleError)
      }
    }
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})

/** A tree, how it is written, and what it means: told by the test alone. */
type Tree =
  | { leaf: string; value: boolean }
  | { not: Tree }
  | { and: [Tree, Tree] }
  | { or: [Tree, Tree] }

const meaning = (tree: Tree): boolean => {
  if ('leaf' in tree) return tree.value
  if ('not' in tree) return !meaning(tree.not)
  if ('and' in tree) return meaning(tree.and[0]) && meaning(tree.and[1])
  return meaning(tree.or[0]) || meaning(tree.or[1])
}

/** With no more parentheses than `binding` asks for: 1 or, 2 and, 3 not. */
const written = (tree: Tree, binding = 1): string => {
  const wrap = (own: number, text: string) => (own < binding ? `(${text})` : text)
  if ('leaf' in tree) return tree.leaf
  if ('not' in tree) return wrap(3, `not ${written(tree.not, 3)}`)
  if ('and' in tree) return wrap(2, `${written(tree.and[0], 2)} and ${written(tree.and[1], 2)}`)
  return wrap(1, `${written(tree.or[0], 1)} or ${written(tree.or[1], 1)}`)
}

const leaves: [string, boolean][] = [
  ['@', true],
  ['!', false],
  ['role:member', true],
  ['role:admin', false],
  ['project_id:%(project_id)s', true],
  ['domain_id:%(domain_id)s', false],
  ['True:%(enabled)s', true],
  ["'a) or (b':%(name)s", false],
  ['quota:20', true],
]
const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom(...leaves).map(([leaf, value]) => ({ leaf, value })),
    fc.record({ not: tie('tree') }),
    fc.record({ and: fc.tuple(tie('tree'), tie('tree')) }),
    fc.record({ or: fc.tuple(tie('tree'), tie('tree')) }),
  ),
})).tree

describe('any tree of checks', () => {
  it('means what was written, also when it is printed again, and is explained as it is decided', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const check: Check = parseRule(written(tree))
        const expected = meaning(tree)
        expect(compile(check, noRules)(creds, target)).toBe(expected)
        expect(parseRule(textOfCheck(check))).toEqual(check)
        const told = explain(check, { creds, target, ruleNamed: noRules })
        expect(told.allowed).toBe(expected)
        expect(told.reason).not.toBe('')
      }),
      { numRuns: 1000 },
    )
  })
})
