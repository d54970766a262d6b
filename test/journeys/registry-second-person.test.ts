import t from 'tap'
import { buildConsoles } from '#console/build.ts'
import { hasChromium, leaveDialog } from '../browser.ts'
import { startMailServer } from '../fakes/mail-server.ts'
import { openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { type File, guest } from '../fakes/request-world.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, postgresql } from '../postgresql.ts'
import { act, close, installed } from '../second-person.ts'
import { until } from '../until.ts'
import { inOtherLooks } from './other-looks.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const issuer = hasChromium() ? await startOpenIdProvider(t) : ''
if (hasChromium()) await buildConsoles()

const clientReg = { kind: 'clientReg', client: 'DEV/GOV/5678/new', subsystemName: 'Newcomer' }

/** A client of another member, with the signatures of both. */
async function fileByBoth(file: File, subject: object): Promise<number> {
  const first = await file(subject)
  if (first.status >= 300) throw new Error(JSON.stringify(first.body))
  await file(subject, { by: guest })
  return first.body.request
}

void t.test('a member is admitted by two persons, each in a window of their own', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { node, base, anna, ben, people, windowOf, propose, approve } = await installed(t, issuer)
  await anna.open('/members')
  await anna.page.getByRole('button', { name: 'Admit a member' }).click()
  await anna.page.getByText('This takes two persons').waitFor()
  await anna.check('admit-by-two')
  await leaveDialog(anna.page)
  const asked = { 'Member class': 'GOV', 'Member code': '77', Name: 'Fisheries Agency' }
  await act(anna, 'Admit a member', asked, 'Propose', 'Enter the reason.')
  await leaveDialog(anna.page)
  const reason = 'The ministry’s decree of 1 March: ½ of all boats.'
  await act(
    anna,
    'Admit a member',
    { ...asked, Reason: reason },
    'Propose',
    'it waits for a second administrator',
  )
  await anna.check('proposed')
  await close(anna)
  t.match(anna.page.url(), /\/members$/, 'nothing is there to go to yet')
  t.equal((await node.call('GET', '/members/DEV:GOV:77')).status, 404)

  await ben.open('/')
  const waits = ben.page.getByRole('link', { name: '1 proposal waits for your decision.' })
  await ben.check('overview-proposal')
  await waits.click()
  const row = ben.page.getByRole('link', { name: 'Admit a member' }).first()
  await row.waitFor()
  await ben.check('proposals-waiting')
  await row.click()
  await ben.page.getByRole('heading', { name: 'Admit a member', level: 1 }).waitFor()
  await ben.settled()
  await ben.page.getByText('your browser finds the same').waitFor()
  const main = (await ben.page.locator('main').textContent()) ?? ''
  for (const said of [reason, 'Person anna', 'Fisheries Agency', '77', 'GOV']) t.ok(main.includes(said), said)
  await ben.page.getByText('Show the text').click()
  await ben.check('proposal')

  const { pathname } = new URL(ben.page.url())
  const at = pathname.replace('/console', '')
  await anna.open(at)
  await anna.page.getByText('You proposed this. Another person decides').waitFor()
  t.equal(await anna.page.getByRole('button', { name: 'Approve' }).count(), 0, 'never who proposed it')
  await anna.check('proposal-of-mine')

  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await ben.check('proposal-approved-dialog')
  await close(ben)
  await ben.page.getByText('Carried out', { exact: true }).waitFor()
  await ben.check('proposal-carried-out')
  t.match(await node.must('GET', '/members/DEV:GOV:77'), { name: 'Fisheries Agency' })

  // An act that is no longer possible says so when it is approved.
  await anna.open('/members')
  await act(anna, 'Admit a member', { ...asked, Reason: 'again' }, 'Propose', 'it waits')
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Admit a member' }).first().click()
  await act(ben, 'Approve', {}, 'Approve', 'it could not be carried out')
  await close(ben)
  await ben.page.getByRole('heading', { name: 'Why it failed' }).waitFor()
  await ben.check('proposal-failed')

  for (const [who, button, fields, after] of [
    [ben, 'Reject', { Reason: 'The name is <b>wrong</b>.' }, 'Rejected.'],
    [anna, 'Withdraw', {}, 'Withdrawn.'],
  ] as const) {
    await anna.open('/members')
    const other = { ...asked, 'Member code': '78', Reason: `now ${button}` }
    await act(anna, 'Admit a member', other, 'Propose', 'it waits')
    await close(anna)
    await who.open(`/proposals?q=${encodeURIComponent(`now ${button}`)}`)
    await who.page.getByRole('link', { name: 'Admit a member' }).first().click()
    await act(who, button, fields, button, after)
    await close(who)
    await who.page
      .getByText(`${button === 'Reject' ? 'Rejected' : 'Withdrawn'}`)
      .first()
      .waitFor()
    await who.check(`proposal-${button.toLowerCase()}ed`)
  }
  await ben.open('/')
  t.equal(await ben.page.getByText('waits for your decision').count(), 0)
  const failed = ben.page.locator('section', { has: ben.page.getByRole('heading', { name: 'What failed' }) })
  t.match(await failed.textContent(), /Admit a member.*exists/s, 'the first page says what failed')
  await ben.check('overview-what-failed')
  const decided = ben.page.getByRole('listitem').filter({ hasText: 'declined the proposal' })
  await decided.getByRole('link', { name: 'Admit a member' }).waitFor()
  t.match(await decided.first().textContent(), /Admit a member: GOV, 78/, 'an act says what was proposed')
  await ben.page.setViewportSize(NARROW.viewport)
  await ben.look('overview-what-failed-narrow')
  const auditor = openBrowser(t)
  const invited = { subject: 'auditor', roles: ['XROAD_AUDITOR'] }
  t.equal((await approve(people.ben, await propose(people.anna, 'POST', '/people', invited))).status, 200)
  await auditor.login(base, 'auditor')
  await inOtherLooks(
    t,
    async (t, role, context) => {
      const one = await windowOf(role === 'registry' ? people.anna : auditor, context)
      t.teardown(() => one.page.context().close())
      return one
    },
    {
      registry: ['/', '/members', '/management-requests', '/audit-log', '/proposals', '/catalogue'],
      XROAD_AUDITOR: ['/audit-log', '/people', '/proposals'],
    },
  )
})

void t.test('by keyboard alone: read a proposal and approve it', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { node, people, ben, propose } = await installed(t, issuer)
  await propose(people.anna, 'POST', '/members', { memberClass: 'GOV', memberCode: '9', name: 'Nine' })
  const { page } = ben
  const focused = (): Promise<string> =>
    page.evaluate<string>('(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()')
  const tabTo = async (words: string): Promise<void> => {
    for (let at = 0; at < 60; at++) {
      await page.keyboard.press('Tab')
      if ((await focused()) === words) return
    }
    throw new Error(`no way to ${words} by Tab, but to ${await focused()}`)
  }
  await ben.open('/')
  await tabTo('1 proposal waits for your decision.')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Proposals', level: 1 }).waitFor()
  await ben.settled()
  await tabTo('Admit a member')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Admit a member', level: 1 }).waitFor()
  await ben.settled()
  await tabTo('Approve')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await ben.check('approve-dialog')
  await tabTo('Approve')
  await page.keyboard.press('Enter')
  await page.getByText('Approved, and carried out.').waitFor()
  // The button goes when the page has been loaded again.
  await until('the focus where it says so', async (saw) =>
    /Approved, and carried out/.test(saw(await focused())),
  )
  t.match(await node.must('GET', '/members/DEV:GOV:9'), { name: 'Nine' })
})

void t.test('management requests: read, proposed and approved, declined, revoked', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const database = hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const { node, anna, ben, file, windowOf, people } = await installed(t, issuer, undefined, database)
  const id = await fileByBoth(file, clientReg)
  const declined = (await file({ kind: 'addressChange', address: 'ss9.example' })).body.request
  await file({ kind: 'clientReg', client: 'DEV/GOV/5678' })
  await anna.open('/')
  await anna.check('overview-requests')
  await anna.page.getByRole('link', { name: '2 management requests wait for a decision.' }).click()
  await anna.page.getByRole('link', { name: 'Register a client' }).waitFor()
  await anna.check('requests')
  t.equal(await anna.page.locator('tbody tr').count(), 2, 'what still waits for a signature is another state')
  await anna.open('/management-requests?kind=clientReg&state=WAITING')
  await anna.page.getByRole('link', { name: 'Register a client' }).click()
  await anna.page.getByText('Waits for another signature').waitFor()
  t.equal(await anna.page.getByRole('button', { name: 'Approve' }).count(), 0)
  await anna.check('request-waiting')

  await anna.open(`/management-requests/${id}`)
  const main = (await anna.page.locator('main').textContent()) ?? ''
  for (const said of ['Newcomer', 'DEV:GOV:5678:new', '(DEV:GOV:1234)', '(DEV:GOV:5678)', 'enabled'])
    t.ok(main.includes(said), said)
  await anna.check('request')
  await act(
    anna,
    'Approve',
    { Reason: 'checked the mandate' },
    'Propose',
    'it waits for a second administrator',
  )
  await close(anna)
  await anna.page.getByText('Person anna has proposed to approve it').waitFor()
  await anna.check('request-proposed')
  await ben.open(`/management-requests/${id}`)
  await ben.page.getByRole('link', { name: /Person anna has proposed/ }).click()
  await ben.page.getByText('the same as when it was proposed').waitFor()
  await ben.page.getByText(/^Signed by .*\(DEV:GOV:5678\)/).waitFor()
  await ben.check('proposal-of-request')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.match(await node.must('GET', '/subsystems/DEV:GOV:5678:new'), { name: 'Newcomer' })
  await ben.open(`/management-requests/${id}`)
  await ben.page.getByRole('heading', { name: 'What was changed' }).waitFor()
  await ben.page.getByTitle(/Person anna .*approved by Person ben/).waitFor()
  await ben.check('request-approved')

  await ben.open(`/management-requests/${declined}`)
  await ben.page.getByRole('cell', { name: 'ss1.example' }).waitFor()
  await act(ben, 'Decline', { 'Reason for the requester': 'No such host.' }, 'Decline', 'Declined.')
  await close(ben)
  t.match(await node.must('GET', `/management-requests/${declined}`), {
    state: 'DECLINED',
    reason: 'No such host.',
  })
  await ben.check('request-declined')
  const revoked = (await file({ kind: 'maintenanceModeEnable', message: 'back at noon' })).body.request
  const phone = await windowOf(people.ben, NARROW)
  await phone.open(`/management-requests/${revoked}`)
  await phone.check('request-narrow', 'layout')
  await act(phone, 'Revoke', { 'Name, to confirm': String(revoked) }, 'Revoke', 'Revoked.')
  t.match(await node.must('GET', `/management-requests/${revoked}`), { state: 'REVOKED' })

  await anna.open('/management-requests/automatic')
  await anna.check('automatic-none')
  const rule = { Kind: 'addressChange', 'Member class': 'GOV', Reason: 'they are many' }
  await act(anna, 'Add a rule', rule, 'Propose', 'it waits')
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Approve a kind of requests automatically' }).first().click()
  await ben.page.locator('dd').getByText('Change the address').waitFor()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  await ben.open('/management-requests/automatic')
  await ben.check('automatic')
  await act(ben, /^End the rule/, {}, 'End', 'The rule was ended.')
  await close(ben)
  await ben.page.getByText('every request is decided by people').waitFor()
})

void t.test('mail that did not arrive: seen, sent again, forgotten', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const mail = await startMailServer(t)
  const { node, base, anna, ben, windowOf, people } = await installed(t, issuer, mail.server)
  await anna.open('/mail-messages')
  await anna.check('mail-empty')
  await anna.open('/members/DEV:GOV:1234')
  await anna.page.getByText('this member hears nothing by e-mail').waitFor()
  const change = (lines: string[], after: string) =>
    act(anna, 'Change the addresses', { Addresses: lines.join('\n') }, 'Change the addresses', after)
  await change(['A <a@b.example>'], 'plain e-mail addresses are needed')
  await anna.check('mail-wrong')
  await leaveDialog(anna.page)
  await change(Array(11).fill('a@b.example') as string[], 'Ten addresses at most.')
  await leaveDialog(anna.page)
  const long = `${'w'.repeat(64)}@${'w'.repeat(60)}.${'w'.repeat(60)}.${'w'.repeat(60)}.ee`
  await change([' desk@agency.example ', '', long], 'The addresses were changed.')
  await close(anna)
  await anna.page.getByText('desk@agency.example', { exact: true }).waitFor()
  await anna.check('mail-of-member')

  mail.refuse = () => 550
  const suspension = { kind: 'server', subject: 'DEV:GOV:1234:SS1', reason: '<b>stolen</b>' }
  await people.anna.api(base, 'POST', '/suspensions', suspension)
  const inState = async (state: string): Promise<number> =>
    ((await node.must('GET', `/mail-messages?state=${state}`)) as object[]).length
  await until('two that are refused', async (saw) => saw(await inState('REFUSED')) === 2)
  await ben.open('/')
  await ben.check('overview-mail')
  await ben.page.getByRole('link', { name: '2 messages to members did not arrive.' }).click()
  await ben.page.getByRole('cell', { name: long, exact: true }).waitFor()
  await ben.check('mail')
  const phone = await windowOf(people.ben, NARROW)
  await phone.open('/mail-messages')
  await phone.check('mail-narrow', 'layout')
  mail.refuse = undefined
  await ben.page.getByRole('button', { name: /^Send again to desk/ }).click()
  await ben.check('mail-retry')
  await leaveDialog(ben.page)
  await act(ben, /^Send again to desk/, {}, 'Send again', 'It waits to be sent again.')
  await close(ben)
  await until('one that is sent', async (saw) => saw(await inState('SENT')) === 1)
  t.same(
    mail.received.flatMap(({ to }) => to),
    ['desk@agency.example'],
  )
  await act(ben, /^Forget the message/, {}, 'Forget', 'It was taken out of the outbox.')
  await close(ben)
  await ben.page.getByText('Nothing fits this search').waitFor()
  await ben.open('/members/DEV:GOV:1234')
  await ben.page.getByRole('link', { name: 'Messages to desk@agency.example' }).click()
  await ben.page.locator('tbody').getByText('sent', { exact: false }).waitFor()
  await ben.check('mail-sent')
  t.equal(await ben.page.locator('tbody tr').count(), 1)
})
