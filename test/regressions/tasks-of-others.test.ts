/**
 * Where a rule lets everybody see their own, who was asked about a whole project passed as its owner:
 * the caller was in the target. A token of a project without the role reader listed all its tasks.
 */
import { expect, it } from 'vitest'
import { allowInProject } from '../../services/access/allow.ts'
import { Policy } from '../../services/access/policy.ts'
import { defaultRules } from '../../services/access/rules.ts'
import type { Actor } from '../../services/context.ts'

const policy = Policy.of(defaultRules)
const actor = (roles: string[]): Actor => ({
  tokenId: 't',
  userId: 'ann',
  userName: 'Ann',
  userDomainId: 'd',
  projectId: 'red',
  projectName: 'red',
  projectDomainId: 'd',
  domainId: null,
  system: false,
  roles,
  operator: false,
  methods: ['password'],
  applicationCredentialId: null,
  accessRules: null,
  trustId: null,
  trustorUserId: null,
  issuedAt: new Date(0),
  expiresAt: new Date(1),
})

it('is no owner of what is in the project', () => {
  const ask = (roles: string[]) =>
    allowInProject({ policy, actor: actor(roles) }, 'core.task.list').projectId
  expect(ask(['reader'])).toBe('red')
  expect(() => ask(['service'])).toThrow('core.task.list')
})
