/**
 * A server's contracts against a real registry and against one that lies: a contract without proof is not in
 * force.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { ContractContent, ContractList } from '#schemas/contract.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { contentAt, contractDocument, hashOf, inDays, sealOf } from '#test/fakes/contracts.ts'
import { signingParty } from '#test/fakes/management-requests.ts'
import { GUEST, guest, OWNER, owner, stranger } from '#test/fakes/request-world.ts'
import { ask, PERSONS, play, registryKey, sealedBy, TAX } from './contracts-fixture.ts'
import { LIST_GOOD_MS } from './index-contracts.ts'
import { createContractKeep } from './store.ts'

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
    const third = { ...agreement, key_id: '3' }
    await keep.forget(third)
    t.equal((await keep.agree(third)).key_id, both[0]!.key_id, 'another one is not forgotten')
    await keep.forget(both[0]!)
    t.equal((await keep.agree(third)).key_id, '3')
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

t.test('what this server cannot read stops calls, and frees nobody from what was demanded before', (t) =>
  eachDatabase(t, async (database, t) => {
    const { contracts, clock, registry, again } = await play(database)
    registry.required = false
    const [service] = contentAt(clock.now).services
    const first = contentAt(clock.now, {
      personalData: true,
      services: [
        {
          ...{ ...service!, endpoints: [{ method: 'GET', path: '/persons/*' }] },
          dataSubject: { in: 'path', name: 'id' },
        },
      ],
      consent: { proof: 'login', kinds: ['standing'], maxDays: 9, dataLife: { unit: 'month', value: 6 } },
    })
    const next = (more: object) =>
      ({ ...first, version: 2, consent: { ...first.consent, later: 1 }, ...more }) as ContractContent
    const list = async (content: ContractContent, state = 'ACTIVE') => {
      registry.entries = [
        { content: first, state: 'SUPERSEDED', seals: sealedBy(first, clock.now) },
        { content, state, seals: sealedBy(content, clock.now) },
      ]
      await contracts.refresh()
    }
    const stopped = 'contract_unreadable'
    await list(next({}))
    t.match(contracts.view().refused, [{ listed: { version: 2 }, reason: /later/ }])
    t.equal(ask(contracts, clock.now), stopped)
    t.equal(ask(await again(), clock.now), stopped, 'after a restart')
    t.equal(ask(contracts, clock.now, { path: '/others' }), 'contract_required', 'nor beside its endpoints')
    const stranger = { client: { ...TAX, subsystemCode: 'x' } }
    t.equal(ask(contracts, clock.now, stranger), '', 'others go on')
    t.equal(ask(contracts, Date.parse(first.validUntil) + 1), stopped, 'until the registry says it is over')
    for (const [state, code] of [
      ['SUSPENDED', 'contract_suspended'],
      ['EXPIRED', 'contract_ended'],
      ['TERMINATED', 'contract_ended'],
    ] as const) {
      await list(next({}), state)
      t.equal(ask(contracts, clock.now), code, state)
    }
    for (const more of [
      { services: [{ ...first.services[0], endpoints: [{ method: 'LATER', path: '/x' }] }] },
      { services: [{ ...first.services[0], endpoints: 'all' }], validFrom: 'soon', validUntil: 'late' },
      { consumers: { ...first.consumers, more: 1 }, secret: { visibleTo: 1 } },
    ]) {
      await list(next(more))
      t.equal(ask(contracts, clock.now), stopped, JSON.stringify(more))
    }
    for (const more of [
      { services: 'all' },
      { provider: 'x' },
      { consumers: { everybody: true } },
      { logLevel: 'later' },
    ]) {
      await list(next(more))
      t.equal(
        ask(contracts, clock.now),
        'contract_ended',
        `the demand before it stands: ${JSON.stringify(more)}`,
      )
    }
    registry.entries = [
      { content: first, state: 'ACTIVE', seals: sealedBy(first, clock.now) },
      { content: next({ validFrom: inDays(clock.now, 1) }), state: 'ACTIVE', seals: [] },
    ]
    await contracts.refresh()
    t.equal(ask(contracts, clock.now), `${first.contract}/1`, 'before it begins the one before holds')
    await list(next({ consent: undefined, later: 1 }), 'EXPIRED')
    t.equal(ask(contracts, clock.now), '', 'one that is over and demanded nothing')
  }),
)
