/**
 * Rounds with the registries of other instances that answer correctly, wrongly or not at all: no partner
 * disturbs the exchange with another.
 */

import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type PartnerContract,
  type PartnerPlace,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { type ConfigurationSigner, createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { until } from '#test/until.ts'
import { createChange } from '../../changes/store.ts'
import { putVersion, setState, versionsOf } from '../../contract-versions/rows-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import type { PostToPartner } from './client.ts'
import { createPartnerExchange } from './exchange-with-partners.ts'
import { createPartnerListStore, firstBytes } from './partner-list-store.ts'
import { createPartnerStore } from './partner-store.ts'
import type { PartnerInstance } from './partners.ts'

const signedBy = ({ certificate, key }: ConfigurationSigner, document: object, type: string): Buffer =>
  Buffer.from(
    writeSignedJson(document, type, [
      { certificates: [readCertificate(certificate)], ocspResponses: [], key },
    ]),
  )

/** The contracts of DEV with other instances; `answers` has the answers of their registries. */
async function exchangeWorld(t: Test, url: string) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const nobody = async (): Promise<void> => undefined
  const world = {
    /** Subsystems that other instances no longer have. */
    unknown: [] as string[],
    ...{ now: Date.now(), isRegistered: true, asked: [] as { address: string; hashes: string[] }[] },
    answers: new Map<string, PostToPartner>(),
  }
  const record = createChange(database, nobody)
  const partners = {
    load: nobody,
    isRegistered: (id: string) => world.isRegistered && !world.unknown.includes(id),
  }
  const store = createPartnerStore(database, record, { notify: nobody, announce: nobody, partners })
  const own = createConfigurationSigner('DEV')
  const signers = new Map(['SE', 'FI'].map((instance) => [instance, createConfigurationSigner(instance)]))
  const all = (): PartnerInstance[] =>
    [...world.answers.keys()].map((instance) => ({
      instance,
      certificates: [signers.get(instance)!.certificate],
      index: {} as PartnerInstance['index'],
      registration: { address: instance, certificate: '' },
    }))
  const rooms: Parameters<typeof createPartnerExchange>[0] = {
    ...{ store, clock: () => world.now, log: createLog({ name: 'test', level: 'silent' }) },
    distribution: { take: nobody },
    views: { load: nobody, all, of: (instance) => all().find((one) => one.instance === instance) },
    members: { parameters: async () => ({ instance: 'DEV' }) } as never,
    ownCertificates: async () => [own.certificate],
    signDocument: async (document, type) => signedBy(own, document, type).toString(),
    post: async (service, path, document, most, signal) => {
      const { payload } = JSON.parse(document) as { payload: string }
      const { hashes = [] } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as PartnerQuery
      world.asked.push({ address: service.address, hashes })
      return world.answers.get(service.address)!(service, path, document, most, signal)
    },
  }
  const exchange = createPartnerExchange(rooms)
  /** For tests in which a registry never answers; on a busy machine the others may need several rounds. */
  const impatient = createPartnerExchange({ ...rooms, roundMs: 1000 })
  /** The answers of a registry that lists these contracts and has these items. */
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
  const tables = tablesOf<RegisterTables>(database)
  const stateOf = async (contract: string) => (await versionsOf(tables, contract)).at(-1)?.state
  /** A contract as it is when only the two registries still have to agree. */
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
  const lists = createPartnerListStore(database)
  return { world, record, store, lists, tables, exchange, impatient, stateOf, accepted, answering, signers }
}

onEachRegistryDatabase(
  'one contract that cannot come into force stops no other, and no registry from being asked',
  async (t, url) => {
    const { world, tables, exchange, stateOf, accepted } = await exchangeWorld(t, url)
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

onEachRegistryDatabase(
  'in whatever order contracts come up, one that is not possible stops no other',
  async (t, url) => {
    const { world, exchange, stateOf, accepted } = await exchangeWorld(t, url)
    world.unknown = ['SE/GOV/1/gone', 'SE/GOV/1/lost']
    const ids = ['0', '5', 'a', 'f'].map((sign) => sign + randomUUID().slice(1))
    // Impossible contracts before and after possible ones.
    for (const [at, subsystem] of ['gone', 'a', 'b', 'lost'].entries()) {
      const content = contentAt(world.now, { contract: ids[at]!, provider: `SE/GOV/1/${subsystem}` })
      await accepted(content, 'SE')
    }
    await exchange()
    t.same(await Promise.all(ids.map(stateOf)), ['ACCEPTED', 'ACTIVE', 'ACTIVE', 'ACCEPTED'])
    world.unknown = []
    await exchange()
    t.same(await Promise.all(ids.map(stateOf)), ['ACTIVE', 'ACTIVE', 'ACTIVE', 'ACTIVE'])
  },
)

onEachRegistryDatabase(
  'a partner has so much time, so many questions and so many bytes a round',
  async (t, url) => {
    const { world, tables, exchange, impatient, stateOf, accepted, answering, signers } = await exchangeWorld(
      t,
      url,
    )
    const listed = (content: ContractContent, more: Partial<PartnerContract> = {}): PartnerContract => ({
      ...{ contract: content.contract, version: 1, hash: hashOf(content), state: 'PROPOSED', origin: 'SE' },
      ...{ proposedBy: 'SE/GOV/1', seals: [], ...more },
    })
    const ours = contentAt(world.now, { provider: 'SE/GOV/1/register' })
    await accepted(ours, 'SE')
    await exchange()
    t.equal(await stateOf(ours.contract), 'ACTIVE')
    // It lists more than it returns, one item at a time, without end.
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
    // Larger than any item: left out, and nothing of it is stored.
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
    // One page after the other, up to a limit.
    const places: unknown[] = []
    const onPages =
      (last: number) =>
      async (...[, , document]: Parameters<PostToPartner>): Promise<Buffer> => {
        const { payload } = JSON.parse(document) as { payload: string }
        const { id, after } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as PartnerQuery
        const page = after?.version ?? 0
        places.push(after)
        const next = { contract: ours.contract, version: page + 1 }
        const list = {
          instance: 'SE',
          asked: 'DEV',
          answers: id,
          contracts: page === 1 ? [listed(ours)] : [],
        }
        const generatedAt = new Date(world.now - 20_000).toISOString()
        const answer = { ...list, generatedAt, ...(page === last ? {} : { next }) }
        return signedBy(signers.get('SE')!, answer, CONTRACT_DOCUMENT.partnerList)
      }
    world.answers.set('SE', onPages(2))
    await exchange()
    t.same(
      places,
      [undefined, 1, 2].map((version) => version && { contract: ours.contract, version }),
    )
    const heardAt = new Date(world.now - 20_000).toISOString()
    t.ok(
      (await words()).some((word) => word.state === 'PROPOSED' && word.heard_at === heardAt),
      'what stands on the second page is heard',
    )
    places.length = 0
    world.answers.set('SE', onPages(Number.POSITIVE_INFINITY))
    await exchange()
    t.equal(places.length, 10)
    // It never answers: the others are still heard, and the round ends.
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
    await until('the contract', async (saw) => {
      await impatient()
      return saw(await stateOf(kept.contract)) === 'PROPOSED'
    })
  },
)

onEachRegistryDatabase(
  'no member keeps what is in force out of the list, nor makes it too large',
  async (t, url) => {
    const { world, record, lists, tables, accepted, exchange } = await exchangeWorld(t, url)
    const at = new Date(world.now).toISOString()
    const provider = 'SE/GOV/1/register'
    // The list is sorted by id within each kind: first in force, then open, then ended.
    const id = (first: string): string => `${first}${randomUUID().slice(1)}`
    const [active, heard, churned, open] = ['f', '1', '0', '2'].map((first) =>
      contentAt(world.now, { provider, contract: id(first) }),
    ) as [ContractContent, ContractContent, ContractContent, ContractContent]
    await accepted(active, 'SE')
    await exchange()
    const reason = `A\u202eb\u0007${'ø'.repeat(997)}`
    for (const content of [heard, churned, open])
      await record(async (transaction) => {
        const row = await putVersion(transaction, content, { by: 'DEV/GOV/5678', at })
        if (content === open) return
        await setState(transaction, row, { state: 'WITHDRAWN', reason }, { act: 'withdraw', by: 'x', at })
      })
    const { contract, version } = heard
    const word = { contract, version, hash: hashOf(heard), instance: 'SE', state: 'PROPOSED' as const }
    await tables
      .insertInto('contract_partner')
      .values({ ...word, reason: null, heard_at: at })
      .execute()
    const { contracts: listed, next } = await lists.listFor('SE', 'DEV', world.now)
    t.equal(next, undefined)
    t.same(
      listed.map((one) => one.contract),
      [active, open, heard].map((one) => one.contract),
      'in force, then open, then ended; not what came and went here',
    )
    t.same(listed[2]?.reason, `Ab${'ø'.repeat(198)}`, 'a part of the reason, that the other one can read')
    t.match(listed[0], { state: 'ACTIVE', counterSeal: String })
    t.same(await lists.listFor('FI', 'DEV', world.now), { contracts: [] }, 'to others nothing')
    t.same(firstBytes(['a', 'b', 'c'], 8), ['a', 'b'], 'the last are cut')

    // More contracts in force than fit on a page: those with higher ids still follow.
    const more = ['3', '4', '5'].map((first) => contentAt(world.now, { provider, contract: id(first) }))
    for (const content of more) await accepted(content, 'SE')
    await tables
      .updateTable('contract_version')
      .set({ state: 'ACTIVE' })
      .where('state', '=', 'ACCEPTED')
      .execute()
    const pages: string[][] = []
    for (let after: PartnerPlace | undefined; ; ) {
      const page = await lists.listFor('SE', 'DEV', world.now, { after, most: 2 })
      pages.push(page.contracts.map((one) => one.contract))
      after = page.next
      if (after === undefined) break
    }
    const [third, fourth, fifth] = more.map((one) => one.contract)
    t.same(pages, [
      [third, fourth],
      [fifth, active.contract],
    ])
  },
)
