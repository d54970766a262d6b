/**
 * An issuer of credentials is trusted in the registry's console, is told at its field what is wrong with it,
 * and is changed.
 */

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { bake, caExtensions, commonName, newKey } from '#core/certificate/certificate-fixture.ts'
import { outcomeOf, type Visitor } from '../browser.ts'
import { pick } from './pick.ts'

type Asked = {
  /** The certificate of its CA, and where it may be written to. */
  ca: Buffer
  directory: string
  issuers(): Promise<unknown>
}

export async function trustIssuer(
  t: Test,
  { page, open, check, checkBoth }: Visitor,
  { ca, directory, issuers }: Asked,
): Promise<void> {
  const dialog = page.getByRole('dialog')
  const press = (name: string): Promise<void> => dialog.getByRole('button', { name, exact: true }).click()
  const file = path.join(directory, 'issuer-ca.der')
  writeFileSync(file, ca)
  await open('/trusted-issuers')
  await page.getByText('No issuer is trusted').waitFor()
  await page.locator('main').getByRole('button', { name: 'Trust an issuer' }).click()
  await dialog.getByLabel('Name', { exact: true }).fill('State')
  await dialog.getByLabel('Trusted for').fill('Signing in')
  await pick(page, 'Types of credentials', 'pid', 'urn:eudi:pid:1')
  await dialog.getByRole('button', { name: 'Remove urn:eudi:pid:1' }).waitFor()
  const types = dialog.getByLabel('Types of credentials')
  await types.fill('org.example.card')
  await types.press('Enter')
  await dialog.getByRole('button', { name: 'Remove org.example.card' }).waitFor()
  await press('Add a claim')
  await dialog.getByLabel('Claim 1', { exact: true }).and(page.locator(':focus')).waitFor()
  await page.keyboard.type('/address/two words')
  // A row that stays empty says nothing.
  await press('Add a claim')
  await press('Add a mark')
  await dialog.getByLabel('DNS name').fill('sign.example')
  await dialog.getByLabel('CA of the issuer').setInputFiles(file)
  await dialog.getByLabel('Hosts of its status lists').fill('https://status.example/')
  await press('Trust an issuer')
  await dialog.getByRole('alert').getByText('body.statusHosts').waitFor()
  const wrong = dialog.locator('.field:has(> .error)')
  t.match(await wrong.allTextContents(), [/^Hosts of its status lists/], 'told at its field, and at no other')
  await check('trust-issuer-wrong')
  await dialog.getByLabel('Hosts of its status lists').fill('status.example')
  await press('Trust an issuer')
  await outcomeOf(page).getByText('The issuer is trusted.').waitFor()
  await page.getByRole('heading', { name: 'State', level: 2 }).waitFor()
  const issuer = {
    ...{ name: 'State', purpose: 'Signing in', types: ['urn:eudi:pid:1', 'org.example.card'] },
    ...{ claims: [['address', 'two words']], signers: [{ dnsName: 'sign.example' }] },
    ...{ requiresStatus: true, statusHosts: ['status.example'] },
  }
  t.match(await issuers(), [{ issuer }])
  t.match(await page.locator('main').textContent(), /\/address\/two words.*DNS name.*sign\.example/s)
  await check('trusted-issuer')

  await page.locator('main').getByRole('button', { name: 'Change State' }).click()
  await press('Remove Claim 1')
  await press('Remove org.example.card')
  await press('Change')
  await page.getByText('all of these types').waitFor()
  t.match(await issuers(), [{ issuer: { ...issuer, claims: undefined, types: ['urn:eudi:pid:1'] } }])

  // It changes its CA: for a time it has both, and then one again.
  const stays = { ...issuer, claims: undefined, types: ['urn:eudi:pid:1'] }
  const next = path.join(directory, 'issuer-ca-2.der')
  const [subject, key] = [
    commonName('Issuing CA 2 of the State for persons, licences and everything else'),
    newKey(),
  ]
  writeFileSync(next, bake({ subject, key, extensions: caExtensions(), keyIdentifiers: true }))
  await page.locator('main').getByRole('button', { name: 'Change State' }).click()
  await dialog.getByRole('checkbox', { name: 'valid until' }).waitFor()
  await dialog.getByLabel('Another CA').setInputFiles(next)
  await dialog.getByRole('button', { name: 'Add a mark of lists' }).scrollIntoViewIfNeeded()
  await checkBoth('trusted-issuer-another-ca')
  await press('Change')
  await page.locator('main').getByText('Issuing CA 2').first().waitFor()
  t.match(await issuers(), [{ issuer: { ...stays, anchors: [{}, {}], former: undefined } }])
  await checkBoth('trusted-issuer-two-cas')
  await page.locator('main').getByRole('button', { name: 'Change State' }).click()
  await dialog.getByRole('checkbox', { name: 'valid until' }).nth(1).waitFor()
  await dialog.getByLabel('Another CA').scrollIntoViewIfNeeded()
  await checkBoth('trusted-issuer-which-cas')
  for (const one of await dialog.getByRole('checkbox').all()) await one.uncheck()
  await press('Change')
  await dialog.getByRole('alert').getByText('body.anchors').waitFor()
  await dialog.getByRole('checkbox', { name: 'Issuing CA 2' }).check()
  await press('Add a mark of lists')
  await dialog
    .getByRole('group', { name: 'Who signs its status lists' })
    .getByLabel('Extended key usage')
    .fill('1.2.3.4')
  await press('Change')
  await page.locator('main').getByText('1.2.3.4').waitFor()
  t.notMatch(await page.locator('main').textContent(), /Development root CA/)
  const statusSigners = [{ usage: '1.2.3.4' }]
  t.match(await issuers(), [{ issuer: { ...stays, statusSigners, anchors: [{ trustedFrom: String }] } }])
  await check('trusted-issuer-ca-changed')
}
