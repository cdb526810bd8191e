/** The portal as a person uses it: a real browser on a real cloud, by role and label only. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal, storiesOf } from '../support/portal.ts'
import { ACT, emptyQcow2, newServer, putImage } from '../support/stories.ts'
import { until } from '../support/until.ts'

/** How long an answer in the playground is waited for before it is asked for again. */
const ANSWER_MS = 3_000

describeNeeds(portalProblem, 'the portal', () => {
  let p: Portal
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nephograph-portal-'))
    p = await startPortal({}, { isSignedIn: false })
  }, STORY_MS)
  afterAll(async () => {
    await p?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const story = storiesOf(() => p)
  const choice = (name: string | RegExp) =>
    p.page
      .getByRole('menuitemcheckbox', { name })
      .or(p.page.getByRole('menuitemradio', { name }))
      .or(p.page.getByRole('menuitem', { name }))
      .first()

  story('refuses a wrong password in words and lets the right one in', async () => {
    await p.open('')
    await p.signIn('admin', 'not the password')
    await p.page.getByText('You were not signed in').waitFor()
    await p.signIn()
    await p.heading('Overview').waitFor()
  })

  story('uploads an image and shows why a hostile one is refused', async () => {
    const good = join(folder, 'disk.qcow2')
    await writeFile(good, emptyQcow2())
    await upload('disk', good)
    await p.page.getByRole('row', { name: /disk/ }).getByText('Active').waitFor()

    const evil = emptyQcow2()
    evil.writeBigUInt64BE(0x200n, 8)
    evil.writeUInt32BE(11, 16)
    evil.write('/etc/passwd', 0x200)
    const bad = join(folder, 'evil.qcow2')
    await writeFile(bad, evil)
    await upload('evil', bad)
    await p.page
      .getByText(/backing file/i)
      .first()
      .waitFor()
  })

  async function upload(name: string, file: string): Promise<void> {
    await p.open('images/new')
    await p.page.getByLabel('Name').fill(name)
    await p.page.locator('input[type=file]').setInputFiles(file)
    await p.button('Upload image').click()
  }

  story('launches a server and shows it come alive, with its console', async () => {
    await p.open('servers/new')
    await p.page.getByLabel('Name').fill('web-1')
    await p.page.getByText(/hosts can take it/).waitFor()
    await p.page.getByRole('button', { name: 'Launch server' }).last().click()
    await p.heading('web-1').waitFor()
    await p.page.getByText('Active', { exact: true }).first().waitFor()
    expect(await p.button('Stop').isEnabled()).toBe(true)
    expect(await p.button('Start').getAttribute('aria-disabled')).toBe('true')
    await p.page.getByRole('tab', { name: 'Console' }).click()
    await p.page
      .getByText(/Linux version/)
      .first()
      .waitFor()
  })

  story('changes by itself when somebody else does something', async () => {
    const token = await p.cloud.signIn()
    const { servers } = await p.cloud.must('{ servers { nodes { id } } }', {}, token)
    await p.cloud.must(ACT('serverStop'), { input: { id: servers.nodes[0].id } }, token)
    await p.page.getByText('Shutoff', { exact: true }).first().waitFor()

    await p.page.getByRole('link', { name: 'Servers', exact: true }).first().click()
    await p.page.getByRole('row', { name: /web-1/ }).getByText('Shutoff').waitFor()
    const { id: imageId } = await putImage(p.cloud, token, 'other')
    await newServer(p.cloud, token, 'by-somebody-else', imageId)
    await p.page
      .getByRole('row', { name: /by-somebody-else/ })
      .getByText('Active')
      .waitFor()
  })

  story('deletes after asking, and the row goes', async () => {
    await p.page.getByRole('link', { name: 'by-somebody-else' }).click()
    await p.heading('by-somebody-else').waitFor()
    await p.button('Delete').click()
    await p.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await p.open('servers')
    await p.page.getByRole('row', { name: /web-1/ }).waitFor()
    await p.page.getByRole('row', { name: /by-somebody-else/ }).waitFor({ state: 'detached' })
  })

  story('speaks Chinese, and another project sees nothing of it', async () => {
    await p.button(/Language/).click()
    await choice(/中文/).click()
    await p.heading('服务器').waitFor()
    await p.button(/^语言/).click()
    await choice('English').click()
    await p.heading('Servers').waitFor()

    await p.button(/^Project/).click()
    await choice('demo').click()
    await p.page.getByText('This project has no servers yet.').waitFor()
  })

  story('serves a playground that answers, from here alone', async () => {
    const foreign: string[] = []
    p.page.on('request', (request) => {
      if (!request.url().startsWith(p.cloud.url) && !/^(data|blob):/.test(request.url())) {
        foreign.push(request.url())
      }
    })
    // It reads the schema first; what is clicked before its editor is there goes nowhere.
    const schema = p.page.waitForResponse((response) => response.url().endsWith('/graphql'))
    await p.open('playground')
    await schema
    const result = p.page.getByLabel('Result Window').getByText('totalCount')
    await until('an answer in the playground', async () => {
      await p.page.getByRole('button', { name: /execute query/i }).click()
      return result.waitFor({ timeout: ANSWER_MS }).then(
        () => true,
        () => false,
      )
    })
    expect(foreign).toEqual([])
  })

  it('never complained in the console of the browser', () => {
    expect(p.complaints).toEqual([])
  })
})
