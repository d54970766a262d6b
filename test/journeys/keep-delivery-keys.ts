/** A security officer has one-way messages sealed with a new key, and gives up one whose file is lost. */
import { readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { leaveDialog } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import type { Asked } from './operate-windows.ts'

type Key = { id: string; isCurrent: boolean; isHere: boolean }

export async function keepDeliveryKeys(t: Test, { world, at, browser }: Asked): Promise<void> {
  const folder = path.join(world.servers.tax.directory, 'delivery-keys')
  const keys = (): Promise<Key[]> => world.admin.tax.get<Key[]>('/delivery-keys')
  const officer = await at(t, browser, ['XROAD_SECURITY_OFFICER'])
  const { page } = officer
  const [first] = await keys()
  await officer.open('/deliveries/keys')
  await page.getByText('seals new messages').waitFor()
  await officer.checkBoth('delivery-keys')
  t.equal(await page.getByRole('button', { name: /^Give up/ }).count(), 0, 'no key is lost')
  const rotate = async (): Promise<void> => {
    await act(
      officer,
      'Seal with a new key',
      {},
      'Seal with a new key',
      'New messages are sealed with the key',
    )
    await close(officer)
  }
  await rotate()
  t.match(await keys(), [{ id: first!.id, isCurrent: false }, { isCurrent: true }])

  // The next rotation reads the folder, as each node does every few seconds.
  rmSync(path.join(folder, readdirSync(folder).find((name) => name.includes(first!.id))!))
  await rotate()
  await page.getByText('not on this node').waitFor()
  await officer.checkBoth('delivery-keys-lost')
  const button = `Mark the key as lost: ${first!.id}`
  await page.getByRole('button', { name: button }).click()
  await page.getByRole('dialog').getByLabel('Reason').fill('the disk failed')
  await page.getByRole('dialog').getByRole('button', { name: 'Mark the key as lost' }).click()
  await page.getByRole('alert').getByText('Name, to confirm').first().waitFor()
  await officer.check('delivery-keys-give-up')
  await leaveDialog(page)
  const said = { Reason: 'the disk failed', 'Name, to confirm': first!.id }
  await act(officer, button, said, 'Mark the key as lost', 'The key counts as lost')
  await close(officer)
  t.equal(
    (await keys()).find(({ id }) => id === first!.id),
    undefined,
  )
  const [kept] = await world.admin.tax.get<object[]>('/audit-log?limit=1&q=rotateDeliveryKey')
  t.match(JSON.stringify(kept), /the disk failed/, 'why')

  // The current key is lost too: what goes with it is said, and nobody confirms.
  const last = (await keys()).find(({ isCurrent }) => isCurrent)!
  const file = path.join(folder, readdirSync(folder).find((name) => name.includes(last.id))!)
  const isHere = async (): Promise<boolean> => (await keys()).find(({ id }) => id === last.id)!.isHere
  renameSync(file, `${file}.away`)
  await until('the server misses its key', async (saw) => !saw(await isHere()))
  await officer.load('/deliveries/keys')
  await page.getByRole('button', { name: `Mark the key as lost: ${last.id}` }).click()
  await page.getByRole('dialog').getByText('all consents end and people have to agree anew').waitFor()
  await leaveDialog(page)
  renameSync(`${file}.away`, file)
  await until('the server has its key again', async (saw) => saw(await isHere()))

  const administrator = await at(t, browser, ['XROAD_SERVICE_ADMINISTRATOR'])
  await administrator.open('/deliveries/keys')
  await administrator.page.getByText('seals new messages').waitFor()
  t.equal(await administrator.page.locator('main .acts button').count(), 0, 'who only looks')
}
