/** Sign-ins that meet each other, or somebody who takes the rights away at that moment. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import type { GraphqlAnswer } from '../support/client.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { newProject, newUser, tokenFor } from '../support/people.ts'

const ENTER = 'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret } }'
const PASSWORD = 'open sesame, open'

let cloud: Cluster
let projectId: string
beforeAll(async () => {
  cloud = await startCluster({ hosts: 0, config: { roles: ['api'] } })
  projectId = await newProject(cloud.cloud, 'work')
})
afterAll(() => cloud?.stop())

const codeOf = ({ errors }: GraphqlAnswer) => errors?.[0]?.extensions.code ?? 'OK'
const enter = (user: string, password = PASSWORD) =>
  cloud.gql(ENTER, { input: { password: { user, password } } })

describe('sign-ins of one user at once', () => {
  it('all succeed, also when the first of them has failures to forget', async () => {
    const id = await newUser(cloud.cloud, 'ann', { password: PASSWORD })
    expect(codeOf(await enter('ann', 'wrong'))).toBe('UNAUTHENTICATED')
    const answers = await Promise.all(Array.from({ length: 8 }, () => enter('ann')))
    expect(answers.map(codeOf)).toEqual(Array(8).fill('OK'))
    const user = await cloud.cloud.db.user.findUniqueOrThrow({ where: { id } })
    expect(user.failedLogins).toBe(0)
  })
})

describe('a token that was revoked a moment ago', () => {
  /** As another process writes it; this one has not heard of it yet. */
  const revokedElsewhere = (kind: string, subjectId: string) =>
    cloud.cloud.db.revocation.create({
      data: {
        id: newId(),
        kind,
        subjectId,
        before: new Date(),
        expiresAt: new Date(Date.now() + 3_600_000),
      },
    })

  it.each(['token', 'user', 'project'] as const)(
    'is not exchanged for one that would outlive the revocation of its %s',
    async (kind) => {
      const userId = await newUser(cloud.cloud, `user ${kind}`)
      const own = kind === 'project' ? await newProject(cloud.cloud, 'own') : projectId
      const token = tokenFor(cloud.cloud, { userId, projectId: own, role: 'member' })
      const exchange = () => cloud.gql(ENTER, { input: { token, scope: { unscoped: true } } })
      expect(codeOf(await exchange())).toBe('OK')
      const { tokenId } = cloud.cloud.tokens.verify(token, new Date())
      await revokedElsewhere(kind, { token: tokenId, user: userId, project: own }[kind])
      expect(codeOf(await exchange())).toBe('UNAUTHENTICATED')
      const later = tokenFor(cloud.cloud, { userId, projectId, role: 'member' })
      const input = { token: later, scope: { unscoped: true } }
      expect(codeOf(await cloud.gql(ENTER, { input }))).toBe('OK')
    },
  )
})
