/** A whole set of rules: the operator's files in the place of defaults, refusals with their lines. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearestName } from '../../server/nearest-name.ts'
import type { Credentials } from '../../services/access/language.ts'
import { Policy, PolicyError, type RuleDefaults } from '../../services/access/policy.ts'

const rules: RuleDefaults = {
  bases: {
    operator: 'role:admin and (system_scope:all or is_admin_project:True)',
    project_member: 'role:member and project_id:%(project_id)s',
    owner: 'user_id:%(user_id)s',
  },
  defaults: {
    'compute.server.create': { check: 'rule:project_member', description: 'Make servers' },
    'compute.server.list': { check: 'rule:operator or rule:project_member', description: 'See' },
    'compute.host.list': { check: 'rule:operator', description: 'See the hosts' },
    'identity.user.list': { check: 'rule:operator or rule:owner', description: 'See users' },
    'identity.role.list': { check: '@', description: 'See roles' },
  },
}

const ann: Credentials = {
  user_id: 'ann',
  user_domain_id: 'd1',
  project_id: 'p1',
  project_domain_id: 'd1',
  domain_id: null,
  system_scope: null,
  is_admin_project: false,
  roles: ['reader', 'member'],
}
const reader = { ...ann, roles: ['reader'] }
const operator = { ...ann, roles: ['admin'], system_scope: 'all' as const, project_id: null }

const file = (name: string, text: string) => ({ file: `${name}.yaml`, text })
const policyOf = (...files: { file: string; text: string }[]) =>
  Policy.of(rules, files, nearestName)

function problems(...files: { file: string; text: string }[]): readonly string[] {
  try {
    policyOf(...files)
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
  throw new Error('it should have been refused')
}

describe('the defaults', () => {
  const policy = policyOf()

  it('decide', () => {
    expect(policy.allows('compute.server.create', ann, { project_id: 'p1' })).toBe(true)
    expect(policy.allows('compute.server.create', ann, { project_id: 'p2' })).toBe(false)
    expect(policy.allows('compute.server.create', reader, { project_id: 'p1' })).toBe(false)
    expect(policy.allows('compute.server.create', ann, {})).toBe(false)
    expect(policy.allows('compute.host.list', operator, {})).toBe(true)
    expect(policy.allows('project_member', ann, { project_id: 'p1' })).toBe(true)
  })

  it('know their names', () => {
    expect(policy.has('compute.server.create')).toBe(true)
    expect(policy.has('constructor')).toBe(false)
    expect(() => policy.allows('constructor', ann, {})).toThrow('there is no rule constructor')
    expect(policy.rules()).toHaveLength(5)
    expect(policy.rules()[0]).toEqual({
      name: 'compute.server.create',
      check: 'rule:project_member',
      description: 'Make servers',
      overridden: false,
    })
  })

  it('are refused too when they are wrong', () => {
    const wrong = { ...rules, bases: { ...rules.bases, operator: 'role:admin and' } }
    expect(() => Policy.of(wrong)).toThrow(/^[^\n]*$/)
    expect(() => Policy.of(wrong)).toThrow(
      'default: operator: at letter 15: "and" is followed by nothing',
    )
  })
})

describe('an explanation', () => {
  const policy = policyOf(
    file(
      'compute',
      [
        'compute.server.list: "rule:operator or (role:auditor and not user_id:ann)"',
        'compute.host.list: "!"',
      ].join('\n'),
    ),
  )
  const told = (name: string, creds: Credentials, target = {}) =>
    policy.explain(name, creds, target)

  it('names what allowed, and how it was come to', () => {
    expect(told('compute.server.create', ann, { project_id: 'p1' })).toEqual({
      allowed: true,
      rule: 'rule:project_member',
      reason:
        'rule:project_member -> role:member and project_id:%(project_id)s: ' +
        'you have the role member, and the project is yours',
    })
    expect(told('identity.user.list', ann, { user_id: 'ann' }).reason).toBe(
      'rule:owner -> user_id:%(user_id)s: you are the user',
    )
    expect(told('identity.role.list', reader).reason).toBe('@: everybody may')
    expect(told('compute.server.list', operator).reason).toBe(
      'rule:operator -> role:admin and (system_scope:all or is_admin_project:True): ' +
        'you have the role admin, and your token is for the system',
    )
    expect(told('compute.server.list', { ...ann, user_id: 'bob', roles: ['auditor'] }).reason).toBe(
      'role:auditor and not user_id:ann: you have the role auditor, and it is not so that user_id:ann',
    )
  })

  it('says what is missing', () => {
    expect(told('compute.server.create', reader, { project_id: 'p1' })).toEqual({
      allowed: false,
      rule: 'rule:project_member',
      reason: 'needs the role member; you have reader',
    })
    expect(told('compute.server.create', ann, { project_id: 'p2' }).reason).toBe(
      'needs a token for the project p2; yours is for p1',
    )
    expect(told('compute.server.create', operator, { project_id: 'p2' }).reason).toBe(
      'needs the role member (you have admin); and needs a token for the project p2 (yours is for no project)',
    )
    expect(told('compute.server.create', ann).reason).toBe(
      'needs a target with project_id, and none is given',
    )
    expect(told('compute.server.create', ann, { project_id: null }).reason).toBe(
      'needs a target with a project; this one has none',
    )
    expect(told('compute.host.list', operator).reason).toBe('nobody may')
    expect(told('compute.server.create', { ...ann, roles: [] }, { project_id: 'p1' }).reason).toBe(
      'needs the role member; you have no role here',
    )
  })

  it('says it for each way in which it could have been allowed', () => {
    expect(told('identity.user.list', ann, { user_id: 'bob' }).reason).toBe(
      'rule:operator: needs the role admin (you have reader, member); and needs a token for the ' +
        "system (yours is not), or needs a token for the operator's project (yours is not). " +
        'Or rule:owner: needs the user bob (you are ann)',
    )
    expect(told('compute.server.list', { ...ann, roles: ['auditor'] }).reason).toContain(
      'Or role:auditor and not user_id:ann: needs that it is not so: your user_id is ann',
    )
  })
})

describe('the files of an operator', () => {
  it('override defaults, service by service', () => {
    const policy = policyOf(
      file('compute', '# nobody for now\ncompute.server.create: "!"\n'),
      file('identity', 'identity.role.list: role:reader\n'),
    )
    expect(policy.allows('compute.server.create', ann, { project_id: 'p1' })).toBe(false)
    expect(policy.allows('identity.role.list', ann, {})).toBe(true)
    expect(policy.allows('identity.role.list', operator, {})).toBe(false)
    const overridden = policy.rules().filter((rule) => rule.overridden)
    expect(overridden).toEqual([
      {
        name: 'compute.server.create',
        check: '!',
        description: 'Make servers',
        overridden: true,
      },
      {
        name: 'identity.role.list',
        check: 'role:reader',
        description: 'See roles',
        overridden: true,
      },
    ])
  })

  it('redefine bases for all that is made of them, and may add bases of their own', () => {
    const policy = policyOf(
      file('bases', 'project_member: rule:owner or role:builder\nauditor: role:auditor\n'),
      file('compute', 'compute.server.list: rule:auditor\n'),
    )
    const builder = { ...ann, roles: ['builder'] }
    expect(policy.allows('compute.server.create', builder, {})).toBe(true)
    expect(policy.allows('compute.server.list', builder, {})).toBe(false)
    expect(policy.allows('compute.server.list', { ...ann, roles: ['Auditor'] }, {})).toBe(true)
  })

  it('may be empty, and their checks may be written in any way that YAML has', () => {
    expect(policyOf(file('compute', ''), file('bases', '# nothing\n')).rules()).toHaveLength(5)
    const texts = ['"role:member"', "'role:member'", 'role:member # c', '|\n  role:member\n  or !']
    for (const text of texts) {
      const policy = policyOf(file('compute', `compute.host.list: ${text}\n`))
      expect(policy.allows('compute.host.list', ann, {})).toBe(true)
    }
    const open = policyOf(file('compute', 'compute.host.list: ""\n'))
    expect(open.allows('compute.host.list', ann, {})).toBe(true)
  })
})

describe('a wrong file', () => {
  it.each([
    [
      'compute',
      'compute.sever.create: "@"',
      ':1: there is no rule "compute.sever.create"; did you mean compute.server.create?',
    ],
    [
      'compute',
      '\ncompute.host.list: role:admin or',
      ':2: compute.host.list: at letter 14: "or" is followed by nothing',
    ],
    [
      'compute',
      'compute.host.list: "role:a\n  and role:b\n  role:c"',
      ':1: compute.host.list: at letter 19: "and" or "or" is missing',
    ],
    [
      'compute',
      'compute.host.list: rule:opertor',
      ':1: compute.host.list: there is no rule "opertor"; did you mean operator?',
    ],
    [
      'compute',
      'compute.host.list: "!"\ncompute.host.list: "@"',
      ':2: compute.host.list is there already, at compute.yaml:1',
    ],
    [
      'compute',
      'compute.host.list: 1',
      ':1: compute.host.list is 1, but must be a check in quotes',
    ],
    ['compute', 'compute.host.list: yes', ':1: compute.host.list: at letter 1: "yes" is no check'],
    [
      'compute',
      'compute.host.list: true',
      ':1: compute.host.list is true, but must be a check in quotes',
    ],
    ['compute', 'compute.host.list:', ':1: compute.host.list has no value'],
    ['compute', 'compute.host.list: |\n', ':1: compute.host.list has no value'],
    ['compute', 'compute.host.list: !', ':1: compute.host.list has a YAML tag'],
    ['compute', 'compute.host.list: ! role:admin', ':1: compute.host.list has a YAML tag'],
    [
      'compute',
      'compute.host.list: @',
      ":1: Plain value cannot start with reserved character @; write '@' in quotes",
    ],
    [
      'compute',
      'compute.host.list:\n  - role:admin',
      ':2: a rule is a name and a check in quotes, no list',
    ],
    ['compute', 'a: &x "@"\ncompute.host.list: *x', ':2: compute.host.list must be a check'],
    ['compute', '1: "@"', ':1: the name of a rule must be plain text'],
    ['compute', '<<: {}', ':1: a rule is a name and a check in quotes, no list'],
    ['compute', '? [a]\n: "@"', ':1: a rule is a name and a check'],
    ['compute', '- role:admin', ':1: must hold rules, one a line'],
    ['compute', 'role:admin', ':1: must hold rules, one a line'],
    ['compute', 'compute.host.list: "@', ':1: Missing closing "quote'],
    ['compute', '--- {}\n--- {}', ':2: Source contains multiple documents'],
    ['compute', 'identity.role.list: "@"', ':1: identity.role.list belongs in identity.yaml'],
    [
      'compute',
      'operator: "@"',
      ':1: operator is shared by all services: it belongs in bases.yaml',
    ],
    ['bases', 'compute.host.list: "@"', ':1: compute.host.list belongs in compute.yaml'],
    [
      'bases',
      'opertor: "@"',
      ':1: there is no base "opertor", and no rule refers to it; did you mean operator?',
    ],
    ['bases', '__proto__: "@"', ':1: there is no base "__proto__"'],
    ['compute', 'constructor: "@"', ':1: there is no rule "constructor"'],
    [
      'compte',
      'compute.host.list: "@"',
      ':1: no rule begins with compte. (there are compute, identity, bases); did you mean compute?',
    ],
    ['bases', 'owner: rule:owner', ':1: owner: refers back to itself: owner -> owner'],
    [
      'bases',
      'operator: "@"\nowner: rule:operator or rule:compute.host.list\nproject_member: rule:x\nx: not rule:project_member',
      ':3: project_member: refers back to itself: project_member -> x -> project_member',
    ],
  ])('%s: %j', (service, text, expected) => {
    const found = problems(file(service, text))
    expect(
      found.some((problem) => problem.startsWith(`${service}.yaml${expected}`)),
      found.join('\n'),
    ).toBe(true)
  })

  it('is one that is too long or too deep to read', () => {
    expect(problems(file('compute', `# ${'x'.repeat(300_000)}`))).toEqual([
      'compute.yaml:1: longer than 262144 letters',
    ])
    expect(problems(file('compute', '['.repeat(100_000)))[0]).toMatch(/^compute\.yaml:1: /)
  })

  it('tells a cycle that goes through the defaults where it was made', () => {
    expect(problems(file('bases', '\noperator: "role:x or rule:compute.host.list"'))).toEqual([
      'bases.yaml:2: operator: refers back to itself: operator -> compute.host.list -> operator',
    ])
  })

  it('is told together with all that is wrong, and nothing of the set is used', () => {
    const found = problems(
      file('compute', 'compute.host.list: "@"\ncompute.x: "@"\ncompute.server.list: "role:"\n'),
      file('identity', 'identity.role.list: rule:nobody\n'),
    )
    expect(found).toHaveLength(3)
    expect(found[0]).toMatch(/^compute\.yaml:2: /)
    expect(found[1]).toMatch(/^compute\.yaml:3: compute\.server\.list: at letter 6/)
    expect(found[2]).toMatch(/^identity\.yaml:1: identity\.role\.list: there is no rule "nobody"/)
  })

  it('is shortened when there is no end to it', () => {
    const text = Array.from({ length: 80 }, (_, i) => `compute.x${i}: "@"`).join('\n')
    try {
      policyOf(file('compute', text))
      expect.fail('it should have been refused')
    } catch (error) {
      expect(String(error).split('\n')).toHaveLength(51)
      expect(String(error)).toContain('and 30 more')
    }
  })

  it('is one whose rules refer too far or come to too much', () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, i) => `b${i}: rule:b${i + 1}`).join('\n') + `\nb${length}: "@"\n`
    const used = file('compute', 'compute.host.list: rule:b0\n')
    expect(policyOf(file('bases', chain(15)), used).allows('compute.host.list', ann, {})).toBe(true)
    for (const length of [16, 17, 5000]) {
      expect(problems(file('bases', chain(length)), used).join()).toContain('16 times in a row')
    }
    const doubling = Array.from({ length: 14 }, (_, i) => `b${i}: rule:b${i + 1} or rule:b${i + 1}`)
    expect(problems(file('bases', `${doubling.join('\n')}\nb14: "!"\n`), used).join()).toMatch(
      /comes to \d+ checks with all that it refers to; at most 1000/,
    )
  })

  it('never leads to anything but a PolicyError or a Policy', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        ...[
          'compute.host.list: ',
          '"@"',
          '! x',
          '&a ',
          '*a',
          '\n',
          '- ',
          '{',
          '}',
          '? ',
          ': ',
          '|\n',
        ],
        ...[
          'rule:operator',
          'owner: rule:operator',
          '%YAML 1.1\n---\n',
          '!!js/function ',
          '<<: *a',
        ],
      ),
    )
    const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join(''))
    fc.assert(
      fc.property(text, fc.constantFrom('compute', 'bases', 'x'), (text, service) => {
        try {
          policyOf(file(service, text))
        } catch (error) {
          expect(error).toBeInstanceOf(PolicyError)
          for (const problem of (error as PolicyError).problems) {
            expect(problem).toMatch(/^\w+\.yaml:[1-9]\d*: ./)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what a decision depends on', () => {
  it('is known through all references, but for the rules that are excepted', () => {
    const policy = policyOf()
    expect(policy.mentions(['user_id'])).toBe(true)
    expect(policy.mentions(['user_id'], 'identity.')).toBe(false)
    expect(policy.mentions(['trust_id', 'domain_id'])).toBe(false)
    expect(policy.mentions(['domain_id', 'project_id'], 'identity.')).toBe(true)
    expect(policy.mentions(['roles'], 'identity.')).toBe(true)
    const own = policyOf(file('bases', 'project_member: role:member and rule:owner'))
    expect(own.mentions(['user_id'], 'identity.')).toBe(true)
    expect(own.mentions(['user_id'], 'compute.')).toBe(true)
    const dotted = policyOf(file('compute', 'compute.host.list: token.user.id:x'))
    expect(dotted.mentions(['token'], 'identity.')).toBe(true)
  })
})

describe('two hundred rules', () => {
  it('are decided in less than a millisecond', () => {
    const defaults = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [
        `compute.thing.verb${i}`,
        { check: 'rule:operator or rule:project_member or rule:owner', description: '' },
      ]),
    )
    const policy = Policy.of({ bases: rules.bases, defaults })
    const names = policy.rules().map(({ name }) => name)
    const target = { project_id: 'p2', user_id: 'bob' }
    const rounds = 100
    const ask = () => names.filter((name) => policy.allows(name, ann, target)).length
    ask()
    const startedAt = performance.now()
    for (let round = 0; round < rounds; round++) expect(ask()).toBe(0)
    expect((performance.now() - startedAt) / rounds).toBeLessThan(1)
  })
})
