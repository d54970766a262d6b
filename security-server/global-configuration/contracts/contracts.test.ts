/** A server's contracts against a real registry and against one that lies: a contract without proof is not in force. */
import { hash, randomUUID } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import {
  CONTRACT_DOCUMENT,
  type ContractContent,
  type ContractItems,
  type ContractList,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId, parseServiceId, parseSubsystemId, subsystemOf } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { contentAt, contractDocument, hashOf, inDays, sealOf } from '#test/fakes/contracts.ts'
import { ocspFor, signingParty } from '#test/fakes/management-requests.ts'
import { authority, GUEST, guest, OWNER, owner, stranger } from '#test/fakes/request-world.ts'
import type { Overdue } from '../overdue.ts'
import type { ConfigurationSnapshot } from '../snapshot.ts'
import { type Contracts, createContracts } from './contracts.ts'
import { LIST_GOOD_MS } from './index-contracts.ts'
import { serverContractMigrations } from './migrations.ts'
import { createContractKeep } from './store.ts'

const TAX = parseSubsystemId('DEV/GOV/5678/tax')
const PERSONS = parseServiceId('DEV/GOV/1234/plain/persons')
const SERVER = parseServerId('DEV/GOV/5678/SS1')

type Played = {
  contracts: Contracts
  clock: { now: number }
  /** What the registry returns next; `list` may change the list before it is signed. */
  registry: {
    required: boolean
    entries: { content: ContractContent; state: string; seals: Buffer[] }[]
    list: (list: ContractList) => object
    signer: Awaited<ReturnType<typeof signingParty>>
    items: (items: ContractItems['items']) => unknown
    asked: string[]
  }
  snapshot: {
    index: ConfigurationIndex
    statementIndex: number | undefined
    overdue(): Overdue | undefined
  }
  /** The ids of contracts in the suspension list. */
  suspended: Set<string>
  /** Restarts the same server. */
  again(): Promise<Contracts>
}

/** The registry signs with the key of a certificate that the configuration names in its sources. */
const registryKey = await signingParty(authority, 'DEV/GOV/77')

async function play(database: Database): Promise<Played> {
  await migrate(database, serverContractMigrations)
  const clock = { now: Date.now() }
  const responders = [{ url: 'http://ocsp.example/', cert: authority.ocspResponder.der }]
  const index = indexConfiguration(
    {
      instance: 'DEV',
      sources: [
        {
          address: 'registry.example',
          internalVerificationCerts: [registryKey.certificate.der],
          externalVerificationCerts: [],
        },
      ],
      approvedCas: [
        {
          name: 'CA',
          authenticationOnly: false,
          certificateProfileInfo:
            'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
          topCa: { cert: authority.root.der, ocsp: responders },
          intermediateCas: [{ cert: authority.intermediate.der, ocsp: responders }],
        },
      ],
      ocspFreshnessSeconds: 3600,
      ...{ approvedTsas: [], members: [], securityServers: [], globalGroups: [], memberClasses: [] },
    },
    {
      instance: 'DEV',
      anchors: [],
      timeStampingIntervalSeconds: 60,
      managementService: {
        authCertRegServiceAddress: 'https://registry.example:4001/',
        authCertRegServiceCert: Buffer.alloc(1),
      },
    },
  )
  const suspended = new Set<string>()
  const snapshot = {
    index,
    indexFor: (instance: string) => (instance === 'DEV' ? index : undefined),
    statementIndex: 1 as number | undefined,
    overdue: () => undefined as Overdue | undefined,
    suspensionsIn: () => ({ ...NOBODY_SUSPENDED, ofContract: (id: string) => suspended.has(id) }),
  }
  const registry: Played['registry'] = {
    required: true,
    entries: [],
    list: (list) => list,
    signer: registryKey,
    items: (items) => ({ items }),
    asked: [],
  }
  const open = () =>
    createContracts({
      server: SERVER,
      database,
      clock: () => clock.now,
      log: createLog({ name: 'test', level: 'silent' }),
      configuration: () => snapshot as unknown as ConfigurationSnapshot,
      signJson: async ({ document, type }) =>
        writeSignedJson(document, type, [
          { certificates: [guest.certificate], ocspResponses: ocspFor(guest), key: guest.key },
        ]),
      post: async (path, document) => answer(path, document),
    })
  const all = () =>
    registry.entries.flatMap(({ content, seals }) => [Buffer.from(canonicalJson(content)), ...seals])
  function answer(path: string, document: string): Buffer {
    registry.asked.push(path)
    const type = path.endsWith('/lists') ? CONTRACT_DOCUMENT.query : CONTRACT_DOCUMENT.fetch
    const asked = readSignedJson(Buffer.from(document), type).document as { id: string; hashes: string[] }
    if (type === CONTRACT_DOCUMENT.fetch) {
      const items = all()
        .map((bytes) => ({ sha256: sha(bytes), content: bytes.toString('base64') }))
        .filter(({ sha256 }) => asked.hashes.includes(sha256))
      return Buffer.from(JSON.stringify(registry.items(items)))
    }
    const list: ContractList = {
      instance: 'DEV',
      server: 'DEV/GOV/5678/SS1',
      answers: asked.id,
      generatedAt: new Date(clock.now).toISOString(),
      contractRequired: registry.required,
      contracts: registry.entries.map(({ content, state, seals }) => ({
        contract: content.contract,
        version: content.version,
        hash: hashOf(content),
        state: state as 'ACTIVE',
        seals: seals.map(sha),
        waitsFor: [],
      })),
    }
    const { certificate, key } = registry.signer
    const signers = [{ certificates: [certificate], ocspResponses: [], key }]
    return Buffer.from(writeSignedJson(registry.list(list), CONTRACT_DOCUMENT.list, signers))
  }
  return { contracts: await open(), clock, registry, snapshot, suspended, again: open }
}

const sha = (bytes: Buffer): string => hash('sha256', bytes)

const sealedBy = (content: ContractContent, at: number): Buffer[] => [
  sealOf(content, { by: owner, signer: OWNER, at }),
  sealOf(content, { by: guest, signer: GUEST, at }),
]
const QUESTION = {
  ...{ client: TAX, service: PERSONS, method: 'GET', path: '/persons/P1' },
  isInGlobalGroup: () => true,
}

const ask = (contracts: Contracts, at: number, more: object = {}): string => {
  try {
    return contracts.contractFor({
      ...{ ...QUESTION, at },
      ...more,
    }).contract
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

t.test('fetched, verified, kept', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry, snapshot, suspended, again } = await play(database)
    t.equal(ask(contracts, clock.now), 'contracts_outdated', 'before anything is known')
    snapshot.statementIndex = undefined
    t.equal(ask(contracts, clock.now), '', 'a registry without contracts')
    snapshot.statementIndex = 1
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), 'contract_required')
    const content = contentAt(clock.now)
    const entry = { content, state: 'ACTIVE', seals: sealedBy(content, clock.now) }
    registry.entries.push(entry)
    await contracts.refreshWhenDue()
    t.equal(ask(contracts, clock.now), 'contract_required', 'not due yet')
    clock.now -= 600_000
    await contracts.refreshWhenDue()
    clock.now += 600_000
    const reference = `${content.contract}/1`
    t.equal(ask(contracts, clock.now), reference)
    for (const more of [{ method: 'POST' }, { path: '/horses' }, { client: { ...TAX, subsystemCode: 'x' } }])
      t.equal(ask(contracts, clock.now, more), 'contract_required', JSON.stringify(more))
    t.equal(ask(contracts, clock.now - 3 * 86_400_000), 'contract_required', 'before it begins')
    t.equal(
      ask(contracts, Date.parse(content.validUntil) - 1),
      'contracts_outdated',
      'much later nobody knows',
    )

    registry.asked.length = 0
    await contracts.refresh()
    t.same(registry.asked, ['/registration/v1/contracts/lists'], 'what is here is not fetched again')
    t.equal(ask(await again(), clock.now), reference, 'after a restart')
    t.equal(ask(contracts, clock.now + LIST_GOOD_MS + 1), 'contracts_outdated')

    suspended.add(content.contract)
    t.equal(
      ask(contracts, clock.now),
      'contract_suspended',
      'by the suspension list, before its own list says so',
    )
    t.equal(ask(await again(), clock.now), 'contract_suspended', 'after a restart')
    t.ok(contracts.isSuspended(content), 'whatever its state is')
    t.notOk(contracts.isSuspended({ ...content, contract: randomUUID() }))
    t.equal(
      ask(contracts, Date.parse(content.validUntil) + 1),
      'contract_suspended',
      'after its end too, until it is lifted',
    )
    suspended.delete(content.contract)
    suspended.add(randomUUID())
    t.equal(ask(contracts, clock.now), reference, 'another one is no matter')
    entry.state = 'SUSPENDED'
    registry.required = false
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), 'contract_suspended', 'also where none is required')
    entry.state = 'TERMINATED'
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), '', 'rights alone')
    registry.required = true
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), 'contract_ended')
    const passing = contentAt(clock.now)
    registry.entries = [{ content: passing, state: 'PROPOSED', seals: [sealedBy(passing, clock.now)[0]!] }]
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), 'contract_required')
    const keep = createContractKeep(database)
    const kept = async (one: ContractContent) => (await keep.items([hashOf(one)])).size
    t.equal(await kept(passing), 1)
    registry.entries = []
    await contracts.refresh()
    t.equal(await kept(passing), 0, 'what was only proposed goes')
    t.equal(await kept(content), 1, 'what log records name stays')
    const agreement = { member: GUEST, hash: hashOf(content), key_name: 'a', subsystems: null, agreed_at: '' }
    const both = await Promise.all(['1', '2'].map((key) => keep.agree({ ...agreement, key_id: key })))
    t.equal(both[0]!.key_id, both[1]!.key_id, 'of two who agree at once one is the first')
    await keep.forget(GUEST, hashOf(content))
    t.equal(await codeOf(keep.forget(GUEST, hashOf(content))), 'not_found')
  }),
)

t.test('the configuration is past its end', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry, snapshot, suspended, again } = await play(database)
    const content = contentAt(clock.now, { outageGraceHours: 1 })
    const none = contentAt(clock.now, { services: [{ ...content.services[0]!, serviceCode: 'cars' }] })
    for (const one of [content, none])
      registry.entries.push({ content: one, state: 'ACTIVE', seals: sealedBy(one, clock.now) })
    const CARS = parseServiceId('DEV/GOV/1234/plain/cars')
    const HOUR_MS = 3_600_000
    const end = (forMs: number, code: Overdue['code'] = 'global_conf_outdated'): void => {
      snapshot.overdue = () => ({ code, since: clock.now - forMs, forMs })
    }
    end(0)
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'before anything is known of contracts')
    snapshot.statementIndex = undefined
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'nor where there are none')
    snapshot.statementIndex = 1
    await contracts.refresh()
    for (const required of [true, false]) {
      registry.required = required
      await contracts.refresh()
      end(HOUR_MS - 1)
      t.equal(ask(contracts, clock.now), `${content.contract}/1`, 'as long as it grants')
      t.equal(ask(contracts, clock.now - 10 * HOUR_MS), `${content.contract}/1`)
      end(HOUR_MS, 'suspension_list_outdated')
      t.equal(ask(contracts, clock.now), 'suspension_list_outdated', 'and not longer')
      t.equal(ask(contracts, clock.now - 10 * HOUR_MS), 'suspension_list_outdated', 'whatever our clock says')
      end(1)
      t.equal(ask(contracts, clock.now, { service: CARS }), 'global_conf_outdated', 'another grants nothing')
      t.equal(ask(contracts, clock.now, { path: '/people' }), 'global_conf_outdated', 'no contract covers it')
      const UNKNOWN = parseServiceId('DEV/GOV/1234/plain/unknown')
      t.equal(ask(contracts, clock.now, { service: UNKNOWN }), 'global_conf_outdated', 'by rights alone')
      t.equal(ask(contracts, clock.now, { service: UNKNOWN, isElsewhere: true }), 'global_conf_outdated')
      t.equal(ask(contracts, clock.now, { client: subsystemOf(PERSONS) }), 'global_conf_outdated', 'itself')
    }
    t.throws(
      () => contracts.contractFor({ ...QUESTION, at: clock.now, service: CARS }),
      /since .*; the contract [^ ]+\/1 grants no outage grace/,
    )
    t.equal(ask(contracts, clock.now, { neverInGrace: true }), 'global_conf_outdated', 'a tracker')
    snapshot.index.privateParameters!.managementService!.providerId = subsystemOf(PERSONS)
    t.equal(ask(contracts, clock.now), 'global_conf_outdated', 'management services')
    delete snapshot.index.privateParameters!.managementService!.providerId
    t.equal(ask(await again(), clock.now), `${content.contract}/1`, 'after a restart')
    suspended.add(content.contract)
    t.equal(ask(contracts, clock.now), 'contract_suspended', 'who was suspended before stays so')
    suspended.clear()
    for (const [state, code] of [
      ['SUSPENDED', 'contract_suspended'],
      ['TERMINATED', 'global_conf_outdated'],
    ] as const) {
      registry.entries[0]!.state = state
      await contracts.refresh()
      t.equal(ask(contracts, clock.now), code)
    }

    // Personal data have none unless the parties say so.
    for (const [more, graceMs] of [
      [{}, undefined],
      [{ outageGracePersonalData: false }, undefined],
      [{ outageGracePersonalData: true }, HOUR_MS],
    ] as const) {
      const personal = contentAt(clock.now, { personalData: true, outageGraceHours: 1, ...more })
      registry.entries = [{ content: personal, state: 'ACTIVE', seals: sealedBy(personal, clock.now) }]
      await contracts.refresh()
      snapshot.overdue = () => undefined
      t.equal(contracts.contractFor({ ...QUESTION, at: clock.now }).graceMs, graceMs)
      const code = graceMs === undefined ? 'global_conf_outdated' : `${personal.contract}/1`
      end(1)
      t.equal(ask(contracts, clock.now), code)
      snapshot.overdue = () => undefined
      const later = graceMs === undefined ? '' : `${personal.contract}/1`
      t.equal(ask(contracts, clock.now + LIST_GOOD_MS + 1), later, 'the list of contracts alone is old')
    }
  }),
)

t.test('a list that is not the answer to this question changes nothing', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry, again } = await play(database)
    const content = contentAt(clock.now)
    registry.entries.push({ content, state: 'ACTIVE', seals: sealedBy(content, clock.now) })
    await contracts.refresh()
    const lies: [string, (list: ContractList) => object][] = [
      ['an old answer', (list) => ({ ...list, answers: randomUUID() })],
      ['for another server', (list) => ({ ...list, server: 'DEV/GOV/5678/SS2' })],
      ['of another instance', (list) => ({ ...list, instance: 'TEST' })],
      ['from the past', (list) => ({ ...list, generatedAt: inDays(clock.now, -1) })],
      ['with more', (list) => ({ ...list, more: 1 })],
      ['without policy', ({ contractRequired: _, ...list }) => list],
      [
        'with a state that is none',
        (list) => ({ ...list, contracts: [{ ...list.contracts[0], state: 'FINE' }] }),
      ],
      [
        'a contact in a state that there is not',
        (list) => ({ ...list, contracts: list.contracts.map((one) => ({ ...one, contacts: ['SURE'] })) }),
      ],
      [
        'a side without a contact that there is not',
        (list) => ({
          ...list,
          contracts: list.contracts.map((one) => ({ ...one, contactsMissing: ['me'] })),
        }),
      ],
    ]
    for (const [what, lie] of lies) {
      registry.list = lie
      t.match(await codeOf(contracts.refresh()), /invalid_contract|invalid_global_conf_signature/, what)
      t.equal(ask(contracts, clock.now), `${content.contract}/1`, 'the last good one holds')
    }
    const mandate = { id: 7, host: OWNER, client: 'DEV/COM/1', validUntil: inDays(clock.now, 1) }
    const question = { host: OWNER, client: 'DEV/COM/1', at: clock.now }
    t.equal(contracts.hostingMandateFor(question), undefined, 'the last good one lists none')
    for (const lie of [
      { ...mandate, host: 'DEV/COM' },
      { ...mandate, id: 0 },
      { ...mandate, more: 1 },
      'x',
    ]) {
      registry.list = (list) => ({ ...list, hostingMandates: [lie] })
      t.equal(await codeOf(contracts.refresh()), 'invalid_contract', JSON.stringify(lie))
    }
    registry.list = (list) => ({ ...list, hostingMandates: [mandate] })
    await contracts.refresh()
    t.match(contracts.hostingMandateFor(question), { id: 7 })
    t.match((await again()).hostingMandateFor(question), { id: 7 }, 'after a restart too')
    const many = Array.from({ length: 25_000 }, (_, i) => ({ ...mandate, id: i + 1, client: `DEV/COM/${i}` }))
    registry.list = (list) => ({ ...list, hostingMandates: many })
    await contracts.refresh()
    t.match(
      contracts.hostingMandateFor({ ...question, client: 'DEV/COM/24999' }),
      { id: 25_000 },
      'a large host',
    )
    registry.list = (list) => list
    registry.signer = guest
    t.equal(await codeOf(contracts.refresh()), 'invalid_global_conf_signature', 'not by a configuration key')
    registry.signer = registryKey
    registry.items = () => ({ items: 'none' })
    const next = contentAt(clock.now, {
      services: [{ serviceCode: 'x', endpoints: [{ method: '*', path: '**' }] }],
    })
    registry.entries.push({ content: next, state: 'ACTIVE', seals: sealedBy(next, clock.now) })
    t.equal(await codeOf(contracts.refresh()), 'registration_unavailable')
    t.equal(ask(contracts, clock.now), `${content.contract}/1`)
  }),
)

t.test('what its parties did not seal does not hold, its neighbour does', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry } = await play(database)
    const good = contentAt(clock.now, {
      services: [{ serviceCode: 'good', endpoints: [{ method: '*', path: '**' }] }],
    })
    const content = contentAt(clock.now)
    const [byOwner, byGuest] = sealedBy(content, clock.now) as [Buffer, Buffer]
    const at = clock.now
    const strange = await signingParty(stranger, OWNER)
    const bad: [string, Buffer[]][] = [
      ['no seals', []],
      ['one side only', [byGuest]],
      ['one side twice', [byGuest, sealOf(content, { by: guest, signer: GUEST, at })]],
      ['another content', [byGuest, sealOf({ ...content, purpose: 'x' }, { by: owner, signer: OWNER, at })]],
      ['of a CA that nobody approved', [byGuest, sealOf(content, { by: strange, signer: OWNER, at })]],
      ["by another's key", [byGuest, sealOf(content, { by: guest, signer: OWNER, at })]],
      ['bent', [byGuest, Buffer.from(byOwner.toString().replace(/"signature":"..../, '"signature":"AAAA'))]],
      ['no seal', [byGuest, Buffer.from('rubbish')]],
      ['another document', [byGuest, contractDocument('query', {}, { by: owner, signer: OWNER, at })]],
    ]
    for (const [what, seals] of bad) {
      registry.entries = [
        { content, state: 'ACTIVE', seals },
        { content: good, state: 'ACTIVE', seals: sealedBy(good, at) },
      ]
      await contracts.refresh()
      t.equal(ask(contracts, at), 'contract_required', what)
      t.equal(ask(contracts, at, { service: { ...PERSONS, serviceCode: 'good' } }), `${good.contract}/1`)
      t.match(contracts.view().refused, [{ listed: { contract: content.contract } }])
    }
    registry.entries[0]!.seals = [byOwner, byGuest]
    registry.items = (items) => ({ items: items.map((item) => ({ ...item, content: 'e30=' })) })
    await contracts.refresh()
    t.match(contracts.view().refused, [{ reason: /seal/ }], 'items that are not what was asked for')
    registry.items = (items) => ({ items: items.slice(0, 1) })
    await contracts.refresh()
    t.equal(ask(contracts, at), `${content.contract}/1`, 'one item an answer')
  }),
)
