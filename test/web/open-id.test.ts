/** Signing in to the portal through an identity provider, in a real browser, at a real provider. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { startOpenIdProvider, type TestOpenIdProvider } from '../support/open-id-provider.ts'
import { type Portal, STORY_MS, startPortal } from '../support/portal.ts'

const NAME = 'example'

describeNeeds(portalProblem, 'signing in at an identity provider', () => {
  let p: Portal
  let provider: TestOpenIdProvider

  beforeAll(async () => {
    p = await startPortal({ hosts: 0, config: { roles: ['api'] } }, { isSignedIn: false })
    const { cloud } = p
    provider = await startOpenIdProvider(`${cloud.url}/v1/sign-in/${NAME}/callback`)
    const { id: domainId } = await cloud.cloud.db.domain.findFirstOrThrow()
    const input = {
      name: NAME,
      description: 'Example staff',
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      scopes: ['email', 'profile', 'groups'],
      domainId,
      mapping: [
        { remote: [{ claim: 'preferred_username' }], local: { userName: '{0}', groups: [] } },
      ],
    }
    await cloud.must(
      'mutation ($input: IdentityProviderCreateInput!) { identityProviderCreate(input: $input) { identityProvider { id } } }',
      { input },
      await cloud.signIn(),
    )
  }, STORY_MS)
  afterAll(async () => {
    await p?.stop()
    await provider?.stop()
  })

  it(
    'takes no answer to a sign-in that was not begun here',
    async () => {
      await p.open('login#ticket=somebody.elses.ticket')
      await p.page.getByText('This is the answer to another sign-in').waitFor()
      expect(new URL(p.page.url()).hash).toBe('')
    },
    STORY_MS,
  )

  it(
    'goes there and comes back signed in',
    async () => {
      await p.open('login')
      await p.page.getByRole('link', { name: /Example staff/ }).click()
      await p.page.getByRole('button', { name: 'ann', exact: true }).click()
      await p.page.getByRole('button', { name: 'yes', exact: true }).click()
      // Known, and without rights until somebody gives some.
      await p.page.getByText('You have no role in any project yet').waitFor()
      expect(new URL(p.page.url()).origin).toBe(p.cloud.url)
      const { db } = p.cloud.cloud
      const user = await db.user.findFirstOrThrow({ where: { name: 'ann' } })
      const entry = await db.auditEvent.findFirstOrThrow({
        where: { resourceId: user.id, action: 'identity.token.create' },
      })
      expect(entry).toMatchObject({ outcome: 'SUCCESS', after: { methods: ['openid'] } })
    },
    STORY_MS,
  )
})
