/** What the trust services' page does with certificate profiles, wide and narrow. */
import type { Test } from 'tap'
import type { Visitor } from './browser.ts'

/** In the console a certificate profile is tried out, refused, added and deleted. */
export async function certificateProfiles(
  t: Test,
  { page, ...wide }: Visitor,
  narrow: Visitor,
  der: Buffer,
): Promise<void> {
  const dialog = page.getByRole('dialog')
  const confirm = (button: string) => dialog.getByRole('button', { name: button, exact: true }).click()
  await wide.open('/trust-services')
  await page.getByRole('button', { name: 'Try it out' }).click()
  for (const [label, value] of [
    ['Instance', 'DEV'],
    ['Member class', 'GOV'],
    ['Member code', '1234'],
    ['Name of the member', '<b>Agency</b>'],
    ['Server code', 'SS1'],
    ['Name of the server in the network', 'ss1.example'],
  ] as const)
    await dialog.getByLabel(label, { exact: true }).fill(value)
  const file = { name: 'a.der', mimeType: 'x/x', buffer: der }
  await dialog.getByLabel('A certificate to be read').setInputFiles(file)
  await confirm('Try it out')
  await dialog.getByText('The profile reads no server').waitFor()
  t.match(await dialog.textContent(), /businessCategory\s*GOV.*<b>Agency<\/b>.*CN=ss1\.example/s)
  await wide.check('profile-tried')
  await confirm('Close')
  await page.getByRole('button', { name: 'Add a profile' }).click()
  const document = dialog.getByLabel('Profile', { exact: true })
  const own = { ...(JSON.parse(await document.inputValue()) as object), name: 'org.example.Own' }
  await document.fill('{')
  await confirm('Add a profile')
  await dialog.getByText('The profile is no JSON document.').waitFor()
  await document.fill(JSON.stringify({ ...own, title: '' }))
  await confirm('Add a profile')
  await dialog.getByText('profile.title is no text').waitFor()
  await wide.check('profile-refused')
  await document.fill(JSON.stringify({ ...own, title: '<b>Own</b>' }))
  await confirm('Add a profile')
  await dialog.getByText('The profile was kept.').waitFor()
  await confirm('Close')
  await page.getByText('<b>Own</b>').click()
  await wide.check('profiles')
  await narrow.open('/trust-services')
  await narrow.page.getByText('<b>Own</b>').click()
  await narrow.check('profiles-narrow')
  await page.getByRole('button', { name: 'Delete org.example.Own' }).click()
  await dialog.getByRole('textbox').fill('org.example.Own')
  await confirm('Delete')
  await dialog.getByText('It was deleted.').waitFor()
  await confirm('Close')
  await page.getByText('<b>Own</b>').waitFor({ state: 'detached' })
}
