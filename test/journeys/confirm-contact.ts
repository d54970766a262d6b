/**
 * The recipient of the letter gives its code to a person who manages contracts; administrators see the
 * result.
 */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { type FakeMailServer, headerOf } from '../fakes/mail-server.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'

export const CONTACT = 'desk@tax.example'
const NARROW = { width: 320, height: 640 }

export async function confirmContact(
  t: Test,
  q: {
    mail: FakeMailServer
    title: string
    at: string
    who: Visitor
    director: Visitor
    registry: Visitor
  },
): Promise<void> {
  const { mail, title, at, who, director, registry } = q
  /** Letters about other contracts went to other addresses. */
  const codes = (): string[] =>
    mail.received
      .filter(({ to, raw }) => to[0] === CONTACT && headerOf(raw, 'Subject')?.startsWith('Does this address'))
      .flatMap(({ raw }) => /Code: ([0-9a-f-]{39})/.exec(raw.replace(/=\r\n/g, ''))?.[1] ?? [])
  await until('the first letter', () => codes().length > 0)
  const confirm = `Confirm ${CONTACT}`
  await who.open(at)
  await who.page.getByText('letter sent').waitFor()
  await act(who, confirm, { 'Code of the letter': 'no such code' }, 'Confirm', 'the code is wrong')
  await who.check('contract-contact-wrong-code')
  await director.open(at)
  const code = { 'Code of the letter': codes()[0]! }
  await act(director, confirm, code, 'Confirm', 'signatories of contracts log in at this server')
  await registry.open(at)
  const sendAgain = `Send the letter again to ${CONTACT}`
  const { length: before } = codes()
  await act(registry, sendAgain, {}, 'Send the letter again', 'The letter is on its way.')
  await registry.check('contract-contact-sent-again')
  await close(registry)
  await until('the second letter', () => codes().length > before)
  await who.open('/')
  await who.page.getByRole('link', { name: /whose address(es are| is) not confirmed/ }).click()
  await who.page.getByRole('link', { name: title }).click()
  await who.settled()
  await act(who, confirm, { 'Code of the letter': codes().at(-1)! }, 'Confirm', 'The address is confirmed.')
  await close(who)
  await who.page.locator('.status', { hasText: /^\s*confirmed$/ }).waitFor()
  t.equal(await who.page.getByRole('button', { name: confirm }).count(), 0)
  await who.page.setViewportSize(NARROW)
  await who.check('contract-contact-confirmed-narrow', 'layout')
  await who.page.setViewportSize({ width: 1280, height: 800 })
  await registry.open(at)
  await registry.page.getByText('by DEV/GOV/1002 (Anna Aalto)').waitFor()
  await registry.check('contract-contact-confirmed')
}
