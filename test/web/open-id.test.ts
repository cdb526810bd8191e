/** Signing in to the portal through an identity provider, in a real browser, at a real provider. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser, portalProblem, webDir } from '../support/browser.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { describeNeeds } from '../support/host.ts'
import { startOpenIdProvider, type TestOpenIdProvider } from '../support/open-id-provider.ts'

const NAME = 'example'
const PATIENCE_MS = 20_000
const START_MS = 60_000

describeNeeds(portalProblem, 'signing in at an identity provider', () => {
  let cloud: Cluster
  let provider: TestOpenIdProvider
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    cloud = await startCluster({ hosts: 0, webDir, config: { roles: ['api'] } })
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
    browser = await launchBrowser()
    page = await browser.newPage({ locale: 'en-US' })
    page.setDefaultTimeout(PATIENCE_MS)
  }, START_MS)
  afterAll(async () => {
    await browser?.close()
    await provider?.stop()
    await cloud?.stop()
  })

  it('takes no answer to a sign-in that was not begun here', async () => {
    await page.goto(`${cloud.url}/login#ticket=somebody.elses.ticket`)
    await page.getByText('This is the answer to another sign-in').waitFor()
    expect(new URL(page.url()).hash).toBe('')
  })

  it('goes there and comes back signed in', async () => {
    await page.goto(`${cloud.url}/login`)
    await page.getByRole('link', { name: /Example staff/ }).click()
    await page.getByRole('button', { name: 'ann', exact: true }).click()
    await page.getByRole('button', { name: 'yes', exact: true }).click()
    // Known, and without rights until somebody gives some.
    await page.getByText('You have no role in any project yet').waitFor()
    expect(new URL(page.url()).origin).toBe(cloud.url)
    const { db } = cloud.cloud
    const user = await db.user.findFirstOrThrow({ where: { name: 'ann' } })
    const entry = await db.auditEvent.findFirstOrThrow({
      where: { resourceId: user.id, action: 'identity.token.create' },
    })
    expect(entry).toMatchObject({ outcome: 'SUCCESS', after: { methods: ['openid'] } })
  })
})
