/** Each family of what can be done to a server, pressed once in a browser, and what the page says then. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { portalProblem } from '../support/browser.ts'
import { describeNeeds } from '../support/host.ts'
import { type Portal, STORY_MS, startPortal, storiesOf } from '../support/portal.ts'
import { atRest, putImage } from '../support/stories.ts'

/** Ten of these make a live migration, long enough to be looked at. */
const TRANSFER_MS = 1_500
const KEPT_SECONDS = 3600
/** A result that was shown long enough goes by itself. */
const GONE_MS = 2_000

describeNeeds(portalProblem, 'the actions on servers in the portal', () => {
  let p: Portal

  beforeAll(async () => {
    p = await startPortal({
      hosts: 3,
      simulated: { delayMs: { transfer: TRANSFER_MS } },
      config: { softDeleteSeconds: KEPT_SECONDS, resizeConfirmSeconds: KEPT_SECONDS },
    })
    await putImage(p.cloud, await p.cloud.signIn(), 'disk')
  }, STORY_MS)
  afterAll(() => p?.stop())

  const story = storiesOf(() => p)
  const field = (label: string) => p.page.getByLabel(label, { exact: true }).first()
  const rowOf = (name: RegExp) => p.page.getByRole('row', { name }).first()
  /** What was asked for is accepted, done, and the page says so. */
  async function comes(accepted: string, status: string, shown: string): Promise<void> {
    await p.says(`${accepted}: far`)
    await atRest(p.cloud, await p.cloud.signIn(), p.path().split('/')[2] ?? '', status, STORY_MS)
    await p.says(shown)
    await dismissAll()
  }
  const runs = (accepted: string) => comes(accepted, 'ACTIVE', 'Active')
  const dismissAll = async () => {
    const dismiss = p.page.getByRole('button', { name: 'Dismiss', exact: true })
    for (let left = await dismiss.count(); left > 0; left--) {
      // It may go by itself just then.
      await dismiss
        .first()
        .click({ timeout: GONE_MS })
        .catch(() => {})
    }
  }

  story(
    'launches several at once, apart from each other, as many as the quota has room for',
    async () => {
      await p.open('servers/new')
      await field('Name').fill('web')
      await field('How many').fill('2')
      await field('How many at least').fill('1')
      await p.choose('Host', 'sim-1', p.page)
      await p.page.getByText(/hosts can take it/).waitFor()
      await p.picture('launch-many')
      await p.button('Launch server').click()
      await p.says('2 servers are being built')
      for (const name of ['web-1', 'web-2']) {
        await rowOf(new RegExp(name)).getByText('Active', { exact: true }).waitFor()
      }
      await p.picture('servers')
      await p.open('servers/new')
      await field('Name').fill('far')
      await p.choose('On another host than any of', /^web-1/, p.page)
      await p.page.keyboard.press('Escape')
      await p.picture('launch-hints')
      await p.button('Launch server').click()
      await p.heading('far').waitFor()
      await p.says('Active')
      await p.page
        .getByRole('link', { name: /^sim-[23]$/ })
        .first()
        .waitFor()
    },
  )

  story('stops and starts, and asks before it cuts the power', async () => {
    await dismissAll()
    // A button that moved away under a pressed finger would not do what it says.
    const top = async () => (await p.heading('far').boundingBox())?.y
    const before = await top()
    await p.button('Stop').click()
    await p.says('Stopping: far')
    expect(await top()).toBe(before)
    await comes('Stopping', 'SHUTOFF', 'Shutoff')
    await p.picture('server-off')
    await p.button('Start').click()
    await runs('Starting')
    await p.act('Power', 'Soft reboot')
    await runs('Rebooting')
    await p.act('Power', 'Hard reboot')
    await p
      .dialog()
      .getByText(/The power is cut/)
      .waitFor()
    await p.picture('confirm-hard-reboot')
    await p.submit('Hard reboot')
    await runs('Hard rebooting')
    await p.act('Power', 'Force off')
    await p.picture('form-force-off')
    await p.submit('Force off')
    await comes('Stopping', 'SHUTOFF', 'Shutoff')
    await p.button('Start').click()
    await runs('Starting')
  })

  story('suspends to disk and resumes', async () => {
    await p.act('Power', 'Suspend')
    await comes('Suspending', 'SUSPENDED', 'Its memory is on the disk of its host')
    await p.picture('server-suspended')
    await p.button('Resume').click()
    await runs('Resuming')
  })

  story('shelves, and brings it back', async () => {
    await p.act('Power', 'Shelve')
    await comes('Shelving', 'SHELVED_OFFLOADED', 'It is put away')
    await p.page.getByText(/It is kept as an image/).waitFor()
    await p.picture('server-shelved')
    await p.button('Unshelve').click()
    await runs('Unshelving')
  })

  story('rescues from another disk, and ends that', async () => {
    await p.act('Repair', 'Rescue')
    await p.picture('form-rescue')
    await p.submit('Rescue')
    await comes('Entering rescue', 'RESCUE', 'It runs from a rescue disk')
    await p.picture('server-rescue')
    await p.button('End rescue').click()
    await runs('Ending rescue')
  })

  story('rebuilds, changes a password, and tells who asked for it', async () => {
    await p.act('Repair', 'Rebuild')
    await p
      .dialog()
      .getByText(/what is on the present one is lost/)
      .waitFor()
    await p.picture('form-rebuild')
    await p.submit('Rebuild')
    await runs('Rebuilding')
    await p.act('Repair', 'Change password')
    await p.dialog().getByLabel('New password', { exact: true }).fill('a new one')
    await p.picture('form-password')
    await p.submit('Change password')
    await runs('Changing the password')
    await p.tab('Action history')
    const row = p.page.getByRole('row', { name: /Change password/ }).first()
    await row.getByText('Succeeded').waitFor()
    await row.getByText('admin').waitFor()
    await p.picture('server-history')
    await p.tab('Overview')
  })

  story('backs up, and clones', async () => {
    await p.act('Snapshots and backups', 'Back up')
    await p.picture('form-backup')
    await p.submit('Back up')
    await runs('Backing up')
    await p.act('Snapshots and backups', 'Clone')
    await p.picture('form-clone')
    await p.submit('Clone')
    await runs('Cloning')
    const far = p.path()
    await p.open('servers')
    await rowOf(/far-clone/)
      .getByText('Active', { exact: true })
      .waitFor()
    await p.open('images')
    await rowOf(/far-backup/)
      .getByText('Active')
      .waitFor()
    await p.open(far)
    await p.heading('far').waitFor()
  })

  story('migrates, says when that is confirmed by itself, and reverts', async () => {
    await p.act('Size and place', 'Migrate')
    await p.picture('form-migrate')
    await p.submit('Migrate')
    await comes('Migrating', 'VERIFY_RESIZE', 'Confirm the new size or revert it')
    await p.page.getByText(/Confirmed by itself: /).waitFor()
    await p.picture('server-verify')
    await p.button('Revert').click()
    await p
      .dialog()
      .getByText(/What was written since is lost/)
      .waitFor()
    await p.submit('Revert')
    await runs('Reverting to the old size')
  })

  story('migrates live with a bar of how far it is, aborts, and does it again', async () => {
    const far = p.path()
    await p.act('Size and place', 'Live migrate')
    await p.submit('Live migrate')
    await p.says('It is moving to another host')
    await p.page
      .getByText(/ of .* copied/)
      .first()
      .waitFor()
    await p.picture('server-moving')
    await p.button('Abort migration').click()
    await runs('Aborting the migration')
    await p.saysNoMore('It is moving to another host')
    await p.act('Size and place', 'Live migrate')
    await p.submit('Live migrate')
    await p.says('It is moving to another host')
    await p.open('migrations')
    const row = rowOf(/^far\b/)
    await row.getByRole('progressbar').waitFor()
    await p.picture('migrations')
    await row.getByText('Completed').waitFor()
    await rowOf(/Aborted/).waitFor()
    await p.open(far)
    await p.says('Active')
  })

  story('deletes, restores, and deletes for good', async () => {
    await p.button('Delete').click()
    await p.picture('confirm-delete')
    await p.submit('Delete')
    await comes('Deleting', 'SOFT_DELETED', 'It is deleted and can be restored')
    await p.picture('server-deleted')
    await p.button('Restore').click()
    await runs('Restoring')
    await p.act('Delete and restore', 'Delete for good')
    await p
      .dialog()
      .getByText(/This can't be undone/)
      .waitFor()
    await p.submit('Delete for good')
    await p.says('There is no such server')
    await p.picture('server-gone')
  })

  story('acts on several of a list', async () => {
    await p.open('servers')
    await p.page.getByRole('checkbox', { name: /web-1/ }).check()
    await p.page.getByRole('checkbox', { name: /web-2/ }).check()
    await p.button('Actions').click()
    await p.page.getByRole('menuitem', { name: 'Delete and restore', exact: true }).click()
    await p.page.getByRole('menuitem', { name: 'Delete', exact: true }).click()
    await p.dialog().getByText('web-2').waitFor()
    await p.picture('confirm-delete-many')
    await p.submit('Delete')
    for (const name of ['web-1', 'web-2']) {
      await rowOf(new RegExp(name)).getByText('Deleted, can be restored').waitFor()
    }
  })

  it('never complained in the console of the browser', () => {
    expect([...new Set(p.complaints)]).toEqual([])
  })
})
