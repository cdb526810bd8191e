/** The portal in a real browser on a cloud of its own, as a person finds their way: by role and label. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { launchBrowser, webDir } from './browser.ts'
import { type Cluster, type ClusterOptions, PASSWORD, startCluster } from './cluster.ts'
import { until } from './until.ts'

/** The machines of a test run are slow and shared. */
const PATIENCE_MS = 60_000
/** In what time a menu is open that stays open. */
const SOON_MS = 5_000
/** A folder for pictures of all pages, for those who want to look. */
const PICTURES = process.env.NEPHO_TEST_PICTURES
const NARROW = { width: 390, height: 844 }
const WIDE = { width: 1440, height: 1000 }

export interface Portal {
  cloud: Cluster
  page: Page
  /** What the browser's console said that is worth a look. */
  complaints: string[]
  open(address: string): Promise<unknown>
  path(): string
  button(name: string | RegExp, within?: Page | Locator): Locator
  heading(name: string | RegExp): Locator
  dialog(): Locator
  /** Waits until this is said somewhere, whole. */
  says(text: string | RegExp): Promise<void>
  /** Waits until it is said nowhere any more. */
  saysNoMore(text: string | RegExp): Promise<void>
  choose(label: string, option: string | RegExp, within?: Page | Locator): Promise<void>
  /** One of the actions of a server's page, by its group in the menu. */
  act(group: string, action: string): Promise<void>
  /** The page as it is, wide and as on a phone, light and dark. */
  picture(name: string): Promise<void>
  stop(): Promise<void>
}

export async function startPortal(options: ClusterOptions): Promise<Portal> {
  if (PICTURES) await mkdir(PICTURES, { recursive: true })
  const cloud = await startCluster({ ...options, webDir })
  let browser: Browser | undefined
  const stop = async () => {
    await browser?.close()
    await cloud.stop()
  }
  try {
    browser = await launchBrowser()
    const page = await browser.newPage({ viewport: WIDE, locale: 'en-US' })
    page.setDefaultTimeout(PATIENCE_MS)
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    const portal = { cloud, complaints, ...hands(cloud, page), stop }
    await signIn(portal)
    return portal
  } catch (error) {
    await stop()
    throw error
  }
}

async function signIn({ cloud, page, button, heading }: Omit<Portal, 'stop'>): Promise<void> {
  await page.goto(cloud.url)
  await page.getByLabel('User', { exact: true }).fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await button('Sign in').click()
  await heading('Overview').waitFor()
}

function hands(cloud: Cluster, page: Page): Omit<Portal, 'cloud' | 'complaints' | 'stop'> {
  const button: Portal['button'] = (name, within = page) =>
    within.getByRole('button', { name, exact: true }).filter({ visible: true }).first()
  const said = (text: string | RegExp) =>
    page
      .getByText(text, { exact: typeof text === 'string' })
      .filter({ visible: true })
      .first()
  return {
    page,
    button,
    heading: (name) => page.getByRole('heading', { name }).first(),
    dialog: () => page.getByRole('dialog').filter({ visible: true }),
    open: (address) => page.goto(new URL(address, `${cloud.url}/`).href),
    path: () => new URL(page.url()).pathname,
    says: (text) => said(text).waitFor(),
    saysNoMore: (text) => said(text).waitFor({ state: 'detached' }),
    async choose(label, option, within = page.getByRole('dialog').filter({ visible: true })) {
      await within.getByLabel(label, { exact: true }).first().click()
      await page.getByRole('option', { name: option }).filter({ visible: true }).first().click()
    },
    async act(group, action) {
      const item = page.getByRole('menuitem', { name: action, exact: true })
      const family = page.getByRole('menuitem', { name: group, exact: true })
      // A result that is dismissed hands on the focus, and a menu that loses it closes: one opens it again.
      await until(`the action ${action} is chosen`, async () => {
        if (!(await family.isVisible())) await button('More actions').click()
        if (!(await item.isVisible())) await pressed(family)
        return pressed(item)
      })
    },
    picture: (name) => pictures(page, name),
  }
}

const pressed = (target: Locator): Promise<boolean> =>
  target.click({ timeout: SOON_MS }).then(
    () => true,
    () => false,
  )

async function pictures(page: Page, name: string): Promise<void> {
  if (!PICTURES) return
  const take = (look: string) =>
    page.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: true })
  const darken = (isDark: boolean) =>
    page.evaluate((dark) => {
      document.body.classList.toggle('awsui-dark-mode', dark)
    }, isDark)
  await page.evaluate(() => window.scrollTo(0, 0))
  await take('light')
  await darken(true)
  await take('dark')
  await darken(false)
  await page.setViewportSize(NARROW)
  await take('phone')
  await page.setViewportSize(WIDE)
}
