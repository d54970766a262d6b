/**
 * At a registry an officer says where a member's systems are told, files an authority's order, and downloads
 * what a server answered.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { Authority } from '#certs/authority.ts'
import { newRecipient } from '#core/hpke/recipient-key.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { AUDIT_DOCUMENT, type AuditOrder } from '#schemas/audit-order.ts'
import { leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { answerAudit } from '../fakes/console-sample.ts'
import { signingParty } from '../fakes/management-requests.ts'
import type { Node } from '../fakes/registry-world.ts'
import { act, close } from '../second-person.ts'

const MEMBER = '/members/DEV:GOV:1234'
const ADDRESS = 'https://agency.example/decisions?of=<b>'
const DAY = 86_400_000

/** An address is set, changed and taken away. */
export async function tellSystems(t: Test, one: Visitor, node: Node): Promise<void> {
  const { page } = one
  const told = async (): Promise<unknown> => (await node.call('GET', `${MEMBER}/webhook`)).body
  await one.open(MEMBER)
  await page.getByText('the systems of this member hear nothing').waitFor()
  await act(one, 'Set a webhook', { 'Address (URL)': 'ftp://x' }, 'Set a webhook', 'an http or https URL')
  await one.check('webhook-wrong')
  await page.getByLabel('Address (URL)').fill(ADDRESS)
  await page.getByRole('dialog').getByRole('button', { name: 'Set a webhook' }).click()
  await outcomeOf(page).getByText('The address was set.').waitFor()
  await close(one)
  await page.getByText(ADDRESS, { exact: true }).waitFor()
  t.match(await told(), { url: ADDRESS })
  await one.checkBoth('webhook')
  const other = { 'Address (URL)': 'http://192.0.2.7/' }
  await act(one, 'Change the webhook', other, 'Change the webhook', 'The address was set.')
  await close(one)
  t.match(await told(), { url: 'http://192.0.2.7/' })
  await act(one, 'End the webhook', {}, 'End the webhook', 'Nothing is posted any more.')
  await close(one)
  await page.getByText('the systems of this member hear nothing').waitFor()
  t.match(await told(), { type: 'not_found' })
}

type Ordering = Awaited<ReturnType<typeof orderingAuthority>>

/** A data protection authority that the settings of a registry pin, and its signature. */
export async function orderingAuthority(authority: Authority) {
  const { certificate, key } = await signingParty(authority, 'DEV/GOV/9999')
  const signers = [{ certificates: [certificate], ocspResponses: [], key }]
  return {
    settings: { auditAuthorities: [{ name: 'DPA', certificateSha256: certificate.sha256 }] },
    sign: (order: AuditOrder): Buffer => Buffer.from(writeSignedJson(order, AUDIT_DOCUMENT.order, signers)),
  }
}

export async function fileOrder(
  t: Test,
  one: Visitor,
  { node, dpa, now }: { node: Node; dpa: Ordering; now: number },
): Promise<void> {
  const { page } = one
  const at = (ms: number): string => new Date(now + ms).toISOString()
  const order: AuditOrder = {
    ...{ id: randomUUID(), createdAt: at(0), instance: 'DEV', authority: 'DPA', case: 'DP-<17>/2026' },
    ...{ legalBasis: 'section 40', deadline: at(DAY), servers: ['DEV/GOV/1234/SS1'], sample: 1 },
    scope: { from: at(-30 * DAY), to: at(0) },
    recipient: newRecipient().publicKey.toString('base64'),
  }
  const given = (name: string, buffer: Buffer) =>
    page
      .getByRole('dialog')
      .getByLabel('Signed order')
      .setInputFiles({ name, mimeType: 'application/json', buffer })
  const send = () => page.getByRole('dialog').getByRole('button', { name: 'File an order' }).click()
  await one.open('/audit-orders')
  await page.getByText('There is no audit order.').waitFor()
  await page.getByRole('button', { name: 'File an order' }).click()
  await send()
  await page.getByRole('alert').getByText('Signed order').first().waitFor()
  await given('no.json', Buffer.from('{}'))
  await send()
  await page.getByRole('alert').getByText('signature').first().waitFor()
  await one.check('audit-order-refused')
  await given('order.json', dpa.sign(order))
  await send()
  await outcomeOf(page).getByText('case DP-<17>/2026: 1 server has to answer').waitFor()
  await close(one)
  await page.getByText('Not told yet').waitFor()
  await one.checkBoth('audit-order-filed')
  t.equal(await page.getByRole('button', { name: /^Download the answer/ }).count(), 0, 'none is there')
  await page.getByRole('button', { name: 'File an order' }).click()
  await given('order.json', dpa.sign(order))
  await send()
  await page.getByRole('alert').getByText('exists already').waitFor()
  await leaveDialog(page)

  const answer = await answerAudit(node.settings.database, order.id, now)
  await one.load('/audit-orders?state=complete')
  await page.getByText('7 records in scope').waitFor()
  const button = 'Download the answer of DEV:GOV:1234:SS1'
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    act(one, button, {}, 'Download the answer', 'audit-answer.json'),
  ])
  t.equal(readFileSync(await download.path(), 'utf8'), answer)
  await close(one)
  await one.checkBoth('audit-order-answered')
}
