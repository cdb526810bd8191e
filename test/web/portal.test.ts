/** The portal as a person uses it: a real browser on a real cloud, by role and label only. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser, portalProblem, webDir } from '../support/browser.ts'
import { type Cluster, PASSWORD, startCluster } from '../support/cluster.ts'
import { describeNeeds } from '../support/host.ts'
import { ACT, emptyQcow2, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

/** The machines of a test run are slow and shared. */
const PATIENCE_MS = 30_000

describeNeeds(portalProblem, 'the portal', () => {
  let cloud: Cluster
  let browser: Browser
  let page: Page
  let folder: string
  const complaints: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nephograph-portal-'))
    cloud = await startCluster({ webDir })
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-US' })
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      // A refused sign-in is a 401 that the browser reports by itself.
      if (message.type() === 'error' && !/status of 401/.test(message.text())) {
        complaints.push(message.text())
      }
    })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await cloud?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const button = (name: string | RegExp) => page.getByRole('button', { name }).first()
  const choice = (name: string | RegExp) =>
    page
      .getByRole('menuitemcheckbox', { name })
      .or(page.getByRole('menuitemradio', { name }))
      .or(page.getByRole('menuitem', { name }))
      .first()
  const heading = (name: string | RegExp) => page.getByRole('heading', { name }).first()

  it('refuses a wrong password in words and lets the right one in', async () => {
    await page.goto(cloud.url)
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password').fill('not the password')
    await button('Sign in').click()
    await page.getByText('You were not signed in').waitFor()
    await page.getByLabel('Password').fill(PASSWORD)
    await button('Sign in').click()
    await heading('Overview').waitFor()
  }, 90_000)

  it('uploads an image and shows why a hostile one is refused', async () => {
    const good = join(folder, 'disk.qcow2')
    await writeFile(good, emptyQcow2())
    await upload('disk', good)
    await page.getByRole('row', { name: /disk/ }).getByText('Active').waitFor()

    const evil = emptyQcow2()
    evil.writeBigUInt64BE(0x200n, 8)
    evil.writeUInt32BE(11, 16)
    evil.write('/etc/passwd', 0x200)
    const bad = join(folder, 'evil.qcow2')
    await writeFile(bad, evil)
    await upload('evil', bad)
    await page
      .getByText(/backing file/i)
      .first()
      .waitFor()
  }, 90_000)

  async function upload(name: string, file: string): Promise<void> {
    await page.goto(`${cloud.url}/images/new`)
    await page.getByLabel('Name').fill(name)
    await page.locator('input[type=file]').setInputFiles(file)
    await button('Upload image').click()
  }

  it('launches a server and shows it come alive, with its console', async () => {
    await page.goto(`${cloud.url}/servers/new`)
    await page.getByLabel('Name').fill('web-1')
    await page.getByText(/hosts can take it/).waitFor()
    await page.getByRole('button', { name: 'Launch server' }).last().click()
    await heading('web-1').waitFor()
    await page.getByText('Active', { exact: true }).first().waitFor()
    expect(await button('Stop').isEnabled()).toBe(true)
    expect(await button('Start').getAttribute('aria-disabled')).toBe('true')
    await page.getByRole('tab', { name: 'Console' }).click()
    await page
      .getByText(/Linux version/)
      .first()
      .waitFor()
  }, 90_000)

  it('changes by itself when somebody else does something', async () => {
    const token = await cloud.signIn()
    const { servers } = await cloud.must('{ servers { nodes { id } } }', {}, token)
    await cloud.must(ACT('serverStop'), { input: { id: servers.nodes[0].id } }, token)
    await page.getByText('Shutoff', { exact: true }).first().waitFor()

    await page.getByRole('link', { name: 'Servers', exact: true }).first().click()
    await page.getByRole('row', { name: /web-1/ }).getByText('Shutoff').waitFor()
    const { id: imageId } = await putImage(cloud, token, 'other')
    await newServer(cloud, token, 'by-somebody-else', imageId)
    await page
      .getByRole('row', { name: /by-somebody-else/ })
      .getByText('Active')
      .waitFor()
  }, 90_000)

  it('deletes after asking, and the row goes', async () => {
    await page.getByRole('link', { name: 'by-somebody-else' }).click()
    await heading('by-somebody-else').waitFor()
    await button('Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.goto(`${cloud.url}/servers`)
    await page.getByRole('row', { name: /web-1/ }).waitFor()
    await page.getByRole('row', { name: /by-somebody-else/ }).waitFor({ state: 'detached' })
  }, 90_000)

  it('speaks Chinese, and another project sees nothing of it', async () => {
    await button(/Language/).click()
    await choice(/中文/).click()
    await heading('服务器').waitFor()
    await button(/^语言/).click()
    await choice('English').click()
    await heading('Servers').waitFor()

    await button(/^Project/).click()
    await choice('demo').click()
    await page.getByText('This project has no servers yet.').waitFor()
  }, 90_000)

  it('serves a playground that answers, from here alone', async () => {
    const foreign: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(cloud.url) && !/^(data|blob):/.test(request.url())) {
        foreign.push(request.url())
      }
    })
    // It reads the schema first; what is clicked before its editor is there goes nowhere.
    const schema = page.waitForResponse((response) => response.url().endsWith('/graphql'))
    await page.goto(`${cloud.url}/playground`)
    await schema
    const result = page.getByLabel('Result Window').getByText('totalCount')
    await until(
      'an answer in the playground',
      async () => {
        await page.getByRole('button', { name: /execute query/i }).click()
        return result.waitFor({ timeout: 3_000 }).then(
          () => true,
          () => false,
        )
      },
      PATIENCE_MS,
    )
    expect(foreign).toEqual([])
  }, 90_000)

  it('never complained in the console of the browser', () => {
    expect(complaints).toEqual([])
  })
})
