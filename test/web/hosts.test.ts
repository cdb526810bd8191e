/** What operators do with hosts, sizes and groups, pressed once in a browser. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../services/id.ts'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal, storiesOf } from '../support/portal.ts'
import { atRest, newServer, putImage } from '../support/stories.ts'

describeNeeds(portalProblem, 'what operators do in the portal', () => {
  let p: Portal
  let serverId: string
  /** The host that the server is on, and its page. */
  let host: string
  let hostPath: string

  beforeAll(async () => {
    p = await startPortal({ hosts: 3 })
    const token = await p.cloud.signIn()
    const image = await putImage(p.cloud, token, 'disk')
    serverId = await newServer(p.cloud, token, 'lone', image.id)
    host = (await atRest(p.cloud, token, serverId, 'ACTIVE', STORY_MS)).host?.name ?? ''
  }, STORY_MS)
  afterAll(() => p?.stop())

  const story = storiesOf(() => p)
  const rowOf = (name: RegExp) => p.page.getByRole('row', { name }).first()

  story('shows what a host has, and changes what of it is kept back and promised', async () => {
    await p.open('hosts')
    await p.picture('hosts')
    const other = ['sim-1', 'sim-2', 'sim-3'].find((name) => name !== host) ?? ''
    const link = (name: string) => p.page.getByRole('link', { name, exact: true })
    await link(other).waitFor()
    await p.open(`hosts?name=${host}&status=UP`)
    await link(host).waitFor()
    await p.picture('hosts-found')
    expect(await link(other).count()).toBe(0)
    await p.open(`hosts?status=DOWN`)
    await p.page
      .getByText(/no match/i)
      .first()
      .waitFor()
    await p.open('hosts')
    await p.page.getByRole('link', { name: host, exact: true }).click()
    await p.heading(host).waitFor()
    hostPath = p.path()
    await p.button('Edit reserves and ratios').click()
    await p.inDialog('vCPUs: reserved').fill('2')
    await p.inDialog('vCPUs: allocation ratio').fill('1.5')
    await p.picture('form-inventory')
    await p.submit('Save')
    await p.page.getByText(/2 reserved, ratio 1\.5/).waitFor()
    await p.picture('host-inventory')
    await p.button('Edit reserves and ratios').click()
    await p.inDialog('vCPUs: allocation ratio').fill('5000')
    await p.submit('Save')
    await p.dialog().getByText(/1000/).first().waitFor()
    await p.picture('form-inventory-refused')
    await p.button('Cancel', p.dialog()).click()
  })

  story('lists the servers of a host, and what would become of them', async () => {
    await p.tab('Servers')
    await p.page
      .getByRole('row', { name: /lone.*admin/ })
      .getByText('Active')
      .waitFor()
    await p.page.getByText(/If this host died now, 1 would have a place/).waitFor()
    await p.picture('host-servers')
  })

  story('disables with a reason, and enables', async () => {
    await p.button('Disable').click()
    await p.inDialog('Reason').fill('a fan is loud')
    await p.picture('form-disable')
    await p.submit('Disable')
    await p.says('This host is disabled')
    await p.page.getByText('a fan is loud').first().waitFor()
    await p.picture('host-disabled')
    await p.button('Enable').click()
    await p.saysNoMore('This host is disabled')
  })

  story('evacuates the servers of a host that an operator says is dead', async () => {
    await p.button('Mark as dead').click()
    await p
      .dialog()
      .getByText(/Make sure that it really is off/)
      .waitFor()
    await p.picture('confirm-dead')
    await p.submit('Mark as dead')
    await p.page.getByText(/An operator said that it is dead/).waitFor()
    await p.open(`servers/${serverId}`)
    await p.act('Size and place', 'Evacuate')
    await p.picture('form-evacuate')
    await p.submit('Evacuate')
    await p.says('Evacuating: lone')
    const moved = await atRest(p.cloud, await p.cloud.signIn(), serverId, 'ACTIVE', STORY_MS)
    expect(moved.host?.name).not.toBe(host)
    await p.page.getByRole('link', { name: moved.host?.name, exact: true }).first().waitFor()
    await p.open(hostPath)
    await p.button('Not dead any more').click()
    await p.button('Mark as dead').waitFor()
  })

  story('gives a word to join with', async () => {
    await p.open('hosts')
    await p.button('Join host').click()
    await p.inDialog('Name of the host').fill('rack-7')
    await p.picture('form-join')
    await p.submit('Create')
    await p
      .dialog()
      .getByText(/nepho host join/)
      .waitFor()
    await p.picture('join-word')
    await p.button('I have kept it').click()
  })

  story('removes a host that is gone', async () => {
    const { db } = p.cloud.cloud
    const at = new Date()
    const gone = { name: 'rack-6', driver: 'simulated', status: 'DOWN', heartbeatAt: new Date(0) }
    await db.host.create({ data: { id: newId(), ...gone, createdAt: at, updatedAt: at } })
    await p.open('hosts')
    await p.page.getByRole('button', { name: 'Actions of rack-6' }).click()
    await p.page.getByRole('menuitem', { name: 'Remove' }).click()
    await p
      .dialog()
      .getByText(/Only a host that is down and has no servers/)
      .waitFor()
    await p.picture('confirm-host-remove')
    await p.submit('Remove')
    await p.says('rack-6 is removed')
    await rowOf(/rack-6/).waitFor({ state: 'detached' })
  })

  story('gives a private flavor to a project, and takes it back', async () => {
    await p.open('flavors')
    await p.button('Create flavor').click()
    await p.inDialog('Name').fill('secret.large')
    await p.inDialog('vCPUs').fill('2')
    await p.dialog().getByLabel('Public', { exact: true }).uncheck()
    await p.picture('form-flavor')
    await p.submit('Create')
    await p.heading('secret.large').waitFor()
    await p.tab('Access')
    await p.button('Give access').click()
    await p.choose('Project', /^admin/)
    await p.picture('form-flavor-access')
    await p.submit('Add')
    await p.says('The project may use it now')
    await p.picture('flavor-access')
    await p.page.getByRole('button', { name: 'Actions of admin' }).click()
    await p.page.getByRole('menuitem', { name: 'Remove' }).click()
    await p.submit('Remove')
    await p.says('No project may use it')
    await p.button('Disable').click()
    await p.picture('confirm-flavor-disable')
    await p.submit('Disable')
    await p.button('Enable').waitFor()
    await p.button('Delete').click()
    await p.submit('Delete')
    await p.heading('Flavors').waitFor()
    await rowOf(/secret\.large/).waitFor({ state: 'detached' })
  })

  story('makes, changes and deletes an aggregate', async () => {
    await p.open('aggregates')
    await p.button('Create aggregate').click()
    await p.inDialog('Name').fill('rack-9')
    await p.submit('Create')
    await p.heading('rack-9').waitFor()
    await p.button('Edit').click()
    await p.inDialog('Availability zone').fill('south')
    await p.picture('form-aggregate')
    await p.submit('Save')
    await p.page.getByText('south').first().waitFor()
    await p.picture('aggregate')
    await p.button('Delete').click()
    await p.dialog().getByText('Only one without hosts can be deleted.').waitFor()
    await p.submit('Delete')
    await p.says('rack-9 is deleted')
  })

  story('makes and deletes a server group and a key pair', async () => {
    await p.open('server-groups')
    await p.button('Create server group').click()
    await p.inDialog('Name').fill('near')
    await p.submit('Create')
    await rowOf(/near/).waitFor()
    await p.page.getByRole('button', { name: 'Actions of near' }).click()
    await p.page.getByRole('menuitem', { name: 'Delete' }).click()
    await p.submit('Delete')
    await p.says('near is deleted')
    await p.open('keypairs')
    await p.button('Create key pair').click()
    await p.inDialog('Name').fill('laptop')
    await p.submit('Create')
    await p.button('I have kept it').click()
    await rowOf(/laptop/).waitFor()
    await p.picture('keypairs')
    await p.page.getByRole('button', { name: 'Actions of laptop' }).click()
    await p.page.getByRole('menuitem', { name: 'Delete' }).click()
    await p.submit('Delete')
    await p.says('laptop is deleted')
  })

  story('shows an operator the servers of all projects, and lets them be moved', async () => {
    const token = await p.cloud.signIn()
    const { db } = p.cloud.cloud
    const admin = await db.server.findUniqueOrThrow({ where: { id: serverId } })
    const { projectCreate } = await p.cloud.must(
      'mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { project { id } } }',
      { input: { name: 'tenant' } },
      token,
    )
    const projectId = projectCreate.project.id as string
    await db.server.update({ where: { id: serverId }, data: { projectId } })
    try {
      await p.open('servers')
      await p.heading('Servers').waitFor()
      await p.choose('Projects', 'All projects', p.page)
      await p.page.getByRole('link', { name: 'lone', exact: true }).click()
      await p.heading('lone').waitFor()
      await p.page.getByText('tenant').first().waitFor()
      await p.button('More actions').click()
      await p.page.getByRole('menuitem', { name: 'Size and place', exact: true }).click()
      const item = (name: string) => p.page.getByRole('menuitem', { name, exact: true })
      expect(await item('Live migrate').isEnabled()).toBe(true)
      expect(await item('Resize').isEnabled()).toBe(false)
      await p.picture('server-foreign')
      await p.page.keyboard.press('Escape')
      await p.page.keyboard.press('Escape')
      await p.tab('Console')
      await p.says('Only its own project sees its consoles')
    } finally {
      await db.server.update({ where: { id: serverId }, data: { projectId: admin.projectId } })
    }
  })

  it('never complained in the console of the browser', () => {
    expect([...new Set(p.complaints)]).toEqual([])
  })
})
