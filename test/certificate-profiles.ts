/** Certificate profiles in the console, wide and narrow. */
import type { Test } from 'tap'
import { outcomeOf, type Visitor } from './browser.ts'
import { act, close } from './second-person.ts'

/**
 * In the console a certificate profile is tried out, made field by field, refused, changed as a document, and
 * deleted.
 */
export async function certificateProfiles(
  t: Test,
  { page, ...wide }: Visitor,
  narrow: Visitor,
  der: Buffer,
): Promise<void> {
  const dialog = page.getByRole('dialog')
  const main = page.locator('main')
  const confirm = (button: string) => dialog.getByRole('button', { name: button, exact: true }).click()
  const fi = 'FiVRKCertificateProfileInfoProvider'
  const tryOut = async (): Promise<void> => {
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
    await dialog.getByRole('heading', { name: 'The certificate' }).waitFor()
  }
  await wide.open('/trust-services')
  await page.getByRole('button', { name: 'Try it out: BasicCertificateProfileInfoProvider' }).click()
  await tryOut()
  t.match(await dialog.textContent(), /The profile reads no server/)
  t.match(await dialog.textContent(), /businessCategory\s*GOV.*<b>Agency<\/b>.*CN=ss1\.example/s)
  await wide.check('profile-tried')
  await confirm('Close')

  // A new profile that begins with another one.
  await page.getByRole('button', { name: `Begin a new one with it: ${fi}` }).click()
  const one = (name: string) => main.getByRole('group', { name, exact: true })
  const authentication = main.locator('section', {
    has: page.getByRole('heading', { name: 'Authentication certificates' }),
  })
  const signing = main.locator('section', {
    has: page.getByRole('heading', { name: 'Signing certificates' }),
  })
  await main.getByRole('button', { name: 'Keep it' }).click()
  await confirm('Keep it')
  await dialog.getByText('profile.name').waitFor()
  await wide.check('profile-refused')
  await confirm('Cancel')
  await main.getByLabel('Name of the profile').fill('org.example.Own')
  await main.getByLabel('Title').fill('<b>Own</b>')
  await signing.getByRole('button', { name: 'Add an attribute', exact: true }).click()
  const last = signing.getByRole('group', { name: /^Attribute [0-9]+$/ }).last()
  await last.getByLabel('Part of the name').selectOption('OU')
  await last.getByLabel('Label').fill('Unit')
  await last.getByLabel('Value').fill('unit of {memberCode}')
  await signing.getByRole('button', { name: 'Add a condition' }).first().click()
  const condition = one('Condition 2')
  await condition.getByLabel('Part of the name').selectOption('C')
  await condition.getByLabel('Holds when').selectOption('startsWith')
  await condition.getByLabel('Texts').fill('FI\nSE')
  await signing.getByRole('button', { name: 'Add an attribute that has to be there' }).first().click()
  await one('Attribute 3 that has to be there').getByLabel('Part of the name').selectOption('O')
  await authentication.getByRole('checkbox', { name: 'EC', exact: true }).check()
  await authentication.getByRole('button', { name: 'Add a reading' }).click()
  await authentication
    .getByRole('button', { name: /^Take away: Reading/ })
    .last()
    .click()
  await main.getByRole('button', { name: 'Try it out' }).click()
  await tryOut()
  t.match(await dialog.textContent(), /OU\s*unit of 1234/)
  await confirm('Close')
  await wide.check('profile-form')
  await main.getByRole('button', { name: 'Keep it' }).click()
  await confirm('Keep it')
  await outcomeOf(page).getByText('The profile was kept.').waitFor()
  await main.getByText('<b>Own</b>').click()
  await wide.check('profiles')
  const kept = JSON.parse(await page.getByLabel('Profile org.example.Own').inputValue()) as {
    signing: { request: object[]; identify: object[] }
    authentication: object
  }
  t.match(kept, {
    ...{ name: 'org.example.Own', title: '<b>Own</b>' },
    authentication: { certificate: { keyAlgorithms: ['EC'] } },
  })
  t.same(kept.signing.request.at(-1), { attribute: 'OU', label: 'Unit', value: 'unit of {memberCode}' })
  t.match(kept.signing.identify[0], {
    when: [{ attribute: 'serialNumber' }, { attribute: 'C', startsWith: ['FI', 'SE'] }],
    need: [{ attribute: 'C', equals: 'FI' }, { attribute: 'O' }, { attribute: 'O' }],
    parts: { memberClass: { attribute: 'serialNumber', split: { by: '/', parts: 3, at: 2 } } },
  })

  // Unchanged fields stay exactly as they are, and experts can edit the document.
  await page.getByRole('button', { name: 'Change org.example.Own' }).click()
  await main.getByText('Show or change it as a document').click()
  const document = main.getByLabel('Profile', { exact: true })
  t.same(JSON.parse(await document.inputValue()), kept)
  await document.fill('{')
  await main.getByRole('button', { name: 'Take this document over' }).click()
  await main.getByText('The profile is no JSON document.').waitFor()
  await wide.check('profile-document')
  await document.fill(JSON.stringify({ ...kept, title: 'Other' }))
  await main.getByRole('button', { name: 'Take this document over' }).click()
  t.equal(await main.getByLabel('Title').inputValue(), 'Other')
  await narrow.open('/certificate-profiles/org.example.Own')
  await narrow.page.getByLabel('Title').waitFor()
  await narrow.check('profile-form-narrow', 'layout')
  await narrow.open(`/certificate-profiles/${fi}`)
  await narrow.page
    .getByText('This instance has no certificate profile of this name.', { exact: false })
    .waitFor()
  await narrow.check('profile-not-own-narrow')
  await narrow.open('/trust-services')
  await narrow.page.getByText('<b>Own</b>').click()
  await narrow.check('profiles-narrow', 'layout')
  await wide.open('/trust-services')
  await page.getByRole('button', { name: 'Delete org.example.Own' }).click()
  await dialog.getByRole('textbox').fill('org.example.Own')
  await confirm('Delete')
  await outcomeOf(page).getByText('It was deleted.').waitFor()
  await page.getByText('<b>Own</b>').waitFor({ state: 'detached' })
}

/**
 * An approved CA has an unknown profile: the page shows a warning with the remedy, until two people have
 * added the profile.
 */
export async function unknownProfile(t: Test, anna: Visitor, ben: Visitor, name: string): Promise<void> {
  const { page } = anna
  const warning = new RegExp(`Nobody knows the certificate profile ${name} of Own CA`)
  const remedy = page.getByText('Add a certificate profile under this name below.', { exact: false })
  await anna.open('/')
  await page.getByText(warning).waitFor()
  await anna.check('overview-unknown-profile')
  await page.getByRole('link', { name: warning }).click()
  await remedy.waitFor()
  t.equal(await remedy.count(), 1, 'at this CA and no other')
  await anna.check('unknown-profile')
  await page.setViewportSize({ width: 320, height: 640 })
  await anna.check('unknown-profile-narrow', 'layout')
  await page.setViewportSize({ width: 1280, height: 800 })

  await page
    .getByRole('button', { name: 'Begin a new one with it: FiVRKCertificateProfileInfoProvider' })
    .click()
  await page.locator('main').getByLabel('Name of the profile').fill(name)
  await page.locator('main').getByLabel('Title').fill('Own CA')
  await act(
    anna,
    'Keep it',
    { Reason: 'as the CA writes it' },
    'Propose',
    'it waits for a second administrator',
  )
  await close(anna)
  await anna.open('/trust-services')
  await remedy.waitFor()
  await ben.open('/')
  await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
  await ben.page.locator('main tbody').getByRole('link').first().click()
  await ben.page.getByText(name).first().waitFor()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  for (const address of ['/trust-services', '/']) {
    await anna.open(address)
    await anna.settled()
    t.equal(await remedy.count(), 0, address)
    t.equal(await page.getByText(warning).count(), 0, address)
  }
}
