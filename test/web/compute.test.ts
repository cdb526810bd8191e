/** Servers and hosts as people look after them: a real browser on a simulated cloud, by role and label. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal, storiesOf } from '../support/portal.ts'
import { putImage } from '../support/stories.ts'

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
  let p: Portal
  /** Addresses of pages that the story made. */
  const made: string[] = []

  beforeAll(async () => {
    p = await startPortal({ hosts: 3 })
    await putImage(p.cloud, await p.cloud.signIn(), 'disk')
  }, STORY_MS)
  afterAll(() => p?.stop())

  const story = storiesOf(() => p)

  story('makes a flavor with extra specs', async () => {
    await p.open('flavors')
    await p.button('Create flavor').click()
    await p.inDialog('Name').fill('story.large')
    await p.inDialog('vCPUs').fill('2')
    await p.inDialog('Memory in MiB').fill('256')
    await p.submit('Add line')
    await p.inDialog('Name 1').fill('trait:CUSTOM_STORY')
    await p.inDialog('Value 1').fill('forbidden')
    await p.picture('form-flavor')
    await p.submit('Create')
    await p.heading('story.large').waitFor()
    made.push(p.path())
  })

  story('makes a server group', async () => {
    await p.open('server-groups')
    await p.button('Create server group').click()
    await p.inDialog('Name').fill('apart')
    await p.picture('form-server-group')
    await p.submit('Create')
    await p.page.getByRole('row', { name: /apart/ }).waitFor()
  })

  story('launches a server with a key pair that is made on the way', async () => {
    await p.open('servers/new')
    await p.page.getByLabel('Name', { exact: true }).first().fill('web')
    await p.button('Create key pair').click()
    await p.inDialog('Name').fill('laptop')
    await p.submit('Create')
    await p.page.getByText('Keep this now').waitFor()
    await p.picture('keypair-once')
    await p.button('I have kept it').click()
    await p.page.getByText(/hosts can take it/).waitFor()
    await p.picture('launch')
    await p.button('Launch server').click()
    await p.heading('web').waitFor()
    await p.says('Active')
    made.push(p.path())
    await p.picture('server')
  })

  story('pauses, locks and says what that means, with the way out', async () => {
    await p.act('Power', 'Pause')
    await p.page.getByText('It is held in the memory of its host').waitFor()
    await p.act('Protection', 'Lock')
    await p.inDialog('Reason').fill('payroll runs')
    await p.submit('Lock')
    await p.page.getByText('It is locked').waitFor()
    await p.page.getByText('payroll runs').first().waitFor()
    await p.picture('server-paused-locked')
    await p.button('Unlock').click()
    await p.page.getByText('It is locked').waitFor({ state: 'detached' })
    await p.button('Unpause').click()
    await p.says('Active')
  })

  story('edits metadata and tags', async () => {
    await p.tab('Metadata and tags')
    await p.button('Edit name, tags and metadata').click()
    await p.submit('Add line')
    await p.inDialog('Name 1').fill('role')
    await p.inDialog('Value 1').fill('front')
    await p.picture('form-metadata')
    await p.submit('Save')
    await p.page.getByRole('row', { name: /role/ }).getByText('front').waitFor()
  })

  story('shows where it was placed as a picture, and what was done to it', async () => {
    await p.tab('Placement')
    await p.page.getByRole('list', { name: 'Hosts left after each filter' }).waitFor()
    await p.picture('server-placement')
    await p.tab('Action history')
    await p.page.getByRole('button', { name: 'Pause server', exact: true }).first().click()
    await p.dialog().getByText('Pause', { exact: true }).first().waitFor()
    await p.picture('server-history')
    await p.submit('Close')
  })

  story('reads the log as it is written, and works at the serial console', async () => {
    await p.tab('Console')
    await p.page
      .getByText(/Linux version/)
      .first()
      .waitFor()
    await p.button('Serial console').click()
    await p.page.getByText('Connected', { exact: true }).waitFor()
    await p.picture('server-serial')
    await p.button('Screen').click()
    await p.page.getByText('Connected', { exact: true }).waitFor()
    await p.button('Send Ctrl-Alt-Del').waitFor()
    await p.picture('server-screen')
  })

  story('resizes after showing the difference, and asks for the confirmation', async () => {
    await p.act('Size and place', 'Resize')
    await p
      .dialog()
      .getByRole('row', { name: /story\.large/ })
      .click()
    await p
      .dialog()
      .getByText(/hosts can take it/)
      .waitFor()
    await p.picture('form-resize')
    await p.submit('Resize')
    await p.page.getByText('Confirm the new size or revert it').waitFor()
    await p.picture('server-verify')
    await p.button('Confirm').click()
    await p.submit('Confirm')
    await p.says('Active')
    await p.page.getByText('Confirm the new size or revert it').waitFor({ state: 'detached' })
  })

  story('takes a snapshot', async () => {
    await p.act('Snapshots and backups', 'Create snapshot')
    await p.submit('Create snapshot')
    await p.open('images')
    await p.page
      .getByRole('row', { name: /web-snapshot/ })
      .getByText('Active')
      .waitFor()
  })

  story('explains placement, and names the nearest miss', async () => {
    const token = await p.cloud.signIn()
    const answer = await p.cloud.must(
      'mutation ($input: FlavorCreateInput!) { flavorCreate(input: $input) { flavor { id } } }',
      { input: { name: 'huge', vcpus: 4000, memoryMiB: 90_000_000, diskGiB: 1 } },
      token,
    )
    await p.open(`placement?flavor=${answer.flavorCreate.flavor.id}`)
    await p.page.getByText(/nearest miss/).waitFor()
    await p.picture('placement-miss')
  })

  story('makes an availability zone of a host', async () => {
    await p.open('aggregates')
    await p.button('Create aggregate').click()
    await p.inDialog('Name').fill('rack-1')
    await p.inDialog('Availability zone').fill('north')
    await p.submit('Create')
    await p.heading('rack-1').waitFor()
    made.push(p.path())
    await p.button('Add host').click()
    await p.choose('Host', /^sim-3/)
    await p.submit('Add')
    await p.page.getByRole('link', { name: 'sim-3', exact: true }).waitFor()
    await p.open('availability-zones')
    await p.page.getByRole('row', { name: /north/ }).getByText('Takes servers').waitFor()
  })

  story('shows where servers would go before a host is emptied', async () => {
    await p.open('hosts')
    await p.page.getByRole('link', { name: 'sim-1', exact: true }).click()
    await p.heading('sim-1').waitFor()
    made.push(p.path())
    await p.picture('host')
    await p.tab('Servers')
    await p.page.getByText(/If this host died now/).waitFor()
    await p.button('Start maintenance').click()
    await p
      .dialog()
      .getByText(/This is where they would go/)
      .waitFor()
    await p.picture('host-maintain')
    await p.submit('Start maintenance')
    await p.page.getByText('In maintenance: it is being emptied, or kept empty').waitFor()
    await p.button('End maintenance').click()
    await p.button('Start maintenance').waitFor()
  })

  for (const look of [
    { language: 'en', isDark: false },
    { language: 'zh', isDark: true },
  ] as const) {
    story(`shows every page, ${look.language}, ${look.isDark ? 'dark' : 'light'}`, () =>
      p.everyPage(look, [
        ...lists.map(([address, en, zh]) => ({ address, heading: { en, zh }[look.language] })),
        ...made.map((address) => ({ address, heading: /story\.large|web|rack-1|sim-1/ })),
      ]),
    )
  }

  it('never complained in the console of the browser', () => {
    expect([...new Set(p.complaints)]).toEqual([])
  })
})
