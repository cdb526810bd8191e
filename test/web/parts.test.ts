/** The parts that the portal's pages are built of, in a real browser under our own security policy. */
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import Fastify from 'fastify'
import type { Browser, Page } from 'playwright-core'
import { encode } from 'uqr'
import { build } from 'vite'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { securityHeaders } from '../../server/http/headers.ts'
import { browserProblem, launchBrowser } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import type { ThingInput } from './parts-gallery.tsx'

const PATIENCE_MS = 60_000

/** The gallery as files: name to content. */
async function buildGallery(): Promise<Map<string, string | Uint8Array>> {
  const input = fileURLToPath(new URL('./parts-gallery.tsx', import.meta.url))
  const built = await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('.', import.meta.url)),
    plugins: [react()],
    build: {
      write: false,
      target: 'es2022',
      minify: false,
      modulePreload: false,
      rolldownOptions: { input, onLog: () => {} },
    },
  })
  if (!('output' in built)) throw new Error('One build was asked for')
  return new Map(
    built.output.map((file) => [
      `/${file.fileName}`,
      file.type === 'chunk' ? file.code : file.source,
    ]),
  )
}

describeNeeds(browserProblem, 'the parts of the portal', () => {
  const app = Fastify()
  let browser: Browser
  let page: Page
  let url: string
  const complaints: string[] = []
  /** The inputs that the API got, and what it answers next. */
  let inputs: ThingInput[]
  let answers: object[]

  beforeAll(async () => {
    const files = await buildGallery()
    const names = [...files.keys()]
    const tags = names.flatMap((name) =>
      name.endsWith('.css')
        ? `<link rel="stylesheet" href="${name}">`
        : /parts-gallery.*\.js$/.test(name)
          ? `<script type="module" src="${name}"></script>`
          : [],
    )
    securityHeaders(app)
    app.get('/', (_, reply) =>
      reply.type('text/html').send(`<!doctype html><title>Parts</title>${tags.join('')}<body>`),
    )
    app.get('/assets/*', (request, reply) => {
      const type = request.url.endsWith('.css') ? 'text/css' : 'text/javascript'
      return reply.type(type).send(files.get(request.url))
    })
    app.get('/favicon.ico', (_, reply) => reply.code(204).send())
    app.post<{ Body: { variables: { input: ThingInput } } }>('/graphql', (request) => {
      inputs.push(request.body.variables.input)
      return answers.shift() ?? { data: { thingCreate: { id: 't-1' } } }
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    url = `http://localhost:${(app.server.address() as AddressInfo).port}/`
    browser = await launchBrowser()
    const context = await browser.newContext({
      viewport: { width: 1200, height: 900 },
      locale: 'en-US',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    page = await context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await app.close()
  })
  beforeEach(async () => {
    inputs = []
    answers = []
    await page.goto(url)
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const openForm = () => page.getByRole('link', { name: 'The form' }).click()
  /** Not what is announced to screen readers a second later, elsewhere in the document. */
  const said = (text: string) => page.locator('form').getByText(text).filter({ visible: true })

  it('marks what is required and empty, and sends nothing', async () => {
    await openForm()
    await button('Create thing').click()
    expect(await said('Fill this in').count()).toBe(2)
    await said('Choose one').waitFor()
    await page.getByLabel('Name').fill('   ')
    await page.getByLabel('Name').press('Enter')
    expect(await said('Fill this in').count()).toBe(2)
    expect(inputs).toEqual([])
  }, 60_000)

  it('sends what every kind of field holds, says what came of it, and goes on', async () => {
    await openForm()
    await page.getByLabel('Name').fill('  a thing ')
    await page.getByLabel('Password').fill(' its own spaces ')
    await button('Domain Choose').click()
    await page.getByRole('option', { name: 'The other' }).click()
    await button('Roles Choose any number').click()
    await page.getByRole('option', { name: 'The reader' }).click()
    await page.getByRole('option', { name: 'The admin' }).click()
    await page.keyboard.press('Escape')
    await page
      .getByRole('switch', { name: 'Enabled' })
      .or(page.getByLabel('Enabled'))
      .first()
      .click()
    await page.getByLabel('Limit').fill('-1')
    await page.getByLabel('Tags', { exact: true }).fill('new')
    await page.getByLabel('Tags', { exact: true }).press('Enter')
    await button('Remove old').click()
    // Typed but not added: it is meant all the same.
    await page.getByLabel('Tags', { exact: true }).fill('last')
    await button('Create thing').click()
    await page.getByRole('heading', { name: 'page' }).waitFor()
    await page.getByText('a thing is t-1').first().waitFor()
    expect(inputs).toEqual([
      {
        name: 'a thing',
        password: ' its own spaces ',
        domain: 'other',
        roles: ['reader', 'admin'],
        isEnabled: false,
        limit: -1,
        tags: ['new', 'last'],
        idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    ])
  }, 60_000)

  it('says what the API refuses at its field, and repeats as the same request', async () => {
    const refuse = (code: string, fields: object[] | null) => ({
      data: null,
      errors: [{ message: 'The API says no', extensions: { code, details: { fields } } }],
    })
    answers = [
      refuse('BAD_INPUT', [{ path: 'input.name', message: 'It is taken' }]),
      refuse('BAD_INPUT', [{ path: 'input.odd', message: 'Nobody asked for this' }]),
      refuse('UNAVAILABLE', null),
    ]
    await openForm()
    await page.getByLabel('Name').fill('a')
    await page.getByLabel('Password').fill('b')
    await button('Domain Choose').click()
    await page.getByRole('option', { name: 'The default' }).click()
    await button('Create thing').click()
    await said('It is taken').waitFor()
    expect(await page.getByText('The API says no').count()).toBe(0)
    await page.getByLabel('Name').fill('c')
    expect(await said('It is taken').count()).toBe(0)
    await button('Create thing').click()
    await page.getByText('Nobody asked for this').waitFor()
    await button('Create thing').click()
    await page.getByText('Temporarily unavailable').waitFor()
    await button('Create thing').click()
    await page.getByRole('heading', { name: 'page' }).waitFor()
    const keys = inputs.map(({ idempotencyKey }) => idempotencyKey)
    expect(keys[1]).not.toBe(keys[0])
    expect(keys.slice(1)).toEqual([keys[1], keys[1], keys[1]])
  }, 60_000)

  it('asks in front of the page by keyboard, then shows a secret once', async () => {
    await button('Open form').press('Enter')
    await page.getByRole('textbox', { name: 'Name' }).waitFor()
    await page.keyboard.type('x')
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Credential made' })
    await dialog.getByText('secret of t-1').waitFor()
    expect(await page.title()).toBe('read again 1')
    expect(await page.getByRole('dialog', { name: 'Rename thing' }).count()).toBe(0)

    await dialog.getByRole('button', { name: 'Copy Secret' }).click()
    await page.getByText('Copied').first().waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('secret of t-1')
    const download = page.waitForEvent('download')
    await dialog.getByRole('button', { name: 'Save as a file' }).click()
    const file = await download
    expect(file.suggestedFilename()).toBe('credential.txt')
    expect(await readFile(await file.path(), 'utf8')).toBe('secret=secret of t-1\n')

    await page.mouse.click(5, 5)
    await page.keyboard.press('Escape')
    expect(await dialog.isVisible()).toBe(true)
    await dialog.getByRole('button', { name: 'I have kept it' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain('secret of t-1')
  }, 60_000)

  it('draws a QR code that has every module in its place', async () => {
    const image = page.getByRole('img', { name: 'For the app' })
    const drawn = await image.evaluate((svg: SVGSVGElement) => {
      const size = svg.viewBox.baseVal.width
      const path = svg.querySelector('path') as SVGPathElement
      const canvas = new OffscreenCanvas(size, size).getContext('2d')
      canvas?.fill(new Path2D(path.getAttribute('d') ?? ''))
      const { data } = canvas?.getImageData(0, 0, size, size) ?? { data: [] }
      return Array.from({ length: size * size }, (_, i) => data[4 * i + 3] === 255)
    })
    const text = 'otpauth://totp/Nephograph:ada?secret=JBSWY3DPEHPK3PXP'
    expect(drawn).toEqual(encode(text, { ecc: 'M', border: 4 }).data.flat())
  }, 60_000)

  it('tells who did what, what became different, and why something failed', async () => {
    const row = (name: string) => page.getByRole('row', { name })
    await row('identity.project.update').getByText('name: old → new').waitFor()
    await row('identity.project.update').getByText('options.b: 2 → 3').waitFor()
    await row('identity.project.update').getByRole('button', { name: 'and 1 more' }).click()
    await row('identity.project.update').getByText('tags: [] → ["x"]').waitFor()
    await row('identity.project.delete').getByText('It still has servers').waitFor()
    await row('identity.project.delete').getByText('Failure').waitFor()
    await row('identity.project.delete').getByText('The cloud').waitFor()
    await row('identity.project.create').getByText('name: old', { exact: true }).waitFor()
    await row('identity.project.create').getByText('ada').waitFor()
  }, 60_000)

  it('never complained in the console of the browser', () => {
    expect(complaints).toEqual([])
  })
})
