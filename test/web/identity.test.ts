/** The identity pages as people use them: a real browser on a real cloud, by role and label only. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal, storiesOf } from '../support/portal.ts'

/** How long a code is good (RFC 6238). */
const STEP_MS = 30_000

const FIRST_PASSWORD = 'lent out for a day 17'
const OWN_PASSWORD = 'a goldfish rides westward 42'

const lists: [address: string, english: string, chinese: string][] = [
  ['projects', 'Projects', '项目'],
  ['users', 'Users', '用户'],
  ['groups', 'Groups', '用户组'],
  ['roles', 'Roles', '角色'],
  ['domains', 'Domains', '域'],
  ['role-assignments', 'Role assignments', '角色分配'],
  ['role-assignments?kind=effective', 'Role assignments', '角色分配'],
  ['quotas', 'Quotas', '配额'],
  ['services', 'Services', '服务'],
  ['services?tab=endpoints', 'Services', '服务'],
  ['services?tab=regions', 'Services', '服务'],
  ['identity-providers', 'Identity providers', '身份提供方'],
  ['audit-log', 'Audit log', '审计日志'],
  ['access-check?action=identity.domain.create', 'Access check', '权限检查'],
  ['profile', 'Profile and credentials', '个人资料和凭据'],
  ['profile?tab=apps', 'Profile and credentials', '个人资料和凭据'],
  ['profile?tab=ec2', 'Profile and credentials', '个人资料和凭据'],
  ['profile?tab=trusts', 'Profile and credentials', '个人资料和凭据'],
]

describeNeeds(portalProblem, 'the identity pages of the portal', () => {
  let p: Portal
  /** Addresses of pages that the story made, by the list they are in. */
  const made: Record<string, string> = {}
  let totpUri = ''
  let lastCode = ''

  beforeAll(async () => {
    p = await startPortal(
      { hosts: 0, config: { roles: ['api', 'conductor'] } },
      { isSignedIn: false },
    )
  }, STORY_MS)
  afterAll(() => p?.stop())

  const story = storiesOf(() => p)

  /** Opens a list, fills the form of something new, and stands on its page. */
  async function create(list: string, verb: string, name: string, more?: () => Promise<void>) {
    await p.open(list)
    await p.button(verb).click()
    await p.inDialog('Name').fill(name)
    await more?.()
    await p.picture(`form-${list}`)
    await p.submit('Create')
    await p.heading(name).waitFor()
    made[list] = p.path()
  }

  async function signOut(): Promise<void> {
    await p.button(await userMenuName()).click()
    await p.page.getByRole('menuitem', { name: 'Sign out' }).click()
    await p.page.getByLabel('Password', { exact: true }).waitFor()
  }
  const userMenuName = async (): Promise<string> =>
    (await p.page
      .getByRole('button', { name: /^User: / })
      .first()
      .getAttribute('aria-label')) ?? ''

  /** A code that was not used yet: each is good once. */
  async function nextCode(): Promise<string> {
    const { secret } = Object.fromEntries(new URL(totpUri).searchParams)
    const totp = new TOTP({ secret: Secret.fromBase32(secret ?? '') })
    // A code of the next half minute is taken too.
    const codes = [totp.generate(), totp.generate({ timestamp: Date.now() + STEP_MS })]
    const code = codes.find((one) => one > '' && one !== lastCode) ?? ''
    lastCode = code
    return code
  }

  story('makes a domain, a project, a user and a group', async () => {
    await p.open('')
    await p.signIn()
    await p.heading('Overview').waitFor()
    await create('domains', 'Create domain', 'acme')
    await create('projects', 'Create project', 'web', () => p.choose('Domain', 'acme'))
    await create('users', 'Create user', 'ann', async () => {
      await p.choose('Domain', 'acme')
      await p.inDialog('Password').fill(FIRST_PASSWORD)
    })
    await create('groups', 'Create group', 'ops', () => p.choose('Domain', 'acme'))
    await p.button('Add user').click()
    await p.choose('User', /^ann/)
    await p.submit('Add')
    await p.page.getByRole('link', { name: 'ann', exact: true }).waitFor()
  })

  story('gives a role on the page of the project, and shows by what ways it comes', async () => {
    await p.open(`${made.projects}?tab=access`)
    await p.button('Give role').click()
    await p.choose('Role', /^member/)
    await p.choose('User', /^ann/)
    await p.picture('form-role-assignment')
    await p.submit('Give role')
    await p.page.getByRole('row', { name: /member/ }).waitFor()
    await p.page.getByText('Effective', { exact: true }).click()
    await p.page.getByText('implied by member').first().waitFor()
  })

  story('puts a region into another, and takes it out again', async () => {
    await p.open('services?tab=regions')
    const region = p.page.getByRole('row', { name: /^north/ })
    const edit = async (parent: string) => {
      await p.button('Actions of north').click()
      await p.page.getByRole('menuitem', { name: 'Edit' }).click()
      await p.choose('Part of region', parent)
      await p.picture(`form-region-${parent}`)
      await p.submit('Save')
      await p.dialog().waitFor({ state: 'detached' })
    }
    await p.button('Create region').click()
    await p.inDialog('Name').fill('north')
    await p.submit('Create')
    await region.waitFor()
    await edit('RegionOne')
    await region.getByText('RegionOne').waitFor()
    await edit('None')
    await region.getByText('RegionOne').waitFor({ state: 'detached' })
  })

  story('sets a limit', async () => {
    await p.open(`${made.projects}?tab=quotas`)
    const servers = p.page.getByRole('button', { name: 'Set limit of Servers', exact: true })
    await servers.click()
    await p.inDialog('Limit').fill('3')
    await p.submit('Save')
    await p.page.getByText('0 of 3').waitFor()
    await p.picture('project-quotas')
  })

  story('tells what was done to a resource', async () => {
    await p.open(`${made.projects}?tab=history`)
    await p.page.getByText('identity.project.create').waitFor()
    await p.picture('project-history')
  })

  for (const look of [
    { language: 'en', isDark: false },
    { language: 'zh', isDark: true },
  ] as const) {
    story(`shows every page, ${look.language}, ${look.isDark ? 'dark' : 'light'}`, () =>
      p.everyPage(look, [
        ...lists.map(([address, en, zh]) => ({ address, heading: { en, zh }[look.language] })),
        ...Object.values(made).map((address) => ({ address, heading: /acme|web|ann|ops/ })),
      ]),
    )
  }

  story('asks for a new password where one was lent', async () => {
    await p.page.evaluate(() => localStorage.setItem('nephograph.language', 'en'))
    await p.open('profile')
    await signOut()
    await p.open('login')
    await p.signIn('ann', FIRST_PASSWORD, 'acme')
    await p.page.getByLabel('New password', { exact: true }).fill(OWN_PASSWORD)
    await p.picture('login-new-password')
    await p.button('Sign in').click()
    await p.heading('Overview').waitFor()
    // What she may not see has no entry.
    expect(await p.page.getByRole('link', { name: 'Domains', exact: true }).count()).toBe(0)
  })

  story('enrols a second factor and asks for its code from then on', async () => {
    await p.open('profile')
    const answer = p.page.waitForResponse(async (response) =>
      (await response.text().catch(() => '')).includes('otpauth:'),
    )
    await p.button('Set up second factor').click()
    totpUri = (await (await answer).json()).data.totpCreate.uri
    await p.page.getByRole('img', { name: /authenticator app/ }).waitFor()
    await p.picture('totp')
    await p
      .dialog()
      .getByLabel('Code', { exact: true })
      .fill(await nextCode())
    await p.submit('Confirm')
    await p.button('Remove second factor').waitFor()

    await signOut()
    await p.open('login')
    await p.signIn('ann', OWN_PASSWORD, 'acme')
    await p.page.getByLabel('Code', { exact: true }).fill(await nextCode())
    await p.picture('login-totp')
    await p.button('Sign in').click()
    await p.heading('Overview').waitFor()
  })

  story('makes an application credential that signs in', async () => {
    await p.open('profile?tab=apps')
    await p.button('Create application credential').click()
    await p.inDialog('Name').fill('ci')
    await p.choose('Roles', 'reader')
    await p.page.keyboard.press('Escape')
    await p.picture('form-application-credential')
    await p.submit('Create')
    await p.page.getByText('Keep this now').waitFor()
    const [id, secret] = await p.dialog().locator('code.secret').allInnerTexts()
    await p.picture('secret-once')
    await p.button('I have kept it').click()
    await p.page.getByRole('row', { name: /ci/ }).waitFor()
    const answer = await p.cloud.must(
      'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { token { roles { name } } } }',
      { input: { applicationCredential: { id, secret } } },
    )
    expect(answer.tokenCreate.token.roles).toEqual([{ name: 'reader' }])
  })

  story('says by which rule something is refused, and who may', async () => {
    await p.open('access-check?action=identity.domain.create')
    await p.page.getByText('You may not').waitFor()
    await p.open('identity-providers')
    await p.page.getByRole('link', { name: 'Why not?' }).click()
    await p.heading('Access check').waitFor()
  })

  story('changes the password and stays signed in', async () => {
    await p.open('profile')
    await p.page.getByRole('link', { name: 'Change password' }).click()
    await p.page.getByLabel('Present password').fill(OWN_PASSWORD)
    await p.page.getByLabel('New password').fill(`${OWN_PASSWORD} 43`)
    await p.button('Change password').click()
    await p.page.getByText('Your password is changed').waitFor()
    await p.page.reload()
    await p.button('Remove second factor').waitFor()
  })

  story('empties and deletes a project after showing what is in it', async () => {
    await signOut()
    await p.open('login')
    await p.signIn()
    await p.heading('Overview').waitFor()
    await p.open(made.projects ?? '')
    await p.button('Create below').click()
    await p.inDialog('Name').fill('shop')
    await p.submit('Create')
    await p.heading('shop').waitFor()
    await p.open(made.projects ?? '')
    await p.button('Delete').click()
    await p.dialog().getByText('Project: shop').waitFor()
    await p.picture('project-delete')
    await p.submit('Delete all of it')
    // The task is followed; the list comes when all of it is gone.
    await p.page.waitForURL(`${p.cloud.url}/projects`)
    await p.page.getByRole('link', { name: 'demo', exact: true }).waitFor()
    expect(await p.page.getByRole('link', { name: /^(web|shop)$/ }).count()).toBe(0)
  })

  story('shows the whole system to those who have a role there', async () => {
    await p.open('users')
    await p.button('Project: admin').click()
    await p.page.getByRole('menuitemcheckbox', { name: 'System' }).click()
    await p.button('System').waitFor()
    await p.page.getByRole('link', { name: 'ann', exact: true }).waitFor()
    await p.open('')
    await p.page.getByText('This page is about a project').waitFor()
    await p.picture('system-scope')
    await p.button('System').click()
    await p.page.getByRole('menuitemcheckbox', { name: 'demo' }).click()
    await p.heading('Overview').waitFor()
  })

  it('never complained in the console of the browser', () => {
    expect([...new Set(p.complaints)]).toEqual([])
  })
})
