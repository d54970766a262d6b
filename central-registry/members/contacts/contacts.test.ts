/**
 * Contacts of contracts at a real registry with a real mail server, on both databases: letters, codes,
 * limits, and contracts that wait for a confirmed contact.
 */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import {
  again,
  codesTo,
  confirm,
  contacts,
  DAY,
  DESK,
  OFFICE,
  passing,
  seen,
  sent,
  service,
  settled,
  statesOf,
  WRONG,
} from '#test/fakes/contact-letters.ts'
import {
  act,
  code,
  listFor,
  options,
  post,
  propose,
  seal,
  startContracts,
  THIRD,
} from '#test/fakes/contract-world.ts'
import { contentAt, contractDocument, hashOf, inDays } from '#test/fakes/contracts.ts'
import { headerOf, startMailServer } from '#test/fakes/mail-server.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST, OWNER } from '#test/fakes/request-world.ts'
import { createChange } from '../../changes/store.ts'
import type { MailTables } from '../../features/mail/tables.ts'
import { contactMigrations } from '../../register/migrations/contacts.ts'
import { contractMigrations } from '../../register/migrations/contracts.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { digestOf, isOneOf, newCode, sidesWithout, stateOf as stateOfAddress } from './rules.ts'
import { createContactStore } from './store.ts'

t.test('a letter, a code, a confirmed address', (t) =>
  eachRegistryDatabase(t, async (database, t, url) => {
    const mail = await startMailServer(t)
    const w = await startContracts(t, url, { mailServer: mail.server })
    const title = 'Come to http://evil.example'
    const content = contentAt(w.world.clock.now, { contacts, title })
    t.equal((await propose(w, content)).status, 200)
    await passing(w, sent(mail, DESK, 1))
    await passing(w, sent(mail, OFFICE, 1))
    const letter = mail.received.find(({ to }) => to.includes(DESK))!
    t.equal(headerOf(letter.raw, 'Subject'), 'Does this address reach DEV/GOV/5678?')
    t.notMatch(letter.raw, /evil|Contract desk/, 'nothing that the proposer wrote stands in it')
    t.same(await statesOf(w, content), ['ASKED', 'ASKED'])
    t.match((await listFor(w, OWNER)).contracts, [{ contacts: ['ASKED', 'ASKED'] }], 'servers are told')

    const [good] = codesTo(mail, DESK) as [string]
    const [other] = codesTo(mail, OFFICE) as [string]
    const tables = tablesOf<RegisterTables & MailTables>(database)
    const kept = JSON.stringify([
      await tables.selectFrom('mail_message').selectAll().execute(),
      await tables.selectFrom('contact_code').select(['member', 'expires_at']).execute(),
      await tables
        .selectFrom('job' as never)
        .selectAll()
        .execute(),
    ])
    t.ok(kept.includes(DESK))
    t.notOk(kept.includes(good), 'no code is kept')
    t.notMatch(w.world.lines.join('\n'), new RegExp(`${good}|${DESK}`), 'or told to a log')

    t.match(await confirm(w, content, GUEST, { code: WRONG }), {
      status: 409,
      body: { type: 'contact_not_confirmed', message: /9 more tries/ },
    })
    t.match(
      await confirm(w, content, GUEST, { code: other }),
      code(409, 'contact_not_confirmed'),
      "another's",
    )
    t.match(await confirm(w, content, OWNER, { code: good }), code(400, 'access_denied'), 'of another member')
    t.match(
      await confirm(w, content, OWNER, { email: OFFICE, code: good }),
      code(409, 'contact_not_confirmed'),
      "the code of another member's contact",
    )
    t.match(await confirm(w, content, THIRD, { code: good }), code(400, 'access_denied'), 'of no party')
    const unknown = { ...content, contract: randomUUID() }
    t.match(await confirm(w, unknown, GUEST, { code: good }), code(404, 'not_found'))
    for (const bad of [
      { code: '' },
      { code: 'x'.repeat(101) },
      { code: good, email: 'no address' },
      { code: 7 },
    ])
      t.match(await confirm(w, content, GUEST, bad as never), code(400, 'invalid_contract'))
    const replayed = contractDocument(
      'confirmation',
      {
        contract: content.contract,
        email: DESK,
        person: 'Anna (1)',
        code: ` ${good.toUpperCase().replaceAll('-', ' ')}`,
      },
      options(w, GUEST),
    )
    t.match(await post(w, '/contacts/confirmations', replayed), { status: 200, body: { state: 'PROPOSED' } })
    t.match(await post(w, '/contacts/confirmations', replayed), code(400, 'replayed_request'))
    t.match(await confirm(w, content, GUEST, { code: good }), code(409, 'contact_not_confirmed'), 'once only')

    const now = await seen(w, content)
    t.match(now.contacts, [
      { state: 'CONFIRMED', confirmedBy: 'DEV/GOV/5678 (Anna (1))', confirmedUntil: String },
      { state: 'ASKED' },
    ])
    t.equal(now.contentHash, hashOf(content), 'what is agreed to stays as it is')
    t.equal((await seal(w, content, GUEST)).status, 200)
    const { events } = (await w.node.must('GET', `/contracts/${content.contract}`)) as { events: object[] }
    t.match(events.slice(1), [{ act: 'confirmContact', by: 'DEV/GOV/5678 (Anna (1))' }, { act: 'seal' }])
    t.match(await w.node.must('GET', '/overview'), { contracts: { unconfirmedContacts: 1 } })
    t.match(await w.node.must('GET', '/contracts?contacts=unconfirmed'), [{ contract: content.contract }])

    const letters = codesTo(mail, DESK).length
    const next = contentAt(w.world.clock.now, {
      ...service('horses'),
      contacts: [{ member: GUEST, name: 'Desk', email: DESK.toUpperCase() }],
    })
    await propose(w, next)
    t.same(await statesOf(w, next), ['CONFIRMED'], 'in each contract of the member')
    const foreign = { ...contentAt(w.world.clock.now), ...service('cows') }
    const ofOwner = { ...foreign, contacts: [{ member: OWNER, name: 'Desk', email: DESK }] }
    await propose(w, ofOwner)
    t.same(await statesOf(w, ofOwner), ['ASKED'], 'another member confirms it for itself')
    await passing(w, sent(mail, DESK, letters + 1))
    t.equal(codesTo(mail, DESK).length, letters + 1)
    t.match(await w.node.must('GET', '/contracts?contacts=unconfirmed'), [
      { contract: ofOwner.contract },
      { contract: content.contract },
    ])
    const audit = JSON.stringify(await w.node.must('GET', '/audit-log'))
    t.notMatch(audit, /@tax|@gov/i)
  }),
)

t.test('letters are few, whoever asks; codes get old, and are guessed a few times only', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const mail = await startMailServer(t)
    const w = await startContracts(t, url, { mailServer: mail.server })
    const content = contentAt(w.world.clock.now, { contacts })
    await propose(w, content)
    await passing(w, sent(mail, DESK, 1))
    // Nobody is asked again when other content names the same contacts.
    const changed = { ...content, retentionDays: 7 }
    await propose(w, changed, OWNER)
    t.equal((await again(w, content, GUEST)).status, 200)
    await passing(w, sent(mail, DESK, 2))
    t.match(await again(w, content, GUEST), {
      status: 409,
      body: { type: 'contract_not_possible', message: /2 letters went to this address for this member/ },
    })
    const at = `/contracts/${content.contract}/contacts/letters`
    const body = { member: 'DEV:GOV:5678', email: DESK }
    t.match(await w.node.call('POST', at, body), code(409, 'contract_not_possible'), 'an administrator too')
    t.match(await again(w, content, OWNER), code(400, 'access_denied'), "not another's contact")
    t.match(
      await w.node.call('POST', at, { ...body, email: 'x@y.example' }),
      code(400, 'access_denied'),
      'one that the contract does not name',
    )
    const byOthers = (serviceCode: string, member: string, consumer: string) =>
      contentAt(w.world.clock.now, {
        ...service(serviceCode),
        consumers: { subsystems: [consumer] },
        contacts: [{ member, name: 'x', email: DESK.toUpperCase() }],
      })
    const third = byOthers('a', THIRD, 'DEV/GOV/9/other')
    t.equal((await propose(w, third, THIRD)).status, 200)
    const ofOwner = byOthers('b', OWNER, 'DEV/GOV/9/other')
    t.equal((await propose(w, ofOwner, THIRD)).status, 200, 'the proposal is taken all the same')
    t.same(await statesOf(w, ofOwner), ['UNCONFIRMED'], 'three letters are all that an address gets')
    await passing(w, sent(mail, DESK, 3))

    await settled(w)
    w.world.clock.now += DAY + 60_000
    await passing(w, async () => (await statesOf(w, ofOwner))?.[0] === 'ASKED')
    t.equal((await again(w, content, GUEST)).status, 200, 'the next day there are letters again')
    await passing(w, sent(mail, DESK, 5))
    const newest = codesTo(mail, DESK)
    const tried = []
    for (let i = 0; i < 10; i++) tried.push((await confirm(w, content, GUEST, { code: newCode() })).status)
    t.same(new Set(tried), new Set([409]))
    for (const one of newest)
      t.match(await confirm(w, content, GUEST, { code: one }), code(409, 'contact_not_confirmed'))
    await settled(w)
    w.world.clock.now += DAY + 60_000
    t.equal((await again(w, content, GUEST)).status, 200)
    await passing(w, sent(mail, DESK, 6))
    await settled(w)
    w.world.clock.now += 7 * DAY
    t.match(await confirm(w, content, GUEST, { code: newest.at(-1)! }), {
      status: 409,
      body: { message: /no code for it is good now/ },
    })
    t.same((await statesOf(w, content))?.[0], 'UNCONFIRMED')
    await again(w, content, GUEST)
    await passing(w, sent(mail, DESK, 7))
    await settled(w)
    t.equal((await confirm(w, content, GUEST, { code: codesTo(mail, DESK).at(-1)! })).status, 200)

    t.equal((await act(w, changed, OWNER, 'withdraw')).status, 200)
    t.match(await again(w, content, GUEST), code(409, 'contract_not_possible'), 'of what has ended')
    // A year later the registry asks on its own initiative when a contract names the address.
    const held = contentAt(w.world.clock.now, { contacts, validUntil: inDays(w.world.clock.now, 900) })
    for (const reply of [await propose(w, held), await seal(w, held, GUEST), await seal(w, held, OWNER)])
      t.equal(reply.status, 200)
    const before = codesTo(mail, DESK).length
    await settled(w)
    w.world.clock.now += 336 * DAY
    await passing(w, sent(mail, DESK, before + 1))
    t.equal((await statesOf(w, held))?.[0], 'CONFIRMED', 'and still takes it for confirmed')
    w.world.clock.now += 30 * DAY
    t.equal((await statesOf(w, held))?.[0], 'UNCONFIRMED')
  }),
)

t.test('a contract and a member cause so many letters a day', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const mail = await startMailServer(t)
    mail.isDown = true
    const w = await startContracts(t, url, { mailServer: mail.server })
    const strangers = Array.from({ length: 20 }, (_, i) => ({
      member: GUEST,
      name: 'x',
      email: `a${i}@b.example`,
    }))
    const many = contentAt(w.world.clock.now, { ...service('c'), contacts: strangers })
    for (let round = 0; round < 3; round++) {
      const others = strangers.map((one) => ({ ...one, email: `${round}${one.email}` }))
      t.equal((await propose(w, { ...many, contacts: others })).status, 200)
      const states = await statesOf(w, { ...many })
      t.equal(states?.filter((one) => one === 'ASKED').length, round < 2 ? 20 : 0, 'so many about a contract')
    }
    for (const name of ['d', 'e', 'f']) {
      const others = strangers.map((one) => ({ ...one, email: `${name}${one.email}` }))
      await propose(w, { ...contentAt(w.world.clock.now), ...service(name), contacts: others })
    }
    const all = await w.node.call('GET', '/mail-messages?q=b.example&limit=1')
    t.ok(Number(all.headers['x-total-count']) <= 100, 'and so many for a member')
  }),
)

t.test('a clock that was ahead and is put right delays no letter', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const mail = await startMailServer(t)
    const w = await startContracts(t, url, { mailServer: mail.server })
    const right = w.world.clock.now
    const content = contentAt(right, { contacts })
    await settled(w)
    w.world.clock.now += 20 * DAY
    await propose(w, content)
    await passing(w, sent(mail, DESK, 1))
    t.equal((await again(w, content, GUEST)).status, 200)
    await passing(w, sent(mail, DESK, 2))
    await settled(w)
    w.world.clock.now = right
    t.equal((await again(w, content, GUEST)).status, 200, 'those of then are not of today')
    await passing(w, sent(mail, DESK, 3))
    await settled(w)
  }),
)

t.test(
  'contacts that are asked later are so as long as that takes, and not as long as a clock was ahead',
  (t) =>
    eachRegistryDatabase(t, async (database, t) => {
      const store = createContactStore(
        database,
        createChange(database, async () => undefined),
        async (_transaction, recipients) => void written.push(...recipients),
      )
      const written: string[] = []
      const now = Date.now()
      const inDays = (days: number): string => new Date(now + days * DAY).toISOString()
      const content = contentAt(now)
      const { contract, version } = content
      const tables = tablesOf<RegisterTables>(database)
      await tables
        .insertInto('system_parameter')
        .values({ name: 'instance', value: 'DEV' } as never)
        .execute()
      await tables
        .insertInto('contract_version')
        .values({
          ...{ contract, version, hash: 'h', state: 'ACTIVE', title: 't', parties: '', proposed_by: GUEST },
          ...{ valid_from: 'a', valid_until: 'b', review_at: 'b', proposed_at: 'a', changed_at: 'a' },
          ...{ content: JSON.stringify(content), critical: 0 },
        } as never)
        .execute()
      const put = async (address: string, q: { ask: number; confirmed?: number; asked?: number }) => {
        await tables
          .insertInto('contract_contact')
          .values({ contract, version, member: GUEST, address })
          .execute()
        const until = (days: number | undefined): string => (days === undefined ? '' : inDays(days))
        await tables
          .insertInto('contact_address')
          .values({
            ...{ member: GUEST, address, ask_at: inDays(q.ask), tries: 0 },
            ...{ confirmed_until: until(q.confirmed), asked_until: until(q.asked) },
            ...{ confirmed_at: null, confirmed_by: null, refused_at: null },
          })
          .execute()
      }
      await put('delayed@x.example', { ask: 2 })
      await put('later@x.example', { ask: 1 })
      await put('renewed@x.example', { ask: 335, confirmed: 365 })
      await put('ahead@x.example', { ask: 400, confirmed: 430 })
      await put('asked@x.example', { ask: -1, asked: 6 })
      await put('asked-ahead@x.example', { ask: -1, asked: 9 })
      await store.askDue(inDays(0))
      t.same(written.sort(), ['ahead@x.example', 'asked-ahead@x.example', 'delayed@x.example'])
    }),
)

t.test('contacts of before are known, and asked', (t) =>
  eachDatabase(t, async (database, t) => {
    // A later one changes a table of another room.
    const { 'registry-contracts-006-grace': _later, ...before } = contractMigrations
    await migrate(database, before)
    const tables = tablesOf<RegisterTables>(database)
    const days = { valid_from: 'a', valid_until: 'b', review_at: 'b', proposed_at: 'a', changed_at: 'a' }
    for (const [version, state] of [
      [1, 'SUPERSEDED'],
      [2, 'ACTIVE'],
      [3, 'PROPOSED'],
    ] as const) {
      const content = contentAt(Date.now(), {
        version,
        contacts: [...contacts, contacts[0]!, { member: GUEST, name: 'x', email: `v${version}@x.example` }],
      })
      const parties = {
        contract: 'c',
        version,
        hash: 'h',
        state,
        title: 't',
        parties: '',
        proposed_by: GUEST,
      }
      await tables
        .insertInto('contract_version')
        .values({ ...days, ...parties, content: JSON.stringify(content), critical: 0 } as never)
        .execute()
    }
    await migrate(database, { ...before, ...contactMigrations })
    const named = await tables
      .selectFrom('contract_contact')
      .select(['version', 'address'])
      .orderBy('version')
      .execute()
    t.same([...new Set(named.map(({ version }) => Number(version)))], [2, 3])
    const asked = await tables
      .selectFrom('contact_address')
      .select(['address', 'ask_at'])
      .orderBy('address')
      .execute()
    t.same(
      asked.map(({ address }) => address),
      [DESK, OFFICE.toLowerCase(), 'v2@x.example'],
    )
    t.ok(asked.every(({ ask_at: at }) => at !== '' && at < '2000'))
  }),
)

t.test('rules', (t) => {
  const made = newCode()
  t.match(made, /^(?:[0-9a-f]{4}-){7}[0-9a-f]{4}$/)
  t.ok(digestOf(` ${made.toUpperCase().replaceAll('-', '  ')}\n`).equals(digestOf(made)))
  t.notOk(isOneOf(digestOf(made), []))
  t.ok(isOneOf(digestOf(made), [digestOf(newCode()), digestOf(made), digestOf(newCode())]))
  const row = { confirmed_until: '', asked_until: '', refused_at: null }
  const now = { own: 'DEV', now: '2026-01-01T00:00:00.000Z' }
  const at = (address: string, member = GUEST) => stateOfAddress({ member, address }, row, now)
  t.equal(at(DESK), 'UNCONFIRMED')
  t.equal(at(DESK, 'FI/GOV/1'), 'ELSEWHERE')
  t.equal(at('ä@x.example'), 'REFUSED', 'the registry sends nothing to such an address')
  const between = contentAt(0, { provider: 'FI/GOV/1/x', contacts })
  t.same(sidesWithout(between, ['UNCONFIRMED', 'UNCONFIRMED'], 'DEV'), ['consumers'], 'ours alone')
  t.end()
})
