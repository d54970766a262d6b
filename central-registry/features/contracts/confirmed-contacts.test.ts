/**
 * The effects of confirmed contacts, at a real registry with a real mail server: contracts coming into force,
 * notices, returned letters.
 */
import t from 'tap'
import {
  again,
  codesTo,
  confirm,
  contacts,
  DESK,
  OFFICE,
  passing,
  seen,
  sent,
  service,
  statesOf,
} from '#test/fakes/contact-letters.ts'
import {
  agreed,
  code,
  decide,
  listFor,
  propose,
  seal,
  startContracts,
  stateOf,
} from '#test/fakes/contract-world.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { headerOf, startMailServer } from '#test/fakes/mail-server.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST, OWNER } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { newCode } from '../../members/contacts/rules.ts'

t.test('what hangs on it: coming into force, notices, letters that come back', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const mail = await startMailServer(t)
    const w = await startContracts(t, url, { mailServer: mail.server })
    const policy = { contractRequired: true, approveAll: false }
    const why = async (): Promise<object | undefined> => {
      const call = 'consumer=DEV:GOV:5678:tax&provider=DEV:GOV:1234:plain&serviceCode=persons&method=GET'
      const { steps } = (await w.node.must('GET', `/explanation?${call}&path=/persons/1`)) as {
        steps: { step: string }[]
      }
      return steps.find(({ step }) => step === 'contract')
    }
    await w.node.must('PUT', '/contract-policy', { ...policy, confirmedContacts: 'all' })
    await w.node.must('PUT', '/contract-policy', policy)
    t.match(
      await w.node.must('GET', '/contract-policy'),
      { confirmedContacts: 'all' },
      'what is not said stays',
    )
    const plain = await agreed(w, { contacts })
    t.equal(await stateOf(w, plain), 'ACCEPTED', 'it waits for its contacts')
    t.same((await seen(w, plain)).contactsMissing, ['provider', 'consumers'])
    t.match((await listFor(w, GUEST)).contracts, [{ contactsMissing: ['provider', 'consumers'] }])
    t.match(await why(), {
      state: 'bad',
      what: /is ACCEPTED and waits .* provider: "Office" <Office@Gov\.example> .* consumers: "Contract desk"/,
      remedy: /code/,
    })
    t.match(await decide(w, plain, 'approve'), {
      status: 409,
      body: { message: /no contact of the provider or of the consumers is confirmed/ },
    })
    const personal = await agreed(w, { contacts, personalData: true, ...service('horses') })
    await passing(w, sent(mail, DESK, 1))
    await passing(w, sent(mail, OFFICE, 1))
    t.equal((await confirm(w, plain, GUEST, { code: codesTo(mail, DESK)[0]! })).status, 200)
    t.equal(await stateOf(w, plain), 'ACCEPTED')
    t.same((await seen(w, plain)).contactsMissing, ['provider'])
    t.match(await why(), { what: /confirmed of the provider: "Office"/ })
    t.equal((await confirm(w, plain, OWNER, { email: OFFICE, code: codesTo(mail, OFFICE)[0]! })).status, 200)
    t.equal(await stateOf(w, plain), 'ACTIVE', 'with the last one it goes on')
    t.match(await why(), { state: 'good' })
    t.match(
      (await listFor(w, GUEST)).contracts.find(({ state }) => state === 'ACTIVE'),
      { contactsMissing: undefined },
      'what is in force waits for nobody',
    )
    t.equal(await stateOf(w, personal), 'ACCEPTED', 'the registry still has to approve')
    t.match(await decide(w, personal, 'approve'), { status: 200, body: { state: 'ACTIVE' } })
    await w.node.must('PUT', '/contract-policy', { ...policy, confirmedContacts: 'personalData' })
    const free = await agreed(w, { ...service('cows'), contacts: [contacts[0]!] })
    t.equal(await stateOf(w, free), 'ACTIVE')
    const group = { consumers: { globalGroup: 'tax-users' }, ...service('group'), personalData: true }
    await w.node.must('POST', '/global-groups', { code: 'tax-users', description: 'd' })
    const terms = contentAt(w.world.clock.now, { ...group, contacts: [contacts[1]!] })
    await propose(w, terms, OWNER)
    await seal(w, terms, OWNER)
    t.match(await decide(w, terms, 'approve'), { status: 200 }, 'who joins a group names no contact')

    // Notices go to confirmed contacts, and to the member's addresses when no contact is confirmed.
    await w.node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', { addresses: ['ops@gov.example'] })
    const lines = (address: string): (string | undefined)[] =>
      mail.received
        .filter(({ to }) => to[0]!.toLowerCase() === address.toLowerCase())
        .map(({ raw }) => headerOf(raw, 'Subject'))
    const mixed = [
      ...contacts,
      { member: OWNER, name: 'x', email: 'unasked@gov.example' },
      { member: GUEST, name: 'y', email: 'unasked@tax.example' },
    ]
    const noticed = await agreed(w, { ...service('mixed'), contacts: mixed })
    await decide(w, noticed, 'suspend', { reason: 'For a reason.' })
    const subject = `Service contract suspended: ${noticed.title}`
    await passing(w, () => [DESK, OFFICE, 'ops@gov.example'].every((one) => lines(one).includes(subject)))
    for (const one of ['unasked@gov.example', 'unasked@tax.example'])
      t.notOk(lines(one).includes(subject), one)

    // An address that rejects mail is no longer confirmed.
    mail.refuse = (address) => (address === DESK ? 550 : undefined)
    await decide(w, noticed, 'resume', { reason: 'For a reason.' })
    await passing(w, async () => (await statesOf(w, noticed))?.[0] === 'REFUSED')
    t.same((await statesOf(w, plain))?.[0], 'REFUSED', 'in each contract')
    t.equal(await stateOf(w, plain), 'ACTIVE', 'what is in force stays so')
    // The address is refused first, and the letter ends then.
    const undelivered = await until('a letter that has ended', async (saw) => {
      const rows = saw(await w.node.must('GET', '/mail-messages?state=UNDELIVERED')) as object[]
      return rows.length > 0 && rows
    })
    t.match(undelivered, [{ lastError: /takes nothing for this address/ }])
    mail.refuse = undefined
    const before = codesTo(mail, DESK).length
    t.equal((await again(w, noticed, GUEST)).status, 200)
    await passing(w, sent(mail, DESK, before + 1))
    t.equal((await statesOf(w, noticed))?.[0], 'ASKED')
    t.equal((await confirm(w, noticed, GUEST, { code: codesTo(mail, DESK).at(-1)! })).status, 200)

    // A letter that is sent again has a new code; the earlier code is valid too.
    mail.isDown = true
    const late = contentAt(w.world.clock.now, {
      ...service('late'),
      contacts: [{ member: GUEST, name: 'z', email: 'late@tax.example' }],
    })
    await propose(w, late)
    await passing(w, async () => {
      const rows = (await w.node.must('GET', '/mail-messages?q=late%40tax')) as { attempts: number }[]
      return rows[0]!.attempts > 1
    })
    mail.isDown = false
    await passing(w, sent(mail, 'late@tax.example', 1))
    const [good] = codesTo(mail, 'late@tax.example')
    t.equal((await confirm(w, late, GUEST, { email: 'late@tax.example', code: good! })).status, 200)
  }),
)

t.test('without a mail server nobody is asked, and nothing waits for it', async (t) => {
  const w = await startContracts(t)
  const content = await agreed(w, { contacts })
  t.equal(await stateOf(w, content), 'ACTIVE')
  t.equal(await statesOf(w, content), undefined)
  t.equal((await listFor(w, GUEST)).contracts[0]!.contacts, undefined)
  const policy = { contractRequired: false, approveAll: false, confirmedContacts: 'all' }
  t.match(await w.node.call('PUT', '/contract-policy', policy), code(409, 'conflict'))
  t.match(await again(w, content, GUEST), code(409, 'contract_not_possible'))
  t.match(await confirm(w, content, GUEST, { code: newCode() }), code(409, 'contact_not_confirmed'))
  t.match(await w.node.must('GET', '/overview'), { contracts: { unconfirmedContacts: 0 } })
})
