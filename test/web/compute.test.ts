/** Servers and hosts as people look after them: a real browser on a simulated cloud, by role and label. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser, portalProblem, webDir } from '../support/browser.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { describeNeeds } from '../support/host.ts'
import { putImage } from '../support/stories.ts'

/** The machines of a test run are slow and shared. */
const PATIENCE_MS = 60_000
const STORY_MS = 300_000
/** A folder for pictures of all pages, for those who want to look. */
const PICTURES = process.env.NEPHO_TEST_PICTURES

const lists: [address: string, english: string, chinese: string][] = [
  ['servers', 'Servers', '服务器'],
  ['servers/new', 'Launch server', '创建服务器'],
  ['server-groups', 'Server groups', '服务器组'],
  ['keypairs', 'Key pairs', '密钥对'],
  ['flavors', 'Flavors', '规格'],
  ['hosts', 'Hosts', '主机'],
  ['aggregates', 'Host aggregates', '主机聚合'],
  ['availability-zones', 'Availability zones', '可用区'],
  ['migrations', 'Migrations', '迁移'],
  ['placement', 'Placement', '调度分析'],
  ['processes', 'Processes', '进程'],
]

describeNeeds(portalProblem, 'the compute pages of the portal', () => {
  let cloud: Cluster
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  /** Addresses of pages that the story made. */
  const made: Record<string, string> = {}

  beforeAll(async () => {
    if (PICTURES) await mkdir(PICTURES, { recursive: true })
    cloud = await startCluster({ hosts: 3, webDir })
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, locale: 'en-US' })
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      const isWorth = message.type() === 'error' || message.type() === 'warning'
      if (isWorth) complaints.push(message.text())
    })
    await putImage(cloud, await cloud.signIn(), 'disk')
    await page.goto(cloud.url)
    await page.getByLabel('User', { exact: true }).fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await button('Sign in').click()
    await heading('Overview').waitFor()
  }, STORY_MS)
  afterAll(async () => {
    await browser?.close()
    await cloud?.stop()
  })

  const button = (name: string | RegExp, within: Page | Locator = page) =>
    within.getByRole('button', { name, exact: true }).first()
  const heading = (name: string | RegExp) => page.getByRole('heading', { name }).first()
  const dialog = () => page.getByRole('dialog').filter({ visible: true })
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
  }
  const path = () => new URL(page.url()).pathname
  const open = (address: string) => page.goto(`${cloud.url}/${address}`)
  const status = (text: string) => page.getByText(text, { exact: true }).first().waitFor()

  async function choose(label: string, option: string | RegExp): Promise<void> {
    await dialog().getByLabel(label, { exact: true }).first().click()
    await page.getByRole('option', { name: option }).filter({ visible: true }).first().click()
  }

  /** One of the menu of a server's page, by its group. */
  async function act(group: string, action: string): Promise<void> {
    await button('More actions').click()
    const item = page.getByRole('menuitem', { name: action, exact: true })
    if (!(await item.isVisible())) {
      await page.getByRole('menuitem', { name: group, exact: true }).click()
    }
    await item.click()
  }

  it(
    'makes a flavor with extra specs',
    async () => {
      await open('flavors')
      await button('Create flavor').click()
      await dialog().getByLabel('Name', { exact: true }).first().fill('story.large')
      await dialog().getByLabel('vCPUs', { exact: true }).fill('2')
      await dialog().getByLabel('Memory in MiB', { exact: true }).fill('256')
      await button('Add line', dialog()).click()
      await dialog().getByLabel('Name 1', { exact: true }).fill('trait:CUSTOM_STORY')
      await dialog().getByLabel('Value 1', { exact: true }).fill('forbidden')
      await picture('form-flavor')
      await button('Create', dialog()).click()
      await heading('story.large').waitFor()
      made.flavor = path()
    },
    STORY_MS,
  )

  it(
    'makes a server group',
    async () => {
      await open('server-groups')
      await button('Create server group').click()
      await dialog().getByLabel('Name', { exact: true }).fill('apart')
      await picture('form-server-group')
      await button('Create', dialog()).click()
      await page.getByRole('row', { name: /apart/ }).waitFor()
    },
    STORY_MS,
  )

  it(
    'launches a server with a key pair that is made on the way',
    async () => {
      await open('servers/new')
      await page.getByLabel('Name', { exact: true }).first().fill('web')
      await button('Create key pair').click()
      await dialog().getByLabel('Name', { exact: true }).fill('laptop')
      await button('Create', dialog()).click()
      await page.getByText('Keep this now').waitFor()
      await picture('keypair-once')
      await button('I have kept it').click()
      await page.getByText(/hosts can take it/).waitFor()
      await picture('launch')
      await button('Launch server').click()
      await heading('web').waitFor()
      await status('Active')
      made.server = path()
      await picture('server')
    },
    STORY_MS,
  )

  it(
    'pauses, locks and says what that means, with the way out',
    async () => {
      await act('Power', 'Pause')
      await page.getByText('It is held in the memory of its host').waitFor()
      await act('Protection', 'Lock')
      await dialog().getByLabel('Reason', { exact: true }).fill('payroll runs')
      await button('Lock', dialog()).click()
      await page.getByText('It is locked').waitFor()
      await page.getByText('payroll runs').first().waitFor()
      await picture('server-paused-locked')
      await button('Unlock').click()
      await page.getByText('It is locked').waitFor({ state: 'detached' })
      await button('Unpause').click()
      await status('Active')
    },
    STORY_MS,
  )

  it(
    'edits metadata and tags',
    async () => {
      await page.getByRole('tab', { name: 'Metadata and tags' }).click()
      await button('Edit name, tags and metadata').click()
      await button('Add line', dialog()).click()
      await dialog().getByLabel('Name 1', { exact: true }).fill('role')
      await dialog().getByLabel('Value 1', { exact: true }).fill('front')
      await picture('form-metadata')
      await button('Save', dialog()).click()
      await page.getByRole('row', { name: /role/ }).getByText('front').waitFor()
    },
    STORY_MS,
  )

  it(
    'shows where it was placed as a picture, and what was done to it',
    async () => {
      await page.getByRole('tab', { name: 'Placement' }).click()
      await page.getByRole('list', { name: 'Hosts left after each filter' }).waitFor()
      await picture('server-placement')
      await page.getByRole('tab', { name: 'Action history' }).click()
      await page.getByRole('button', { name: 'Pause server', exact: true }).first().click()
      await dialog().getByText('Pause', { exact: true }).first().waitFor()
      await picture('server-history')
      await button('Close', dialog()).click()
    },
    STORY_MS,
  )

  it(
    'reads the log as it is written, and works at the serial console',
    async () => {
      await page.getByRole('tab', { name: 'Console' }).click()
      await page
        .getByText(/Linux version/)
        .first()
        .waitFor()
      await button('Serial console').click()
      await page.getByText('Connected', { exact: true }).waitFor()
      await picture('server-serial')
      await button('Screen').click()
      await page.getByText('Connected', { exact: true }).waitFor()
      await button('Send Ctrl-Alt-Del').waitFor()
      await picture('server-screen')
    },
    STORY_MS,
  )

  it(
    'resizes after showing the difference, and asks for the confirmation',
    async () => {
      await act('Size and place', 'Resize')
      await dialog()
        .getByRole('row', { name: /story\.large/ })
        .click()
      await dialog()
        .getByText(/hosts can take it/)
        .waitFor()
      await picture('form-resize')
      await button('Resize', dialog()).click()
      await page.getByText('Confirm the new size or revert it').waitFor()
      await picture('server-verify')
      await button('Confirm').click()
      await button('Confirm', dialog()).click()
      await status('Active')
      await page.getByText('Confirm the new size or revert it').waitFor({ state: 'detached' })
    },
    STORY_MS,
  )

  it(
    'takes a snapshot',
    async () => {
      await act('Snapshots and backups', 'Create snapshot')
      await button('Create snapshot', dialog()).click()
      await open('images')
      await page
        .getByRole('row', { name: /web-snapshot/ })
        .getByText('Active')
        .waitFor()
    },
    STORY_MS,
  )

  it(
    'explains placement, and names the nearest miss',
    async () => {
      const token = await cloud.signIn()
      const answer = await cloud.must(
        'mutation ($input: FlavorCreateInput!) { flavorCreate(input: $input) { flavor { id } } }',
        { input: { name: 'huge', vcpus: 4000, memoryMiB: 90_000_000, diskGiB: 1 } },
        token,
      )
      await open(`placement?flavor=${answer.flavorCreate.flavor.id}`)
      await page.getByText(/nearest miss/).waitFor()
      await picture('placement-miss')
    },
    STORY_MS,
  )

  it(
    'makes an availability zone of a host',
    async () => {
      await open('aggregates')
      await button('Create aggregate').click()
      await dialog().getByLabel('Name', { exact: true }).first().fill('rack-1')
      await dialog().getByLabel('Availability zone', { exact: true }).fill('north')
      await button('Create', dialog()).click()
      await heading('rack-1').waitFor()
      made.aggregate = path()
      await button('Add host').click()
      await choose('Host', /^sim-3/)
      await button('Add', dialog()).click()
      await page.getByRole('link', { name: 'sim-3', exact: true }).waitFor()
      await open('availability-zones')
      await page.getByRole('row', { name: /north/ }).getByText('Takes servers').waitFor()
    },
    STORY_MS,
  )

  it(
    'shows where servers would go before a host is emptied',
    async () => {
      await open('hosts')
      await page.getByRole('link', { name: 'sim-1', exact: true }).click()
      await heading('sim-1').waitFor()
      made.host = path()
      await picture('host')
      await page.getByRole('tab', { name: 'Servers' }).click()
      await page.getByText(/If this host died now/).waitFor()
      await button('Start maintenance').click()
      await dialog()
        .getByText(/This is where they would go/)
        .waitFor()
      await picture('host-maintain')
      await button('Start maintenance', dialog()).click()
      await page.getByText('In maintenance: it is being emptied, or kept empty').waitFor()
      await button('End maintenance').click()
      await button('Start maintenance').waitFor()
    },
    STORY_MS,
  )

  const looks = [
    ['light', 'en'],
    ['dark', 'zh'],
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
          await open(address)
          await heading(language === 'zh' ? chinese : english).waitFor()
          await page.getByRole('status').waitFor({ state: 'detached' })
          await picture(name(address))
        }
        for (const [kind, address] of Object.entries(made)) {
          await page.goto(cloud.url + address)
          await heading(/story\.large|web|rack-1|sim-1/).waitFor()
          await picture(name(`one-${kind}`))
        }
      },
      STORY_MS,
    )
  }

  it('never complained in the console of the browser', () => {
    expect([...new Set(complaints)]).toEqual([])
  })
})
