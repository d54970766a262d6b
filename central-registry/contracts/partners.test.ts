/** What another registry may ask and say of contracts between two instances, and all that it may not. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { verifyCounterSeal, verifyPartnerList } from '#core/contract/between-instances.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type PartnerContract,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { type ConfigurationSigner, createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { start } from '#test/fakes/request-world.ts'
import type { PostToPartner } from '../federation/client.ts'
import type { Partner } from '../federation/views.ts'
import type { Tables } from '../migrations/tables.ts'
import { openRegistryDatabase } from '../registry.ts'
import { createChange } from '../store.ts'
import { isSuspendedIn } from '../suspensions/rows-store.ts'
import { stateBetween } from './between.ts'
import { createPartnerExchange } from './exchange-with-partners.ts'
import { createPartnerStore } from './partner-store.ts'
import { putVersion, versionsOf } from './rows-store.ts'

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

void t.test(
  'another registry says nothing of contracts that are not between both, and keeps to the rules of ours',
  async (t) => {
    const database = await openRegistryDatabase('sqlite::memory:')
    t.teardown(() => database.close())
    const nobody = async (): Promise<void> => undefined
    const record = createChange(database, nobody)
    const partners = { load: nobody, isRegistered: () => true }
    const store = createPartnerStore(database, record, { notify: nobody, announce: nobody, partners })
    const now = Date.now()
    const at = new Date(now).toISOString()
    const q = { partner: 'SE', own: 'DEV', at, heardAt: at }
    const nothing = { content: undefined, seals: [], counterSeal: undefined }
    const stateOf = async (contract: string): Promise<string | undefined> =>
      (await versionsOf(tablesOf<Tables>(database), contract)).at(-1)?.state
    const inside = contentAt(now)
    await record((transaction) => putVersion(transaction, inside, { by: 'DEV/GOV/5678', at }))
    const word = (content: ContractContent, more: Partial<PartnerContract> = {}): PartnerContract => ({
      ...{ contract: content.contract, version: content.version, hash: hashOf(content), state: 'PROPOSED' },
      ...{ origin: 'SE', proposedBy: 'SE/GOV/1', seals: [], ...more },
    })
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
    t.equal(await propose(contentAt(now, { provider, version: 7 })), 'contract_not_possible')
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

    const held = contentAt(now, { provider })
    await record(async (transaction) => {
      await putVersion(transaction, held, { by: 'SE/GOV/1', at, origin: 'SE' })
      const suspended = transaction.updateTable('contract_version').set({ state: 'SUSPENDED' })
      await suspended.where('contract', '=', held.contract).execute()
      await transaction
        .insertInto('suspension')
        .values({
          ...{ kind: 'contract', subject: held.contract, reason: 'r', maker: null, state: 'unconfirmed' },
          ...{ suspended_at: at, suspended_by: 'x', suspended_by_name: 'x' },
        })
        .execute()
    })
    t.equal(await codeOf(store.take(word(held, { state: 'TERMINATED' }), nothing, q)), 'accepted')
    t.equal(await stateOf(held.contract), 'TERMINATED')
    t.ok(await isSuspendedIn(tablesOf<Tables>(database), 'contract', held.contract), 'two of ours lift that')
  },
)

/** The contracts of DEV with other instances, whose registries say what `answers` has for them. */
async function exchangeWorld(t: Test) {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const nobody = async (): Promise<void> => undefined
  const world = {
    ...{ now: Date.now(), isRegistered: true, asked: [] as { address: string; hashes: string[] }[] },
    answers: new Map<string, PostToPartner>(),
  }
  const record = createChange(database, nobody)
  const partners = { load: nobody, isRegistered: () => world.isRegistered }
  const store = createPartnerStore(database, record, { notify: nobody, announce: nobody, partners })
  const own = createConfigurationSigner('DEV')
  const signers = new Map(['SE', 'FI'].map((instance) => [instance, createConfigurationSigner(instance)]))
  const all = (): Partner[] =>
    [...world.answers.keys()].map((instance) => ({
      instance,
      certificates: [signers.get(instance)!.certificate],
      index: {} as Partner['index'],
      registration: { address: instance, certificate: '' },
    }))
  const exchange = createPartnerExchange({
    ...{ store, clock: () => world.now, log: createLog({ name: 'test', level: 'silent' }) },
    distribution: { take: nobody },
    views: { load: nobody, all, of: (instance) => all().find((one) => one.instance === instance) },
    roundMs: 1000,
    members: { parameters: async () => ({ instance: 'DEV' }) } as never,
    ownCertificates: async () => [own.certificate],
    signDocument: async (document, type) => signedBy(own, document, type).toString(),
    post: async (service, path, document, most, signal) => {
      const { payload } = JSON.parse(document) as { payload: string }
      const { hashes = [] } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as PartnerQuery
      world.asked.push({ address: service.address, hashes })
      return world.answers.get(service.address)!(service, path, document, most, signal)
    },
  })
  /** What a registry answers that lists these contracts, and has these items. */
  const answering =
    (instance: string, contracts: PartnerContract[], items: (hashes: string[]) => Promise<Buffer[]>) =>
    async (...[, path, document]: Parameters<PostToPartner>): Promise<Buffer> => {
      const { payload } = JSON.parse(document) as { payload: string }
      const { id, hashes = [] } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as PartnerQuery
      const generatedAt = new Date(world.now - 30_000).toISOString()
      const list = { instance, asked: 'DEV', answers: id, generatedAt, contracts }
      if (path.endsWith('lists')) return signedBy(signers.get(instance)!, list, CONTRACT_DOCUMENT.partnerList)
      const found = await items(hashes)
      return Buffer.from(JSON.stringify({ items: found.map((one) => ({ content: one.toString('base64') })) }))
    }
  const tables = tablesOf<Tables>(database)
  const stateOf = async (contract: string) => (await versionsOf(tables, contract)).at(-1)?.state
  /** As it is when the registries of both have to agree only. */
  const accepted = async (content: ContractContent, sealedBy?: string): Promise<void> => {
    const at = new Date(world.now).toISOString()
    const { contract, version } = content
    const row = await record((transaction) => putVersion(transaction, content, { by: 'DEV/GOV/5678', at }))
    await tables
      .updateTable('contract_version')
      .set({ state: 'ACCEPTED', agreed_at: at })
      .where('contract', '=', contract)
      .execute()
    if (sealedBy === undefined) return
    const values = { contract, version, hash: row.hash, instance: sealedBy, certificate: 'a'.repeat(64) }
    await tables
      .insertInto('contract_counter_seal')
      .values({
        ...values,
        sha256: hashOf({ contract, sealedBy }),
        message: Buffer.from('{}'),
        sealed_at: at,
      })
      .execute()
  }
  return { world, record, store, tables, exchange, stateOf, accepted, answering }
}

void t.test(
  'one contract that cannot come into force stops no other, and no registry from being asked',
  async (t) => {
    const { world, tables, exchange, stateOf, accepted } = await exchangeWorld(t)
    const broken = contentAt(world.now, {
      provider: 'SE/GOV/1/register',
      validUntil: inDays(world.now, -0.1),
    })
    const gone = contentAt(world.now, { provider: 'SE/GOV/1/gone' })
    await accepted(gone, 'SE')
    await accepted(broken)
    world.isRegistered = false
    world.answers.set('SE', async () => Promise.reject(new Error('down')))
    await exchange()
    t.match(world.asked, [{ address: 'SE' }], 'the other registry is asked all the same')
    const seals = await tables
      .selectFrom('contract_counter_seal')
      .select('instance')
      .orderBy('instance')
      .execute()
    t.same(
      seals.map(({ instance }) => instance),
      ['DEV', 'DEV', 'SE'],
      'our own agreement is kept',
    )
    t.equal(await stateOf(gone.contract), 'ACCEPTED')
    world.isRegistered = true
    await exchange()
    t.equal(await stateOf(gone.contract), 'ACTIVE', 'as soon as nothing stands against it')
    t.equal(await stateOf(broken.contract), 'ACCEPTED', 'the other has not agreed')
  },
)

void t.test('a partner has so much time, so many questions and so many bytes a round', async (t) => {
  const { world, tables, exchange, stateOf, accepted, answering } = await exchangeWorld(t)
  const listed = (content: ContractContent, more: Partial<PartnerContract> = {}): PartnerContract => ({
    ...{ contract: content.contract, version: 1, hash: hashOf(content), state: 'PROPOSED', origin: 'SE' },
    ...{ proposedBy: 'SE/GOV/1', seals: [], ...more },
  })
  const ours = contentAt(world.now, { provider: 'SE/GOV/1/register' })
  await accepted(ours, 'SE')
  await exchange()
  t.equal(await stateOf(ours.contract), 'ACTIVE')
  // It lists more than it gives, one thing at a time, and never ends.
  const hash = (at: number): string => String(at).padStart(64, '0')
  const seals = Array.from({ length: 60 }, (_, at) => hash(at))
  const endless = Array.from({ length: 90 }, (_, at) =>
    listed(contentAt(world.now, { provider: 'SE/GOV/1/x' }), {
      seals: seals.map((_, i) => hash(at * 60 + i)),
    }),
  )
  const word = listed(ours, { state: 'SUSPENDED', reason: 'A leak' })
  world.answers.set(
    'SE',
    answering('SE', [...endless, word], async () => []),
  )
  await exchange()
  t.equal(world.asked.length, 51, 'a list, and fifty questions')
  const words = () => tables.selectFrom('contract_partner').select(['state', 'heard_at']).execute()
  t.same(
    await words(),
    [{ state: 'SUSPENDED', heard_at: new Date(world.now - 30_000).toISOString() }],
    'what it says is heard all the same, as of when it said so',
  )
  // Larger than anything: left out, and nothing of it is kept.
  const proposed = contentAt(world.now, { provider: 'SE/GOV/1/other' })
  const file = (content: object): Buffer => Buffer.from(canonicalJson(content))
  const large = contentAt(world.now, { provider: 'SE/GOV/1/large', purpose: 'x'.repeat(140_000) })
  world.answers.set(
    'SE',
    answering('SE', [listed(large), listed(proposed)], async () => [file(large), file(proposed)]),
  )
  await exchange()
  t.equal(await stateOf(proposed.contract), 'PROPOSED')
  t.equal(await stateOf(large.contract), undefined)
  // It never answers: the others are heard, and the round ends.
  world.answers.set('SE', (_service, _path, _document, _most, signal) => {
    // An open connection keeps the process alive; a signal alone does not.
    const open = setInterval(() => undefined, 1000)
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        clearInterval(open)
        reject(signal.reason as Error)
      }),
    )
  })
  const kept = contentAt(world.now, { provider: 'FI/GOV/1/register' })
  const finnish = listed(kept, { origin: 'FI', proposedBy: 'FI/GOV/1' })
  world.answers.set(
    'FI',
    answering('FI', [finnish], async () => [file(kept)]),
  )
  await exchange()
  t.equal(await stateOf(kept.contract), 'PROPOSED')
})

void t.test('what a contract between instances comes to for servers', async (t) => {
  const at = (minutes: number): string =>
    new Date(Date.parse('2026-03-01T12:00:00Z') + minutes * 60_000).toISOString()
  const own = { state: 'ACTIVE' as const, reason: null, outageGraceHours: 0 }
  const word = { instance: 'SE', state: 'ACTIVE' as const, reason: null, heardAt: at(0) }
  t.match(stateBetween(own, word, at(10)), { state: 'ACTIVE' })
  t.match(stateBetween(own, word, at(11)), { state: 'SUSPENDED', reason: /not heard since/ })
  t.match(stateBetween({ ...own, outageGraceHours: 1 }, word, at(70)), { state: 'ACTIVE' }, 'its own grace')
  t.match(stateBetween({ ...own, outageGraceHours: 1 }, word, at(71)), { state: 'SUSPENDED' })
  t.match(stateBetween(own, undefined, at(0)), { state: 'SUSPENDED' }, 'never heard of')
  const stopped = { ...word, state: 'SUSPENDED' as const, reason: 'A leak' }
  t.match(stateBetween(own, stopped, at(0)), { state: 'SUSPENDED', reason: 'by the registry of SE: A leak' })
  t.match(stateBetween({ ...own, state: 'TERMINATED' }, word, at(0)), { state: 'TERMINATED' })
})
