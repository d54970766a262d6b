/**
 * The contracts as the message path queries them: which contract is in force, and what it says about records.
 */
import { hash } from 'node:crypto'
import t, { type Test } from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import { type ContractQuestion, contractFor as holdingTerms, termsOfRefused } from './contract-for.ts'
import { hostingMandateFor, indexMandates } from './hosting-mandates.ts'
import { type ContractIndex, indexContracts, NO_TERMS, type RecordTerms } from './index-contracts.ts'
import { secrecyBetween } from './secrecy.ts'
import { assembleContract } from './verify-contract.ts'

const TAX = parseSubsystemId('DEV/GOV/5678/tax')
const PERSONS = parseServiceId('DEV/GOV/1234/plain/persons')
const sha = (bytes: Buffer): string => hash('sha256', bytes)
const whole = (index: ContractIndex, q: ContractQuestion): RecordTerms => holdingTerms(index, q, () => false)
const termsFor = (index: ContractIndex, q: ContractQuestion): RecordTerms => {
  const { agreed: _agreed, ...terms } = whole(index, q)
  return terms
}
const contractFor = (index: ContractIndex, q: ContractQuestion): string => termsFor(index, q).contract

t.test('hosting mandates as they were listed', (t: Test) => {
  const at = Date.now()
  const generatedAt = new Date(at).toISOString()
  const one = { id: 7, host: 'DEV/GOV/5678', client: 'DEV/COM/1', validUntil: inDays(at, 1) }
  const index = indexMandates({
    generatedAt,
    hostingMandates: [one, { ...one, id: 6, validUntil: inDays(at, 0.5) }],
  })
  const ask = (more: object = {}) =>
    hostingMandateFor(index, { host: one.host, client: one.client, at, ...more })
  t.strictSame(ask(), { id: 7, listedAt: generatedAt }, 'the one that ends last')
  t.equal(ask({ client: 'DEV/COM/2' }), undefined)
  t.equal(ask({ host: one.client, client: one.host }), undefined, 'the other way round')
  const outdated = { code: 'contracts_outdated' }
  t.throws(() => ask({ at: at + 11 * 60_000 }), outdated, 'nobody can say any more')
  t.throws(() => hostingMandateFor(undefined, { host: one.host, client: one.client, at }), outdated)
  const ended = indexMandates({ generatedAt, hostingMandates: [{ ...one, validUntil: generatedAt }] })
  t.equal(hostingMandateFor(ended, { host: one.host, client: one.client, at }), undefined, 'it has ended')
  t.equal(
    hostingMandateFor(indexMandates({ generatedAt }), { ...one, at }),
    undefined,
    'a registry that lists none',
  )
  t.end()
})

t.test('the consent that calls need', (t: Test) => {
  const at = Date.now()
  const consent = {
    ...{ proof: 'login', kinds: ['standing'], maxDays: 30, dataLife: { unit: 'day', value: 1 } },
    services: ['persons'],
  } as const
  const person = {
    endpoints: [{ method: 'GET', path: '/persons/*' }],
    dataSubject: { in: 'path', name: 'id' },
  }
  const services = [
    { serviceCode: 'persons', ...person },
    { serviceCode: 'cars', ...person },
  ] as ContractContent['services']
  const content = contentAt(at, { personalData: true, consent: consent as never, services })
  const termsIn = (of: ContractContent, code = 'persons') => {
    const kept = { listed: { state: 'ACTIVE', hash: hashOf(of) }, content: of, joined: [] }
    const index = indexContracts({ required: true, asOf: at, contracts: [kept as never], owner: 'DEV/GOV/1' })
    return index.byService.get(`${of.provider} ${code}`)![0]!.terms
  }
  const place = {
    in: 'path',
    name: 'id',
    type: 'personal-code',
    method: 'GET',
    path: '/persons/{id}',
  } as const
  const { demand } = termsIn(content).consent!
  t.same(termsIn(content).consent, { contract: content.contract, demand, rule: consent, places: [place] })
  t.equal(termsIn(content, 'cars').consent, undefined, 'a service that needs none')
  const later = { version: 2, title: 'Renewed', retentionDays: 9, validUntil: inDays(at, 99) }
  t.equal(termsIn({ ...content, ...later }).consent!.demand, demand, 'the same is asked for')
  for (const other of [
    { purpose: 'Curiosity' },
    { legalBasis: 'None' },
    { consent: { ...consent, maxDays: 31 } as never },
    { services: [{ ...services[0]!, responseFields: ['/name'] }, services[1]!] },
  ])
    t.not(termsIn({ ...content, ...other }).consent!.demand, demand, Object.keys(other).join())

  const { consent: _without, ...rest } = content
  const previewed = { ...rest, preview: { minutes: 30, services: ['persons'] } }
  const minutes = { contract: content.contract, minutes: 30, places: [place] }
  t.same(termsIn(previewed).preview, minutes, 'answers that people see first')
  t.equal(termsIn(previewed, 'cars').preview, undefined)

  // Where no contract is required, an access right alone does not take the demand away.
  const ask = (list: [ContractContent, string, string[]?][], more: object = {}) => {
    const contracts = list.map(([one, state, joined = []]) => ({
      ...{ listed: { state, hash: hashOf(one) }, content: one, joined },
    }))
    const index = indexContracts({ required: false, asOf: at, contracts: contracts as never, owner: 'x' })
    return holdingTerms(
      index,
      {
        ...{ client: TAX, service: PERSONS, method: 'GET', path: '/persons/P1', at },
        isInGlobalGroup: (code: string) => code === 'readers',
        ...more,
      },
      () => false,
    )
  }
  const beside = { path: '/people' }
  t.ok(ask([[content, 'ACTIVE']]).consent)
  t.ok(ask([[previewed, 'ACTIVE']]).preview)
  t.throws(() => ask([[previewed, 'ACTIVE']], beside), { code: 'contract_required' })
  t.throws(() => ask([[previewed, 'TERMINATED']]), { code: 'contract_ended' })
  t.throws(() => ask([[content, 'ACTIVE']], beside), { code: 'contract_required' })
  t.throws(() => ask([[content, 'ACTIVE']], { method: 'POST' }), { code: 'contract_required' })
  const empty = indexContracts({ required: true, asOf: at, contracts: [], owner: 'x' })
  const question = { service: PERSONS, method: 'GET', path: '/persons/P1', at, isInGlobalGroup: () => false }
  const under = (client: typeof TAX) => () => holdingTerms(empty, { ...question, client }, () => false)
  t.throws(under(TAX), { code: 'contract_required' })
  t.throws(under({ ...TAX, subsystemCode: 'x' }), { code: 'contract_required' }, 'another of its member')
  t.equal(under(parseSubsystemId('DEV/GOV/1234/plain'))(), NO_TERMS, 'a subsystem needs none with itself')
  t.throws(() => ask([[content, 'ACTIVE']], { ...beside, isElsewhere: true }), { code: 'contract_required' })
  t.throws(() => ask([[content, 'ACTIVE']], { at: at + 3650 * 86_400_000 }), { code: 'contract_ended' })
  for (const state of ['TERMINATED', 'EXPIRED'])
    t.throws(() => ask([[content, state]]), { code: 'contract_ended' }, state)
  t.equal(ask([[content, 'TERMINATED']], { client: { ...TAX, subsystemCode: 'x' } }), NO_TERMS, 'of others')
  const cars = { ...PERSONS, serviceCode: 'cars' }
  t.equal(ask([[content, 'TERMINATED']], { service: cars }), NO_TERMS, 'a service that needs none')
  const { consent: _consent, ...free } = content
  t.equal(
    ask([
      [{ ...free, version: 2 } as never, 'TERMINATED'],
      [content, 'TERMINATED'],
    ]),
    NO_TERMS,
  )
  const group = { ...content, consumers: { globalGroup: 'readers' } }
  t.throws(() => ask([[group, 'ACTIVE']]), { code: 'contract_required' }, 'left it, or never joined')
  t.equal(ask([[group, 'ACTIVE']], { isInGlobalGroup: () => false }), NO_TERMS)
  t.ok(ask([[content, 'ACTIVE']], { at: at + 3_600_000 }).consent, 'while the registry cannot be asked')
  t.end()
})

t.test('the index: versions, groups, grace', (t: Test) => {
  const at = Date.now()
  const kept = (content: ContractContent, state: string, joined: string[] = []) => ({
    listed: {
      ...{ contract: content.contract, version: content.version, hash: hashOf(content) },
      ...{ state: state as 'ACTIVE', seals: [], waitsFor: [] },
    },
    ...{ content, seals: [], joined },
  })
  const first = contentAt(at, { outageGraceHours: 1 })
  const second = { ...first, version: 2, validFrom: inDays(at, 1) }
  const question = (more: object = {}) => ({
    ...{ client: TAX, service: PERSONS, method: 'GET', path: '/persons/P1', at },
    isInGlobalGroup: (code: string) => code === 'readers',
    ...more,
  })
  const index = (...contracts: ReturnType<typeof kept>[]) =>
    indexContracts({ required: true, asOf: at, contracts, owner: 'DEV/GOV/1234' })
  const both = index(kept(first, 'ACTIVE'), kept(second, 'ACTIVE'))
  t.equal(contractFor(both, question()), `${first.contract}/1`)
  const { title, purpose, legalBasis } = first
  t.strictSame(whole(both, question()).agreed, {
    ...{ id: first.contract, version: 1, hash: hashOf(first), title, purpose, legalBasis },
    endpoint: first.services[0]!.endpoints[0],
  })
  t.equal(whole(both, question()), whole(both, question()), 'the same object while nothing changes')
  const late = indexContracts({
    required: true,
    asOf: at + 2 * 86_400_000,
    contracts: [kept(first, 'ACTIVE'), kept(second, 'ACTIVE')],
    owner: 'DEV/GOV/1234',
  })
  t.equal(
    contractFor(late, question({ at: at + 2 * 86_400_000 })),
    `${first.contract}/2`,
    'when it has begun',
  )
  t.equal(contractFor(both, question({ at: at + 3_600_000 })), `${first.contract}/1`, 'an hour of grace')
  t.throws(() => contractFor(both, question({ at: at + 4_300_000 })), { code: 'contracts_outdated' })
  const hidden = contentAt(at, { logLevel: 'digest', secret: { visibleTo: [] } })
  const lenient = indexContracts({
    ...{ required: false, asOf: at, contracts: [kept(hidden, 'ACTIVE')], owner: 'DEV/GOV/1234' },
  })
  t.match(
    termsFor(lenient, question({ at: at + 4_300_000 })),
    { contract: '', logLevel: 'digest', secrecy: 2 },
    'where none is required the call goes on, and is hidden and kept as was agreed',
  )
  const [narrow] = contentAt(at).services
  const representation = { check: 'none' } as const
  const named = contentAt(at, { services: [{ ...narrow!, responseFields: ['/name'], representation }] })
  const silent = indexContracts({
    ...{ required: false, asOf: at, contracts: [kept(named, 'ACTIVE')], owner: 'DEV/GOV/1234' },
  })
  t.match(
    termsFor(silent, question({ at: at + 4_300_000 })),
    { contract: '', fields: { response: fieldRule(['/name']) }, representation },
    'and no field passes that was not agreed on, and nobody is represented who may not be',
  )
  t.same(termsFor(lenient, question({ at: at + 400 * 86_400_000 })), NO_TERMS, 'until the contract has ended')
  t.throws(() => contractFor(index(kept(first, 'ACTIVE'), kept(second, 'SUSPENDED')), question()), {
    code: 'contract_suspended',
  })
  const over = contentAt(at, {
    validFrom: inDays(at, -9),
    validUntil: inDays(at, -1),
    reviewAt: inDays(at, -2),
  })
  t.throws(
    () => contractFor(index(kept(over, 'ACTIVE')), question()),
    { code: 'contract_ended' },
    'by our clock',
  )
  t.equal(contractFor(index(kept({ ...over, critical: true }, 'ACTIVE')), question()), `${over.contract}/1`)
  const group = contentAt(at, { consumers: { globalGroup: 'readers' } })
  const joined = index(kept(group, 'ACTIVE', ['DEV/GOV/5678/tax']))
  t.equal(contractFor(joined, question()), `${group.contract}/1`)
  t.equal(whole(joined, question()).agreed?.globalGroup, 'readers')
  t.throws(
    () => contractFor(joined, question({ isInGlobalGroup: () => false })),
    { code: 'contract_required' },
    'left it',
  )
  t.throws(
    () => contractFor(index(kept(group, 'ACTIVE')), question()),
    { code: 'contract_required' },
    'never joined',
  )
  for (const state of ['PROPOSED', 'ACCEPTED', 'DECLINED', 'WITHDRAWN', 'SUPERSEDED'])
    t.throws(() => contractFor(index(kept(first, state)), question()), { code: 'contract_required' }, state)
  const digest = contentAt(at, { logLevel: 'digest', retentionDays: 30 })
  t.same(termsFor(index(kept(digest, 'ACTIVE')), question()), {
    ...{ contract: `${digest.contract}/1`, logLevel: 'digest', keepDays: 30 },
  })
  const strictest = index(kept(digest, 'SUSPENDED'), kept(first, 'EXPIRED'))
  t.same(
    termsOfRefused(strictest, question()),
    { contract: '', logLevel: 'digest', keepDays: 3650 },
    'a call that is refused keeps no more than any contract of the two wants',
  )
  t.same(termsOfRefused(strictest, question({ client: { ...TAX, subsystemCode: 'x' } })), NO_TERMS)
  const secret = (...visibleTo: string[]) => contentAt(at, { secret: { visibleTo } })
  for (const [content, secrecy] of [
    [secret('DEV/GOV/1234'), 1],
    [secret('DEV/GOV/5678'), 2],
    [first, undefined],
  ] as const) {
    const of = index(kept(content, 'ACTIVE'))
    t.equal(termsFor(of, question()).secrecy, secrecy)
    t.equal(termsOfRefused(index(kept(content, 'EXPIRED')), question()).secrecy, secrecy)
    for (const members of [
      ['DEV/GOV/1234', 'DEV/GOV/5678'],
      ['DEV/GOV/5678', 'DEV/GOV/1234'],
    ] as const)
      t.equal(secrecyBetween([kept(content, 'TERMINATED')], { owner: 'DEV/GOV/1234', members }), secrecy ?? 0)
  }
  const strangers = { owner: 'DEV/GOV/1234', members: ['DEV/GOV/1234', 'DEV/GOV/9'] } as const
  t.equal(secrecyBetween([kept(secret('DEV/GOV/1234'), 'ACTIVE')], strangers), 0)
  const listed = kept(first, 'ACTIVE').listed
  const bytes = Buffer.from(JSON.stringify(first))
  t.throws(
    () => assembleContract({ ...listed, hash: sha(bytes) }, bytes, []),
    { code: 'invalid_contract' },
    'not canonical',
  )
  t.end()
})
