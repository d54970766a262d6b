/** What another registry may ask and report about contracts between two instances, and what it may not. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { verifyCounterSeal, verifyPartnerList } from '#core/contract/between-instances.ts'
import { plainText } from '#core/contract/fields.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import {
  CONTRACT_DOCUMENT,
  CONTRACT_STATES,
  type ContractContent,
  type PartnerContract,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { type ConfigurationSigner, createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { start } from '#test/fakes/request-world.ts'
import { createChange } from '../../changes/store.ts'
import { putVersion, setState, versionsOf } from '../../contract-versions/rows-store.ts'
import { isSuspendedIn } from '../../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { stateBetween } from './between.ts'
import { createPartnerListStore } from './partner-list-store.ts'
import { createPartnerStore, wordOf } from './partner-store.ts'
import { checkInstances } from './partners.ts'

const signedBy = ({ certificate, key }: ConfigurationSigner, document: object, type: string): Buffer =>
  Buffer.from(
    writeSignedJson(document, type, [
      { certificates: [readCertificate(certificate)], ocspResponses: [], key },
    ]),
  )

void t.test('who may ask', async (t) => {
  const { world, node } = await start(t)
  await publish(node)
  const partner = await startConfigurationSource('SE')
  t.teardown(() => partner.close())
  partner.publish({ at: new Date(world.clock.now), expireDate: new Date(world.clock.now + 600_000) })
  const question = (more: Partial<PartnerQuery> = {}): PartnerQuery => ({
    ...{ id: randomUUID(), createdAt: new Date(world.clock.now).toISOString(), instance: 'SE', asked: 'DEV' },
    ...more,
  })
  const ask = async (
    document: object,
    signer = partner.signer,
    type: string = CONTRACT_DOCUMENT.partnerQuery,
  ) => {
    const bytes = signedBy(signer, document, type)
    return node.register('/registration/v1/partner-contracts/lists', bytes)
  }
  const refusal = async (...q: Parameters<typeof ask>): Promise<string> => {
    const { body } = await ask(...q)
    return (body as { type: string } | undefined)?.type ?? 'taken'
  }

  t.equal(await refusal(question()), 'access_denied', 'an instance that is not trusted')
  const { body } = await node.call('POST', '/external-anchors', partner.anchor())
  const { sha256 } = body as { sha256: string }
  t.equal(await refusal(question()), 'access_denied', 'examined is not trusted')
  await node.must('POST', `/external-anchors/${sha256}/trust`)

  const asked = question()
  const reply = await ask(asked)
  t.equal(reply.status, 200)
  const own = (await parseAnchor(await anchorOf(node))).sources.flatMap((one) => one.verificationCerts)
  t.match(verifyPartnerList(reply.bytes, own), {
    instance: 'DEV',
    asked: 'SE',
    answers: asked.id,
    contracts: [],
  })
  t.equal(await codeOf(() => verifyPartnerList(reply.bytes, [partner.signer.certificate])), 'access_denied')
  t.equal(await refusal(asked), 'replayed_request')
  t.equal(await refusal(question(), createConfigurationSigner('Stranger')), 'access_denied')
  t.equal(await refusal(question({ instance: 'FI' })), 'access_denied', "another's name")
  t.equal(await refusal(question({ asked: 'FI' })), 'access_denied', 'another was asked')
  const old = new Date(world.clock.now - 6 * 60_000).toISOString()
  t.equal(await refusal(question({ createdAt: old })), 'stale_request')
  t.equal(await refusal(question(), partner.signer, CONTRACT_DOCUMENT.query), 'malformed_signature')
  t.equal(await refusal({ ...question(), more: 1 }), 'invalid_contract')
  t.equal(
    await refusal(question({ hashes: Array.from({ length: 101 }, () => 'a'.repeat(64)) })),
    'invalid_contract',
  )
  for (const text of ['', '{}', '[]', '{"payload":"e30","signatures":[]}', 'x'.repeat(70_000)])
    t.not((await node.register('/registration/v1/partner-contracts/lists', Buffer.from(text))).status, 200)
  const named = question({ hashes: ['a'.repeat(64)] })
  const items = signedBy(partner.signer, named, CONTRACT_DOCUMENT.partnerQuery)
  t.same((await node.register('/registration/v1/partner-contracts/items', items)).body, { items: [] })
  await node.must('DELETE', `/external-anchors/${sha256}`)
  t.equal(await refusal(question()), 'access_denied', 'trusted no more')
})

void t.test('what a list and a counter-seal have to be', async (t) => {
  const signer = createConfigurationSigner('SE')
  const listed: PartnerContract = {
    ...{ contract: randomUUID(), version: 1, hash: 'a'.repeat(64), state: 'ACTIVE' },
    ...{ origin: 'SE', proposedBy: 'SE/GOV/1', seals: [] },
  }
  const list = (contracts: object[]): Buffer => {
    const head = {
      instance: 'SE',
      asked: 'DEV',
      answers: randomUUID(),
      generatedAt: new Date().toISOString(),
    }
    return signedBy(signer, { ...head, contracts }, CONTRACT_DOCUMENT.partnerList)
  }
  const read = (contracts: object[]) => codeOf(() => verifyPartnerList(list(contracts), [signer.certificate]))
  t.equal(await read([listed]), 'accepted')
  for (const bad of [
    ...[
      { ...listed, state: 'FREE' },
      { ...listed, hash: 'A'.repeat(64) },
      { ...listed, version: 0 },
    ],
    ...[
      { ...listed, proposedBy: '../x' },
      { ...listed, reason: 'a\u202eb' },
      { ...listed, more: 1 },
    ],
    { ...listed, seals: Array.from({ length: 61 }, (_, i) => String(i).padStart(64, '0')) },
  ])
    t.equal(await read([bad]), 'invalid_contract')
  t.equal(await read([listed, listed]), 'invalid_contract', 'twins')

  const { contract, version, hash } = listed
  const document = { instance: 'SE', contract, version, hash, at: new Date().toISOString() }
  const seal = signedBy(signer, document, CONTRACT_DOCUMENT.counterSeal)
  t.match(verifyCounterSeal(seal, [signer.certificate]).seal, document)
  const other = createConfigurationSigner('Other')
  t.equal(await codeOf(() => verifyCounterSeal(seal, [other.certificate])), 'access_denied')
  t.equal(await codeOf(() => verifyCounterSeal(seal, [])), 'access_denied')
})

/** The store of DEV, which gets the reports of SE. */
async function storeWorld(t: Test, url: string) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const nobody = async (): Promise<void> => undefined
  const record = createChange(database, nobody)
  const partners = { load: nobody, isRegistered: () => true }
  const store = createPartnerStore(database, record, { notify: nobody, announce: nobody, partners })
  const now = Date.now()
  const at = new Date(now).toISOString()
  const q = { partner: 'SE', own: 'DEV', at, heardAt: at }
  const lists = createPartnerListStore(database)
  return { record, store, lists, tables: tablesOf<RegisterTables>(database), now, at, q }
}

const nothing = { content: undefined, seals: [], counterSeal: undefined }
const word = (content: ContractContent, more: Partial<PartnerContract> = {}): PartnerContract => ({
  ...{ contract: content.contract, version: content.version, hash: hashOf(content), state: 'PROPOSED' },
  ...{ origin: 'SE', proposedBy: 'SE/GOV/1', seals: [], ...more },
})

onEachRegistryDatabase(
  'another registry says nothing of contracts that are not between both, and keeps to the rules of ours',
  async (t, url) => {
    const { record, store, tables, now, at, q } = await storeWorld(t, url)
    const stateOf = async (contract: string): Promise<string | undefined> =>
      (await versionsOf(tables, contract)).at(-1)?.state
    const inside = contentAt(now)
    await record((transaction) => putVersion(transaction, inside, { by: 'DEV/GOV/5678', at }))
    t.equal(await codeOf(store.take(word(inside, { state: 'TERMINATED' }), nothing, q)), 'access_denied')
    const provider = 'SE/GOV/1/register'
    const grafted = contentAt(now, { contract: inside.contract, version: 2, provider })
    t.equal(await codeOf(store.take(word(grafted), { ...nothing, content: grafted }, q)), 'access_denied')
    t.equal(await stateOf(inside.contract), 'PROPOSED')

    const between = contentAt(now, { provider })
    const propose = (content: ContractContent, more: Partial<PartnerContract> = {}) =>
      codeOf(store.take(word(content, more), { ...nothing, content }, q))
    t.equal(
      await propose(between, { proposedBy: 'DEV/GOV/5678' }),
      'contract_not_possible',
      'our member proposes here',
    )
    t.equal(await propose(between, { proposedBy: 'SE/GOV/2' }), 'access_denied', 'no party')
    t.equal(await propose(contentAt(now, { provider, version: 101 })), 'contract_not_possible')
    t.equal(
      await propose(contentAt(now, { provider, validUntil: inDays(now, -0.5), reviewAt: inDays(now, -0.6) })),
      'contract_not_possible',
    )
    t.equal(await propose(between, { state: 'ACTIVE' }), 'accepted', 'in force there')
    t.equal(await stateOf(between.contract), undefined, 'and never seen here: it is not taken')
    t.equal(await propose(between), 'accepted')
    t.equal(await stateOf(between.contract), 'PROPOSED')
    t.equal(await propose(between, { state: 'ACTIVE' }), 'accepted')
    t.equal(await stateOf(between.contract), 'PROPOSED', 'its word alone puts nothing in force')
    t.equal(await propose(between, { state: 'WITHDRAWN', reason: 'Changed our mind' }), 'accepted')
    t.equal(await stateOf(between.contract), 'WITHDRAWN')

    // Each registry numbers its versions itself: one withdrawn before the other heard of it leaves a gap.
    const later = contentAt(now, { provider, contract: between.contract, version: 4, title: 'Later' })
    t.equal(await propose({ ...later, version: 1 }), 'contract_not_possible', 'that was something else here')
    t.equal(await propose(later), 'accepted')
    t.equal(await propose({ ...later, version: 5 }), 'contract_not_possible', 'while another is open')
    t.equal(await propose({ ...later, version: 3 }), 'contract_not_possible')
    t.equal(await propose({ ...later, title: 'Changed' }), 'accepted')
    t.match((await versionsOf(tables, later.contract)).at(-1), { version: 4, title: 'Changed' })
    t.equal(
      await codeOf(
        store.take(
          word({ ...later, version: 1 }, { state: 'WITHDRAWN' }),
          { ...nothing, content: { ...later, version: 1 } },
          q,
        ),
      ),
      'accepted',
      'what ended there is nothing new',
    )

    const held = contentAt(now, { provider })
    await record(async (transaction) => {
      await putVersion(transaction, held, { by: 'SE/GOV/1', at, origin: 'SE' })
      const suspended = transaction.updateTable('contract_version').set({ state: 'SUSPENDED' })
      await suspended.where('contract', '=', held.contract).execute()
      const row = {
        ...({ kind: 'contract', subject: held.contract, state: 'unconfirmed' } as const),
        ...{ reason: 'r', maker: null, suspended_at: at, suspended_by: 'x', suspended_by_name: 'x' },
      }
      await transaction.insertInto('suspension').values(row).execute()
    })
    t.equal(await codeOf(store.take(word(held, { state: 'TERMINATED' }), nothing, q)), 'accepted')
    t.equal(await stateOf(held.contract), 'TERMINATED')
    t.ok(await isSuspendedIn(tables, 'contract', held.contract), 'two of ours lift that')
  },
)

onEachRegistryDatabase(
  'a version between others keeps no word on another version from being heard',
  async (t, url) => {
    const { record, store, tables, now, at, q } = await storeWorld(t, url)
    const provider = 'SE/GOV/1/register'
    const first = contentAt(now, { provider })
    const next = contentAt(now, { contract: first.contract, version: 2, provider: 'FI/GOV/1/register' })
    for (const content of [first, next, { ...first, version: 3 }])
      await record(async (transaction) => {
        const row = await putVersion(transaction, content, { by: 'DEV/GOV/5678', at })
        await setState(transaction, row, { state: 'ACTIVE' }, { act: 'approve', by: 'x', at })
      })
    t.equal(await codeOf(store.take(word(next, { state: 'TERMINATED' }), nothing, q)), 'access_denied')
    t.equal(await codeOf(store.take(word(first, { state: 'SUSPENDED' }), nothing, q)), 'accepted')
    await tables
      .insertInto('contract_partner')
      .values({
        ...{ contract: next.contract, version: 2, hash: hashOf(next), instance: 'SE' },
        ...{ state: 'ACTIVE', reason: null, heard_at: at },
      })
      .execute()
    const later = new Date(now + 1000).toISOString()
    await store.heardAgain('SE', [word(first)], later)
    const heard = tables.selectFrom('contract_partner').select(['state', 'heard_at']).orderBy('version')
    t.same(await heard.execute(), [
      { state: 'SUSPENDED', heard_at: later },
      { state: 'ACTIVE', heard_at: at },
    ])
    t.equal(await codeOf(store.take(word(first, { state: 'TERMINATED' }), nothing, q)), 'accepted')
    const rows = await versionsOf(tables, first.contract)
    const [one] = rows
    t.same(rows.map(({ state }) => state).join(), 'TERMINATED,ACTIVE,TERMINATED')

    // So the next version must be between the same instances.
    const refused = (content: ContractContent, row: ContractRow = one!) =>
      codeOf(() => checkInstances(content, 'DEV/GOV/5678', [row]))
    t.equal(await refused(next), 'contract_not_possible')
    t.equal(await refused({ ...first, version: 2 }), 'accepted')
    t.equal(await refused({ ...next, version: 1 }), 'contract_not_possible', 'SE has it already')
    const inside = contentAt(now)
    const own = await record((transaction) => putVersion(transaction, inside, { by: 'DEV/GOV/5678', at }))
    t.equal(await refused({ ...inside, provider }, own), 'accepted', 'nobody else knows of it')
    t.equal(await refused({ ...inside, provider, version: 2 }, own), 'contract_not_possible')
    t.throws(
      () => checkInstances({ ...inside, provider, consumers: { globalGroup: 'g' } }, 'DEV/GOV/5678', []),
      /the group g is one of the instance SE, and its terms bind members of that instance/,
    )
  },
)

onEachRegistryDatabase('what changed and ended between two rounds has ended at both', async (t, url) => {
  const { record, store, lists, tables, now, at, q } = await storeWorld(t, url)
  const provider = 'SE/GOV/1/register'
  const stateOf = async ({ contract }: ContractContent) => (await versionsOf(tables, contract)).at(-1)?.state
  // Proposed by them: we have the earlier content.
  const theirs = contentAt(now, { provider })
  const changed = { ...theirs, title: 'Changed' }
  await store.take(word(theirs), { ...nothing, content: theirs }, q)
  await store.take(word(changed, { state: 'WITHDRAWN', reason: 'An error' }), nothing, q)
  t.equal(await stateOf(theirs), 'WITHDRAWN')
  t.equal(
    (await store.words('SE')).get(`${theirs.contract} 1`),
    wordOf(word(changed, { state: 'WITHDRAWN', reason: 'An error' })),
  )

  // Proposed by us: when they report about the earlier content, our list tells them the present one.
  const ours = contentAt(now, { provider })
  const before = word({ ...ours, title: 'Before' }, { origin: 'DEV', proposedBy: 'DEV/GOV/5678' })
  const put = await record((transaction) => putVersion(transaction, ours, { by: 'DEV/GOV/5678', at }))
  const told = async () =>
    (await lists.listFor('SE', 'DEV', now)).contracts.map((one) => `${one.contract} ${one.state}`)
  await store.take({ ...before, state: 'DECLINED' }, nothing, q)
  t.equal(await stateOf(ours), 'PROPOSED', 'nobody declined what it is now')
  const ended = { act: 'withdraw', by: 'x', at }
  await record((transaction) => setState(transaction, put, { state: 'WITHDRAWN' }, ended))
  t.same((await told()).includes(`${ours.contract} WITHDRAWN`), false)
  await store.take(before, nothing, q)
  t.same((await told()).includes(`${ours.contract} WITHDRAWN`), true)
})

onEachRegistryDatabase(
  'what another registry repeats without end leaves no trace without end',
  async (t, url) => {
    const { record, store, tables, now, at, q } = await storeWorld(t, url)
    const provider = 'SE/GOV/1/register'
    const content = contentAt(now, { provider })
    const { contract, version } = content
    const hash = hashOf(content)
    await store.take(word(content), { ...nothing, content }, q)
    const sealedBy = (certificate: string) => {
      const seal = { instance: 'SE', contract, version, hash, at }
      const counterSeal = {
        seal,
        sha256: hashOf({ at: randomUUID() }),
        certificate,
        message: Buffer.from('{}'),
      }
      return store.take(word(content), { ...nothing, counterSeal }, q)
    }
    const events = async () => {
      const all = tables.selectFrom('contract_event').select('act').where('contract', '=', contract)
      return (await all.where('act', '=', 'counterSeal').execute()).length
    }
    for (let i = 0; i < 3; i++) await sealedBy('a'.repeat(64))
    t.equal(await events(), 1, 'one by each key')
    await sealedBy('b'.repeat(64))
    t.equal(await events(), 2, 'keys change')
    for (let i = 0; i < 10; i++) await sealedBy((i % 2 === 0 ? 'a' : 'b').repeat(64))
    t.equal(await events(), 5, 'but seldom')

    const propose = () => {
      const next = contentAt(now, { provider })
      return codeOf(store.take(word(next), { ...nothing, content: next }, q))
    }
    const by = 'SE/GOV/1, at its registry'
    const event = { contract, version, hash, act: 'replace', by, at, reason: null }
    await tables
      .insertInto('contract_event')
      .values(Array.from({ length: 498 }, () => event))
      .execute()
    t.equal(await propose(), 'accepted')
    t.equal(await propose(), 'contract_not_possible', 'a member of theirs is bounded as one of ours')
    await tables.deleteFrom('contract_event').execute()
    t.equal(await propose(), 'accepted')
    await record(async (transaction) => {
      for (let i = 0; i < 97; i++)
        await putVersion(transaction, contentAt(now, { provider }), { by: 'SE/GOV/1', at })
    })
    t.equal(await propose(), 'contract_not_possible')
  },
)

void t.test('what a contract between instances comes to for servers', (t) => {
  const at = (minutes: number): string =>
    new Date(Date.parse('2026-03-01T12:00:00Z') + minutes * 60_000).toISOString()
  const own = { state: 'ACTIVE' as const, reason: null, graceHours: 0, changedAt: at(-60) }
  const word = { instance: 'SE', state: 'ACTIVE' as const, reason: null, heardAt: at(0) }
  t.match(stateBetween(own, word, at(10)), { state: 'ACTIVE' })
  t.match(stateBetween(own, word, at(11)), { state: 'SUSPENDED', reason: /not heard since/ })
  t.match(stateBetween({ ...own, graceHours: 1 }, word, at(70)), { state: 'ACTIVE' }, 'its own grace')
  t.match(stateBetween({ ...own, graceHours: 1 }, word, at(71)), { state: 'SUSPENDED' })
  t.match(stateBetween(own, undefined, at(0)), { state: 'SUSPENDED' }, 'never heard of')
  const stopped = { ...word, state: 'SUSPENDED' as const, reason: 'A leak' }
  t.match(stateBetween(own, stopped, at(0)), { state: 'SUSPENDED', reason: 'by the registry of SE: A leak' })
  t.match(stateBetween({ ...own, state: 'TERMINATED' }, word, at(0)), { state: 'TERMINATED' })
  for (const state of CONTRACT_STATES.filter((one) => one !== 'ACTIVE'))
    t.match(stateBetween(own, { ...word, state }, at(0)), { state: 'SUSPENDED', reason: /SE/ }, state)
  const long = stateBetween(own, { ...stopped, reason: '\u{1f512}'.repeat(500) }, at(0))
  t.equal(plainText(1000)(long.reason, 'reason'), long.reason, 'servers read it, however long it was')
  const begun = { ...own, changedAt: at(0) }
  t.match(
    stateBetween(begun, { ...word, state: 'ACCEPTED' }, at(1)),
    { state: 'ACTIVE' },
    'it has our agreement',
  )
  t.match(stateBetween(begun, { ...word, state: 'ACCEPTED' }, at(2)), {
    ...{ state: 'SUSPENDED', reason: 'it is ACCEPTED at the registry of SE' },
  })
  t.match(stateBetween(begun, { ...word, state: 'EXPIRED' }, at(0)), { state: 'SUSPENDED' })
  t.end()
})
