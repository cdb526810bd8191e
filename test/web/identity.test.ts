/** The identity pages as people use them: a real browser on a real cloud, by role and label only. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret, TOTP } from 'otpauth'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser, portalProblem, webDir } from '../support/browser.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { describeNeeds } from '../support/host.ts'

/** The machines of a test run are slow and shared. */
const PATIENCE_MS = 20_000
const STORY_MS = 120_000
const STEP_MS = 30_000
/** A folder for pictures of all pages, for those who want to look. */
const PICTURES = process.env.NEPHO_TEST_PICTURES

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
  let cloud: Cluster
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  /** Addresses of pages that the story made. */
  const made: Record<string, string> = {}
  let totpUri = ''
  let lastCode = ''

  beforeAll(async () => {
    if (PICTURES) await mkdir(PICTURES, { recursive: true })
    cloud = await startCluster({ hosts: 0, webDir, config: { roles: ['api', 'conductor'] } })
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, locale: 'en-US' })
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      // A refused sign-in is a 401 that the browser reports by itself.
      const isWorth = message.type() === 'error' || message.type() === 'warning'
      if (isWorth && !/status of 401/.test(message.text())) complaints.push(message.text())
    })
  }, STORY_MS)
  afterAll(async () => {
    await browser?.close()
    await cloud?.stop()
  })

  const button = (name: string, within: Page | Locator = page) =>
    within.getByRole('button', { name, exact: true }).first()
  const heading = (name: string | RegExp) => page.getByRole('heading', { name }).first()
  const dialog = () => page.getByRole('dialog').filter({ visible: true })
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) })
  }
  const path = () => new URL(page.url()).pathname

  async function choose(label: string, option: string | RegExp): Promise<void> {
    await dialog().getByLabel(label, { exact: true }).first().click()
    await page.getByRole('option', { name: option }).filter({ visible: true }).first().click()
  }

  /** Opens a list, fills the form of something new, and stands on its page. */
  async function create(list: string, verb: string, name: string, more?: () => Promise<void>) {
    await page.goto(`${cloud.url}/${list}`)
    await button(verb).click()
    await dialog().getByLabel('Name', { exact: true }).fill(name)
    await more?.()
    await picture(`form-${list}`)
    await button('Create', dialog()).click()
    await heading(name).waitFor()
    made[list] = path()
  }

  async function signIn(user: string, domain: string, password: string): Promise<void> {
    await page.getByLabel('User', { exact: true }).fill(user)
    await page.getByLabel('Password', { exact: true }).fill(password)
    if (domain !== 'Default') {
      await page.getByText('Domain and project').click()
      await page.getByLabel('Domain', { exact: true }).fill(domain)
    }
    await button('Sign in').click()
  }

  async function signOut(): Promise<void> {
    await button(await userMenuName()).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByLabel('Password', { exact: true }).waitFor()
  }
  const userMenuName = async (): Promise<string> =>
    (await page
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

  it(
    'makes a domain, a project, a user and a group',
    async () => {
      await page.goto(cloud.url)
      await signIn('admin', 'Default', PASSWORD)
      await heading('Overview').waitFor()
      await create('domains', 'Create domain', 'acme')
      await create('projects', 'Create project', 'web', () => choose('Domain', 'acme'))
      await create('users', 'Create user', 'ann', async () => {
        await choose('Domain', 'acme')
        await dialog().getByLabel('Password', { exact: true }).fill(FIRST_PASSWORD)
      })
      await create('groups', 'Create group', 'ops', () => choose('Domain', 'acme'))
      await button('Add user').click()
      await choose('User', /^ann/)
      await button('Add', dialog()).click()
      await page.getByRole('link', { name: 'ann', exact: true }).waitFor()
    },
    STORY_MS,
  )

  it(
    'gives a role on the page of the project, and shows by what ways it comes',
    async () => {
      await page.goto(`${cloud.url}${made.projects}?tab=access`)
      await button('Give role').click()
      await choose('Role', /^member/)
      await choose('User', /^ann/)
      await picture('form-role-assignment')
      await button('Give role', dialog()).click()
      await page.getByRole('row', { name: /member/ }).waitFor()
      await page.getByText('Effective', { exact: true }).click()
      await page.getByText('implied by member').first().waitFor()
    },
    STORY_MS,
  )

  it(
    'sets a limit',
    async () => {
      await page.goto(`${cloud.url}${made.projects}?tab=quotas`)
      const servers = page.getByRole('button', { name: 'Set limit of Servers', exact: true })
      await servers.click()
      await dialog().getByLabel('Limit', { exact: true }).fill('3')
      await button('Save', dialog()).click()
      await page.getByText('0 of 3').waitFor()
      await picture('project-quotas')
    },
    STORY_MS,
  )

  it(
    'tells what was done to a resource',
    async () => {
      await page.goto(`${cloud.url}${made.projects}?tab=history`)
      await page.getByText('identity.project.create').waitFor()
      await picture('project-history')
    },
    STORY_MS,
  )

  const looks = [
    ['light', 'en'],
    ['dark', 'zh'],
    ...(PICTURES
      ? ([
          ['dark', 'en'],
          ['light', 'zh'],
        ] as const)
      : []),
  ] as const
  for (const [look, language] of looks) {
    it(
      `shows every page, ${look}, ${language}`,
      async () => {
        await page.evaluate(
          ([isDark, code]) => {
            localStorage.setItem('nephograph.language', code)
            localStorage.setItem(
              'nephograph.appearance',
              JSON.stringify({ isDark, isCompact: false }),
            )
          },
          [look === 'dark', language] as const,
        )
        const name = (address: string) => `${language}-${look}-${address.replaceAll(/\W+/g, '-')}`
        for (const [address, english, chinese] of lists) {
          await page.goto(`${cloud.url}/${address}`)
          await heading(language === 'zh' ? chinese : english).waitFor()
          await page.getByRole('status').waitFor({ state: 'detached' })
          await picture(name(address))
        }
        for (const [kind, address] of Object.entries(made)) {
          await page.goto(cloud.url + address)
          await heading(/acme|web|ann|ops/).waitFor()
          await picture(name(`one-${kind}`))
        }
      },
      STORY_MS,
    )
  }

  it(
    'asks for a new password where one was lent',
    async () => {
      await page.evaluate(() => localStorage.setItem('nephograph.language', 'en'))
      await page.goto(`${cloud.url}/profile`)
      await signOut()
      await page.goto(`${cloud.url}/login`)
      await signIn('ann', 'acme', FIRST_PASSWORD)
      await page.getByLabel('New password', { exact: true }).fill(OWN_PASSWORD)
      await picture('login-new-password')
      await button('Sign in').click()
      await heading('Overview').waitFor()
      // What she may not see has no entry.
      expect(await page.getByRole('link', { name: 'Domains', exact: true }).count()).toBe(0)
    },
    STORY_MS,
  )

  it(
    'enrols a second factor and asks for its code from then on',
    async () => {
      await page.goto(`${cloud.url}/profile`)
      const answer = page.waitForResponse(async (response) =>
        (await response.text().catch(() => '')).includes('otpauth:'),
      )
      await button('Set up second factor').click()
      totpUri = (await (await answer).json()).data.totpCreate.uri
      await page.getByRole('img', { name: /authenticator app/ }).waitFor()
      await picture('totp')
      await dialog()
        .getByLabel('Code', { exact: true })
        .fill(await nextCode())
      await button('Confirm', dialog()).click()
      await button('Remove second factor').waitFor()

      await signOut()
      await page.goto(`${cloud.url}/login`)
      await signIn('ann', 'acme', OWN_PASSWORD)
      await page.getByLabel('Code', { exact: true }).fill(await nextCode())
      await picture('login-totp')
      await button('Sign in').click()
      await heading('Overview').waitFor()
    },
    STORY_MS,
  )

  it(
    'makes an application credential that signs in',
    async () => {
      await page.goto(`${cloud.url}/profile?tab=apps`)
      await button('Create application credential').click()
      await dialog().getByLabel('Name', { exact: true }).fill('ci')
      await choose('Roles', 'reader')
      await page.keyboard.press('Escape')
      await picture('form-application-credential')
      await button('Create', dialog()).click()
      await page.getByText('Keep this now').waitFor()
      const [id, secret] = await dialog().locator('code.secret').allInnerTexts()
      await picture('secret-once')
      await button('I have kept it').click()
      await page.getByRole('row', { name: /ci/ }).waitFor()
      const answer = await cloud.must(
        'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { token { roles { name } } } }',
        { input: { applicationCredential: { id, secret } } },
      )
      expect(answer.tokenCreate.token.roles).toEqual([{ name: 'reader' }])
    },
    STORY_MS,
  )

  it(
    'says by which rule something is refused, and who may',
    async () => {
      await page.goto(`${cloud.url}/access-check?action=identity.domain.create`)
      await page.getByText('You may not').waitFor()
      await page.goto(`${cloud.url}/identity-providers`)
      await page.getByRole('link', { name: 'Why not?' }).click()
      await heading('Access check').waitFor()
    },
    STORY_MS,
  )

  it(
    'changes the password and stays signed in',
    async () => {
      await page.goto(`${cloud.url}/profile`)
      await page.getByRole('link', { name: 'Change password' }).click()
      await page.getByLabel('Present password').fill(OWN_PASSWORD)
      await page.getByLabel('New password').fill(`${OWN_PASSWORD} 43`)
      await button('Change password').click()
      await page.getByText('Your password is changed').waitFor()
      await page.reload()
      await button('Remove second factor').waitFor()
    },
    STORY_MS,
  )

  it(
    'empties and deletes a project after showing what is in it',
    async () => {
      await signOut()
      await page.goto(`${cloud.url}/login`)
      await signIn('admin', 'Default', PASSWORD)
      await heading('Overview').waitFor()
      await page.goto(cloud.url + made.projects)
      await button('Create below').click()
      await dialog().getByLabel('Name', { exact: true }).fill('shop')
      await button('Create', dialog()).click()
      await heading('shop').waitFor()
      await page.goto(cloud.url + made.projects)
      await button('Delete').click()
      await dialog().getByText('Project: shop').waitFor()
      await picture('project-delete')
      await button('Delete all of it', dialog()).click()
      // The task is followed; the list comes when all of it is gone.
      await page.waitForURL(`${cloud.url}/projects`)
      await page.getByRole('link', { name: 'demo', exact: true }).waitFor()
      expect(await page.getByRole('link', { name: /^(web|shop)$/ }).count()).toBe(0)
    },
    STORY_MS,
  )

  it(
    'shows the whole system to those who have a role there',
    async () => {
      await page.goto(`${cloud.url}/users`)
      await button('Project: admin').click()
      await page.getByRole('menuitemcheckbox', { name: 'System' }).click()
      await button('System').waitFor()
      await page.getByRole('link', { name: 'ann', exact: true }).waitFor()
      await page.goto(cloud.url)
      await page.getByText('This page is about a project').waitFor()
      await picture('system-scope')
      await button('System').click()
      await page.getByRole('menuitemcheckbox', { name: 'demo' }).click()
      await heading('Overview').waitFor()
    },
    STORY_MS,
  )

  it('never complained in the console of the browser', () => {
    expect([...new Set(complaints)]).toEqual([])
  })
})
