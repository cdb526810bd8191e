/** The portal in a real browser on a cloud of its own, as a person finds their way: by role and label. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { it } from 'vitest'
import { launchBrowser, webDir } from './browser.ts'
import { type Cluster, type ClusterOptions, PASSWORD, startCluster } from './cluster.ts'
import { until } from './until.ts'

/** The machines of a test run are slow and shared. */
const PATIENCE_MS = 60_000
/** For one story, at most. */
export const STORY_MS = 300_000
/** In what time a menu is open that stays open. */
const SOON_MS = 5_000
/** A folder for pictures of all pages, for those who want to look. */
const PICTURES = process.env.NEPHO_TEST_PICTURES
const NARROW = { width: 390, height: 844 }
const WIDE = { width: 1440, height: 1000 }

export interface Look {
  language: 'en' | 'zh'
  isDark: boolean
}

export interface Named {
  address: string
  heading: string | RegExp
}

export interface Portal {
  cloud: Cluster
  page: Page
  /** What the browser's console said that is worth a look. */
  complaints: string[]
  open(address: string): Promise<unknown>
  /** Fills the form that is shown before one is signed in; the first administrator when not said who. */
  signIn(user?: string, password?: string, domain?: string): Promise<void>
  /** Opens pages in a language and a look; each is done when its heading is there and nothing loads. */
  everyPage(look: Look, pages: readonly Named[]): Promise<void>
  path(): string
  button(name: string | RegExp, within?: Page | Locator): Locator
  heading(name: string | RegExp): Locator
  dialog(): Locator
  /** A field of the form in front of the page. */
  inDialog(label: string): Locator
  /** Presses a button of the form in front of the page. */
  submit(text: string): Promise<void>
  /** Waits until this is said somewhere, whole. */
  says(text: string | RegExp): Promise<void>
  /** Waits until it is said nowhere any more. */
  saysNoMore(text: string | RegExp): Promise<void>
  choose(label: string, option: string | RegExp, within?: Page | Locator): Promise<void>
  tab(name: string): Promise<void>
  /** One of the actions of a server's page, by its group in the menu. */
  act(group: string, action: string): Promise<void>
  /** The page as it is, wide and as on a phone, light and dark. */
  picture(name: string): Promise<void>
  stop(): Promise<void>
}

/** What makes tests of stories about a portal; one that fails leaves a picture. */
export const storiesOf = (portal: () => Portal) => (name: string, tell: () => Promise<void>) =>
  it(
    name,
    async ({ onTestFailed }) => {
      onTestFailed(() => portal().picture(`failed-${name.replaceAll(/\W+/g, '-')}`))
      await tell()
    },
    STORY_MS,
  )

/** Starts a cloud and signs in at its portal; or comes with an empty page. */
export async function startPortal(
  options: ClusterOptions,
  { isSignedIn = true } = {},
): Promise<Portal> {
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
      const isWorth = ['error', 'warning'].includes(message.type())
      // A refused sign-in is a 401 that the browser reports by itself.
      if (isWorth && !/status of 401/.test(message.text())) complaints.push(message.text())
    })
    const portal = { cloud, complaints, ...hands(cloud, page), stop }
    if (isSignedIn) {
      await portal.open('')
      await portal.signIn()
      await portal.heading('Overview').waitFor()
    }
    return portal
  } catch (error) {
    await stop()
    throw error
  }
}

function hands(cloud: Cluster, page: Page): Omit<Portal, 'cloud' | 'complaints' | 'stop'> {
  const button: Portal['button'] = (name, within = page) =>
    within.getByRole('button', { name, exact: true }).filter({ visible: true }).first()
  const said = (text: string | RegExp) =>
    page
      .getByText(text, { exact: typeof text === 'string' })
      .filter({ visible: true })
      .first()
  const heading: Portal['heading'] = (name) => page.getByRole('heading', { name }).first()
  const dialog: Portal['dialog'] = () => page.getByRole('dialog').filter({ visible: true })
  const open: Portal['open'] = (address) => page.goto(new URL(address, `${cloud.url}/`).href)
  return {
    page,
    button,
    heading,
    dialog,
    inDialog: (label) => dialog().getByLabel(label, { exact: true }).first(),
    submit: (text) => button(text, dialog()).click(),
    async signIn(user = 'admin', password = PASSWORD, domain) {
      await page.getByLabel('User', { exact: true }).fill(user)
      await page.getByLabel('Password', { exact: true }).fill(password)
      if (domain) {
        await page.getByText('Domain and project').click()
        await page.getByLabel('Domain', { exact: true }).fill(domain)
      }
      await button('Sign in').click()
    },
    async everyPage(look, pages) {
      await page.evaluate(({ language, isDark }) => {
        localStorage.setItem('nephograph.language', language)
        localStorage.setItem('nephograph.appearance', JSON.stringify({ isDark, isCompact: false }))
      }, look)
      for (const { address, heading: name } of pages) {
        await open(address)
        await heading(name).waitFor()
        await page.getByRole('status').waitFor({ state: 'detached' })
        const shade = look.isDark ? 'dark' : 'light'
        await snap(page, `${look.language}-${shade}-${address.replaceAll(/\W+/g, '-')}`)
      }
    },
    open,
    path: () => new URL(page.url()).pathname,
    says: (text) => said(text).waitFor(),
    saysNoMore: (text) => said(text).waitFor({ state: 'detached' }),
    async choose(label, option, within = dialog()) {
      await within.getByLabel(label, { exact: true }).first().click()
      await page.getByRole('option', { name: option }).filter({ visible: true }).first().click()
    },
    tab: (name) => page.getByRole('tab', { name }).click(),
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

async function snap(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

async function pictures(page: Page, name: string): Promise<void> {
  if (!PICTURES) return
  const take = (look: string) => snap(page, `${name}-${look}`)
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
