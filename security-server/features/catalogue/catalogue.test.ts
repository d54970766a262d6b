/**
 * A security server's people look through a real registry's catalogue over real TLS; and registries that lie,
 * or are away.
 */
import t from 'tap'
import {
  collect as collectCatalogue,
  openApi,
  POP,
  start,
} from '#central-registry/features/catalogue/catalogue-fixture.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { CATALOGUE_DOCUMENT, type ListedService } from '#schemas/catalogue.ts'
import { asFault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { ocspFor, signingParty } from '#test/fakes/management-requests.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { authority, OWNER, owner, SERVER } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createPostDocument, type PostDocument } from '../../global-configuration/registration/client.ts'
import { catalogueHandlers } from './handlers.ts'
import { knownHere } from './known-here.ts'
import type { Needs } from './needs.ts'

type Found = { id: string; standing: string; title: string }[]
type Asked = { q?: string; offset?: number; limit?: number }

const CALLER: OperationInput['caller'] = { kind: 'person', id: '17', name: 'Mari', roles: [] }
const SERVICE = `${POP}/persons`
const ID = 'DEV:GOV:1234:pop ä:persons'
const NOW = Date.parse('2026-11-30T12:00:00.000Z')

/** What a server of the owner asks, with these answers; it has had a list of these contracts, or none yet. */
function askedBy(
  rooms: Pick<Needs, 'clock' | 'globalConfiguration' | 'post'>,
  kept?: object[],
  roles = ['XROAD_CONTRACT_SIGNATORY'],
) {
  const list = { required: true, refused: [], contracts: kept ?? [] }
  const handlers = catalogueHandlers({
    ...{ ...rooms, server: parseServerId(SERVER) },
    keys: {
      signJson: async ({ document, type }) =>
        writeSignedJson(document, type, [
          { certificates: [owner.certificate], ocspResponses: ocspFor(owner), key: owner.key },
        ]),
    },
    contracts: { view: () => ({ ...list, asOf: kept && new Date(NOW).toISOString() }) as never },
    localSystems: { view: () => ({ clients: new Map([['DEV/GOV/1234/plain', {}]]) }) as never },
  })
  const call = (id: string, params: Record<string, string>, query: Record<string, unknown>) =>
    handlers[id]!({ params, query, body: undefined, caller: { ...CALLER, roles } } satisfies OperationInput)
  return {
    async find({ offset = 0, limit = 50, ...more }: Asked = {}): Promise<{ found: Found; total: string }> {
      const query = { offset, limit, ...more }
      const { body, headers } = (await call('findCatalogueServices', {}, query)) as {
        body: Found
        headers: Record<string, string>
      }
      return { found: body, total: headers['x-total-count']! }
    },
    one: (id: string) => call('getCatalogueService', { id }, {}),
  }
}

void t.test('a page, a search, and one service in its whole', async (t) => {
  const { world, node, provider } = await start(t)
  provider.methods = {
    service: ['persons', 'plans'].map((code) => ({
      ...{ service_code: code, service_type: 'OPENAPI' },
      endpoint_list: [{ method: 'GET', path: '/persons/*' }],
    })),
  }
  provider.documents['plans'] = openApi({ title: 'Plans of regions', description: 'Where\nwhat is built' })
  await collectCatalogue(node)
  await publish(node)
  const globalConfiguration = await world.reader(await anchorOf(node))
  await globalConfiguration.refresh()
  const rooms = {
    ...{ clock: () => world.clock.now, globalConfiguration },
    post: createPostDocument(() => globalConfiguration.current().index.privateParameters?.managementService),
  }
  const { find, one } = askedBy(rooms)
  const whole = await find()
  t.equal(whole.total, '2')
  t.match(whole.found, [
    {
      ...{ id: ID, provider: 'DEV:GOV:1234:pop ä', providerName: 'Persons', serviceCode: 'persons' },
      ...{ memberName: 'Ämter & "Söhne" <1>', type: 'OPENAPI', title: 'Persons', standing: 'UNKNOWN' },
    },
    { title: 'Plans of regions' },
  ])
  t.match(await find({ limit: 1, offset: 1 }), { found: [{ title: 'Plans of regions' }], total: '2' })
  t.match(await find({ q: 'REGIONS' }), { found: [{ title: 'Plans of regions' }], total: '1' })
  t.match(await find({ q: ID }), { found: [{ id: ID }], total: '1' })
  t.match(await find({ q: 'söhne' }), { total: '2' }, 'by who offers it')
  t.match(await find({ q: '\u202e' }), { total: '2' }, 'nothing of it can be searched for')
  t.strictSame(await find({ q: '%' }), { found: [], total: '0' })
  t.match(await one('DEV:GOV:1234:pop ä:plans'), {
    ...{
      description: 'Where\nwhat is built',
      access: 'everybody',
      endpointCount: 1,
      contractsRequired: true,
    },
    ...{ endpoints: [{ method: 'GET', path: '/persons/*', isForContracts: true }], contracts: [] },
    contractsKnown: false,
  })
  await t.rejects(one('DEV:GOV:1234:pop ä:none'), { code: 'not_found', status: 404 })
  await t.rejects(one('DEV:GOV:1234'), { code: 'invalid_client_identifier' })

  await node.stop()
  await t.rejects(find(), { code: 'registration_unavailable', status: 502 }, 'the registry is away')
})

const listed: ListedService = {
  ...{ service: SERVICE, memberName: 'Agency', providerName: '', type: 'REST', title: 'Persons' },
  ...{ version: '', lastSeen: '2026-11-30T11:00:00.000Z' },
}
const described = {
  ...{ ...listed, description: '', endpoints: [], endpointCount: 0, access: 'everybody' },
  changedAt: '2026-11-30T11:00:00.000Z',
}

void t.test('an answer is taken within its bounds only, and from the registry only', async (t) => {
  const registry = await signingParty(authority, 'DEV/GOV/1')
  const sources = [{ address: '', internalVerificationCerts: [registry.certificate.der] }]
  const privateParameters = { managementService: { authCertRegServiceCert: Buffer.alloc(1) } }
  const snapshot = { statementIndex: 1, index: { instance: 'DEV', shared: { sources }, privateParameters } }
  let lie: (answer: object) => object = (answer) => answer
  let by = registry
  const post: PostDocument = async (path, document) => {
    const isList = path.endsWith('/lists')
    const { query, list, serviceQuery, service } = CATALOGUE_DOCUMENT
    const { document: asked } = readSignedJson(Buffer.from(document), isList ? query : serviceQuery)
    const answer = lie({
      ...{ instance: 'DEV', server: SERVER, answers: (asked as { id: string }).id },
      ...{ generatedAt: new Date(NOW).toISOString() },
      ...(isList ? { total: 1, services: [listed] } : { found: described }),
    })
    const signer = { certificates: [by.certificate], ocspResponses: [], key: by.key }
    return Buffer.from(writeSignedJson(answer, isList ? list : service, [signer]))
  }
  const current = () => snapshot as never
  const { find, one } = askedBy({ clock: () => NOW, globalConfiguration: { current }, post })
  const codeOf = (act: Promise<unknown>): Promise<string> =>
    act.then(
      () => 'taken',
      (thrown: unknown) => `${asFault(thrown).code} ${asFault(thrown).status}`,
    )
  t.equal(await codeOf(find()), 'taken')
  t.equal(await codeOf(one(ID)), 'taken')
  t.match(await one(ID), { contractsKnown: false, standing: 'UNKNOWN' }, 'no list of contracts has come yet')
  const parties = { provider: POP, consumers: { subsystems: ['DEV/GOV/1234/plain'] } }
  const secret = { visibleTo: ['DEV/GOV/5678'] }
  const kept = [{ content: { ...contentAt(NOW, parties), secret }, listed: { state: 'ACTIVE' }, joined: [] }]
  const rooms = { clock: () => NOW, globalConfiguration: { current }, post }
  t.match(await askedBy(rooms, kept).one(ID), { contractsKnown: true, standing: 'ACTIVE' })
  const auditor = askedBy(rooms, kept, ['XROAD_AUDITOR'])
  t.match(await auditor.one(ID), { standing: 'UNKNOWN', contracts: [] }, 'who may not see a secret one')

  const page = (more: object) => (answer: object) => ({ ...answer, services: [{ ...listed, ...more }] })
  const unreadable: [string, (answer: object) => object][] = [
    ['more fields', (answer) => ({ ...answer, more: 1 })],
    ['no total', (answer) => ({ ...answer, total: -1 })],
    ['no list', (answer) => ({ ...answer, services: {} })],
    ['the same twice', (answer) => ({ ...answer, services: [listed, listed] })],
    [
      'more than a page',
      (answer) => ({
        ...answer,
        services: Array.from({ length: 201 }, (_, i) => ({ ...listed, service: `${SERVICE}${i}` })),
      }),
    ],
    ['a field that nobody asked for', page({ contact: 'mari@agency.example' })],
    ['a direction mark', page({ title: 'Per\u202esons' })],
    ['a control character', page({ memberName: 'A\u0007' })],
    ['a long title', page({ title: 'x'.repeat(256) })],
    ['no service', page({ service: 'DEV/GOV/1234/x' })],
    ['a path', page({ service: `${POP}/../persons` })],
    ['a long id', page({ service: `${POP}/${'x'.repeat(1200)}` })],
    ['another type', page({ type: 'FTP' })],
    ['no time', page({ lastSeen: 'yesterday' })],
  ]
  for (const [what, made] of unreadable) {
    lie = made
    t.equal(await codeOf(find()), 'registration_unavailable 502', what)
  }
  const whole = (more: object) => (answer: object) => ({ ...answer, found: { ...described, ...more } })
  const fitting = ['GET /a/*', '* **', 'DELETE /']
  const others = ['FIND /', 'get /', ' /', 'GET a', 'GET /a b', 'GET /a/*.json']
  const named = [...fitting, ...others].map((text) => /^(?<method>\S*) (?<path>.*)$/.exec(text)!.groups!)
  lie = whole({ endpoints: named.map((one) => ({ ...one })), endpointCount: named.length })
  const { endpoints: shown } = (await one(ID)) as { endpoints: { isForContracts: boolean }[] }
  t.strictSame(
    shown.map(({ isForContracts }) => isForContracts),
    [...fitting.map(() => true), ...others.map(() => false)],
    'which of them a contract takes',
  )
  const endpoints = Array.from({ length: 201 }, () => ({ method: 'GET', path: '/' }))
  for (const [what, more] of Object.entries({
    'a long description': { description: 'x'.repeat(4001) },
    'too many endpoints': { endpoints },
    'an endpoint without path': { endpoints: [{ method: 'GET', path: '' }] },
    'nobody may ask': { access: 'nobody' },
    'too many codes': { access: { memberClasses: Array(101).fill('GOV'), globalGroups: [] } },
  })) {
    lie = whole(more)
    t.equal(await codeOf(one(ID)), 'registration_unavailable 502', what)
  }
  for (const [what, more] of Object.entries({
    'an answer to another question': { answers: 'c1f1d2a4-58a0-4b1d-8f5a-0f8d7f0d3c55' },
    'for another server': { server: `${OWNER}/SS2` },
    'an old one': { generatedAt: new Date(NOW - 600_000).toISOString() },
  })) {
    lie = (answer) => ({ ...answer, ...more })
    t.equal(await codeOf(find()), 'invalid_global_conf_signature 502', what)
  }
  lie = (answer) => answer
  by = owner
  t.equal(await codeOf(find()), 'invalid_global_conf_signature 502', "a member's signature")
  const asked = (answer: string | Buffer) =>
    askedBy({
      ...{ clock: () => NOW, globalConfiguration: { current } },
      post: async () => Buffer.from(answer),
    }).find()
  t.equal(await codeOf(asked('no JSON')), 'registration_unavailable 502')
  t.equal(await codeOf(asked('{"payload":"","signatures":[]}')), 'registration_unavailable 502')
  const none = { current: () => ({ index: {} }) as never }
  const { find: ofXRoad } = askedBy({ clock: () => NOW, globalConfiguration: none, post })
  t.equal(await codeOf(ofXRoad()), 'registration_unavailable 502', "X-Road's central server has no catalogue")
})

void t.test('who asks much waits in a queue that ends, and others do not', async (t) => {
  const privateParameters = { managementService: { authCertRegServiceCert: Buffer.alloc(1) } }
  const index = { instance: 'DEV', shared: { sources: [] }, privateParameters }
  const asked: PromiseWithResolvers<Buffer>[] = []
  const { find } = askedBy({
    clock: () => NOW,
    globalConfiguration: { current: () => ({ statementIndex: 1, index }) as never },
    post: () => {
      asked.push(Promise.withResolvers<Buffer>())
      return asked.at(-1)!.promise
    },
  })
  const waiting = Array.from({ length: 9 }, () => t.rejects(find(), { code: 'registration_unavailable' }))
  await t.rejects(find(), { code: 'too_many_requests', status: 429 })
  for (let ended = 0; ended < 9; ended++) {
    await until('the next question', () => asked.length > ended)
    t.equal(asked.length, ended + 1, 'one at a time')
    asked[ended]!.resolve(Buffer.from('no JSON'))
  }
  await Promise.all(waiting)
})

void t.test('what is known here of access', (t) => {
  const content = contentAt(NOW, { provider: POP, consumers: { subsystems: ['DEV/GOV/5678/tax'] } })
  const own = new Set(['DEV/GOV/5678/tax'])
  const standing = (state: string, more: object = {}, joined: string[] = []) => {
    const kept = { content: { ...content, ...more }, listed: { state }, joined }
    return knownHere(SERVICE, { contracts: [kept as never], own }).standing
  }
  for (const state of ['ACTIVE', 'SUSPENDED', 'ACCEPTED', 'PROPOSED']) t.equal(standing(state), state)
  for (const state of ['EXPIRED', 'TERMINATED', 'SUPERSEDED', 'DECLINED', 'WITHDRAWN'])
    t.equal(standing(state), 'UNKNOWN', state)
  t.equal(standing('ACTIVE', { provider: 'DEV/GOV/1234/plain' }), 'UNKNOWN', 'of another provider')
  t.equal(standing('ACTIVE', { services: [{ serviceCode: 'other' }] }), 'UNKNOWN')
  t.equal(standing('ACTIVE', { consumers: { subsystems: ['DEV/GOV/9/x'] } }), 'UNKNOWN', 'of others')
  const group = { consumers: { globalGroup: 'hospitals' } }
  t.equal(standing('ACTIVE', group), 'UNKNOWN', 'a group that nobody of us joined')
  t.equal(standing('ACTIVE', group, ['DEV/GOV/5678/tax']), 'ACTIVE')
  t.equal(knownHere(SERVICE, { contracts: [], own: new Set([POP]) }).standing, 'OWN')
  const both = (['PROPOSED', 'ACTIVE'] as const).map((state) => ({ content, listed: { state }, joined: [] }))
  t.match(knownHere(SERVICE, { contracts: both as never, own }), {
    standing: 'ACTIVE',
    contracts: [{ state: 'PROPOSED', consumers: ['DEV:GOV:5678:tax'] }, { state: 'ACTIVE' }],
  })
  t.end()
})
