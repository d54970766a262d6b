/**
 * Entries alone, before operations of ours that a test answers for: what takes several of them, and what
 * takes many rows.
 */
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { allPages } from './all-pages.ts'
import { entriesOf } from './entries.ts'
import type { Asked, OwnInput } from './entry.ts'
import { serviceNumber } from './find-service.ts'

type Answers = Record<string, (input: OwnInput) => unknown>

const TAX = { subjectType: 'SUBSYSTEM', subjectId: 'DEV:COM:4000:tax' }
const ITEM = { id: TAX.subjectId, service_client_type: 'SUBSYSTEM' }
const NO_RIGHTS = { fullServiceId: 'DEV:GOV:1000:p:get', accessRights: [] }
const server = { instance: 'DEV', memberClass: 'GOV', memberCode: '1000', serverCode: 'ss1' }

/** What an entry answers, and which operations it called with what. */
async function askEntry(
  name: string,
  {
    answers,
    rooms = {},
    byTwo = [],
    ...asked
  }: Partial<Asked> & { answers: Answers; rooms?: object; byTwo?: string[] },
) {
  const calls: { operation: string; input: OwnInput }[] = []
  const entry = entriesOf({ server, ...rooms } as never, () => false).find((one) => one.name === name)!
  const given: Asked = {
    ...{ params: {}, query: {}, body: undefined, ...asked },
    caller: { kind: 'key', id: 'x', name: 'x', roles: [] },
    async call<T>(operation: string, input: OwnInput = {}) {
      calls.push({ operation, input })
      return (await answers[operation]!(input)) as T
    },
    async checkForOne(operation, inputs, instead) {
      if (inputs.length > 0 && byTwo.includes(operation)) throw new Fault('invalid_input', { what: instead })
    },
  }
  const thrown: unknown[] = []
  const answer = await Promise.resolve(entry.answer(given)).catch((fault: unknown) => void thrown.push(fault))
  return { answer, calls: calls.map(({ operation }) => operation), inputs: calls, thrown: thrown[0] as Fault }
}

const idOf = (serviceCode: string, serviceVersion?: string) => ({
  ...{ instance: 'DEV', memberClass: 'GOV', memberCode: '1000', subsystemCode: 'p', serviceCode },
  serviceVersion,
})
const viewOf = (...services: object[]) => {
  const all = services.map((service, at): [number, object] => [at + 1, { key: at + 1, ...service }])
  return { services: new Map(all), servicesByKey: new Map(all), clients: new Map() }
}
const right = (id: number, endpointId = 1) => ({
  ...{ id, ...TAX, endpointId, wholeService: endpointId === 1, createdAt: `2026-01-0${id}T00:00:00Z` },
})

t.test('while rights take two people, nothing of several steps is begun', async (t) => {
  const view = viewOf({ service: { id: idOf('get') }, endpoints: [{ id: 1 }, { id: 7 }] })
  const rooms = { localSystems: { view: () => view } }
  const service = {
    ...{ id: 1, fullServiceId: 'DEV:GOV:1000:p:get', serviceCode: 'get', accessRights: [] as object[] },
    endpoints: [{ id: 7, method: 'GET', path: '/x', base: false, generated: false }],
  }
  const answers = {
    getService: () => service,
    addAccessRight: ({ body }: OwnInput) => ({ ...right(2), ...(body as object) }),
  }
  const given = { answers, rooms, byTwo: ['addAccessRight'], params: { id: 'DEV:GOV:1000:p:get' } }
  const items = [ITEM, { ...ITEM, id: 'DEV:COM:4000:other' }]
  const several = await askEntry('addServiceServiceClients', { ...given, body: { items } })
  t.match(several, { calls: ['getService'], thrown: { code: 'invalid_input', what: /X-Reason/ } })
  const alone = await askEntry('addServiceServiceClients', { ...given, body: { items: [ITEM] } })
  t.match(alone, { calls: ['getService', 'addAccessRight'], thrown: undefined }, 'one becomes a proposal')
})

t.test(
  'a description fetched from another address: what it changes is accepted as it was shown',
  async (t) => {
    const service = { id: 4, serviceCode: 'get', endpoints: [], ...NO_RIGHTS }
    const answersOf = (type: string) => ({
      getServiceDescription: () => ({ type, services: [service] }),
      compareServiceDescriptionAddress: () => ({ digest: 'd' }),
      ...{ changeServiceDescriptionAddress: () => undefined, updateService: () => undefined },
    })
    const url = 'http://10.0.0.2/new'
    const given = (type: string, more: object = {}) =>
      askEntry('updateServiceDescription', {
        ...{ answers: answersOf(type), params: { id: '1' }, body: { url, ...more } },
      })
    for (const type of ['OPENAPI', 'WSDL'])
      t.match((await given(type, { ignore_warnings: true })).inputs.slice(1, 3), [
        { operation: 'compareServiceDescriptionAddress', input: { body: { url } } },
        {
          operation: 'changeServiceDescriptionAddress',
          input: { body: { url, accept: 'd', ignoreWarnings: true } },
        },
      ])
    t.match((await given('OPENAPI')).inputs[2], { input: { body: { ignoreWarnings: false } } })
    t.match(await given('OPENAPI', { new_rest_service_code: 'x' }), { thrown: { code: 'conflict' } })
    t.match((await given('REST')).inputs[1], { operation: 'updateService', input: { params: { id: '4' } } })
  },
)

t.test('a code without a version means every version', async (t) => {
  const versions = (...rights: object[][]) => [
    {
      services: rights.map((accessRights, at) => ({
        ...{ id: at + 1, serviceCode: 'get', fullServiceId: `DEV:GOV:1000:p:get:v${at + 1}`, accessRights },
      })),
    },
  ]
  const answers = (...rights: object[][]): Answers => ({
    getClientServiceDescriptions: () => versions(...rights),
    addAccessRight: () => right(2),
    deleteAccessRight: () => undefined,
    getServiceClientAccessRights: () =>
      [3, 2].map((id) => ({ ...right(id), fullServiceId: `DEV:GOV:1000:p:get:v${id}` })),
  })
  const of = { params: { id: 'DEV:GOV:1000:p', scId: TAX.subjectId } }
  const get = { ...of, body: { items: [{ service_code: 'get' }, { service_code: 'get' }] } }
  const added = await askEntry('addServiceClientAccessRights', { ...get, answers: answers([], []) })
  const told = [{ service_code: 'get', service_title: '', rights_given_at: right(2).createdAt }]
  t.same(added.answer, told)
  t.match(added.inputs.slice(1), [{ input: { params: { id: '1' } } }, { input: { params: { id: '2' } } }])
  const rest = await askEntry('addServiceClientAccessRights', { ...get, answers: answers([right(1)], []) })
  t.match(rest.inputs.slice(1), [{ input: { params: { id: '2' } } }], 'the one that lacks it')
  const has = { ...get, answers: answers([right(1)], [right(2)]) }
  t.match(await askEntry('addServiceClientAccessRights', has), { thrown: { code: 'conflict' } })
  const taken = await askEntry('deleteServiceClientAccessRights', has)
  t.match(taken.inputs.slice(1), [
    ...[{ input: { params: { id: '1', rightId: '1' } } }, { input: { params: { id: '2', rightId: '2' } } }],
  ])
  const none = { ...get, answers: answers([]) }
  t.match(await askEntry('deleteServiceClientAccessRights', none), { thrown: { code: 'not_found' } })
  t.same((await askEntry('getServiceClientAccessRights', { ...of, answers: answers() })).answer, told)
})

t.test('an id that two services have names neither', async (t) => {
  const [dotted, plain] = [{ service: { id: idOf('get.v1') } }, { service: { id: idOf('get', 'v1') } }]
  const id = 'DEV:GOV:1000:p:get.v1'
  t.equal(serviceNumber(viewOf(dotted) as never, id), 1)
  t.equal(serviceNumber(viewOf({ service: { id: idOf('x') } }, plain) as never, id), 2)
  t.throws(() => serviceNumber(viewOf(dotted, plain) as never, id), {
    code: 'invalid_input',
    what: /1 and 2/,
  })
  t.throws(() => serviceNumber(viewOf() as never, id), { code: 'not_found' })
})

t.test('a list is whole or refused', async (t) => {
  let rows = 1000
  const call = async <T>(_operation: string, { query }: OwnInput = {}) => {
    const [offset, limit] = [Number(query!['offset']), Number(query!['limit'])]
    return Array.from({ length: Math.max(0, Math.min(limit, rows - offset)) }) as T
  }
  t.equal((await allPages({ call }, 'x')).length, 1000)
  rows = 20_500
  await t.rejects(allPages({ call }, 'x'), { code: 'invalid_input', what: /by page/ })
})

t.test('all members of an instance: each is looked at once', async (t) => {
  let looked = 0
  const rooms = {
    keys: {
      signingIdentity() {
        looked++
        throw new Fault('not_found')
      },
    },
  }
  const told = Array.from({ length: 300 }, (_, at) => ({
    ...{ id: `DEV:COM:${at}`, name: `Member ${at}` },
    subsystems: ['a', 'b', 'c'].map((code) => ({ id: `DEV:COM:${at}:${code}`, name: code })),
  }))
  const answers: Answers = {
    findClients: () => [],
    findMembers: ({ query }) => told.slice(Number(query!['offset']), Number(query!['offset']) + 500),
  }
  const ask = async (query: object) =>
    (await askEntry('findClients', { answers, rooms, query: { internal_search: 'false', ...query } }))
      .answer as object[]
  const all = await ask({})
  t.equal(all.length, 1200)
  t.match(all[3], { id: 'DEV:COM:0:c', subsystem_name: 'c', has_valid_local_sign_cert: false })
  t.equal(looked, 300)
  t.equal((await ask({ member_code: '299', name: 'B', show_members: 'false' })).length, 3)
  t.equal(looked, 301, 'what is filtered away is not looked at')
  t.same(await ask({ local_valid_sign_cert: 'true' }), [])
})

t.test('a connection that was not tried has not failed', async (t) => {
  const steps = [{ state: 'good', what: 'it answered' }]
  const answers = { testConnections: () => ({ items: [{ name: 'DEV:GOV:1000:ss1', steps }] }) }
  const query = { target_client_id: 'DEV:GOV:1000', security_server_id: 'DEV:GOV:1000:ss1' }
  const name = 'getOtherSecurityServerStatus'
  t.match(await askEntry(name, { answers, query }), { answer: { status_class: 'OK' } })
  const other = { ...query, security_server_id: 'DEV:GOV:1000:ss21' }
  t.match(await askEntry(name, { answers, query: other }), { thrown: { code: 'not_found', what: /ss21/ } })
})

t.test('candidates are found by the parts of their ids', async (t) => {
  const rows = [
    { ...TAX, name: 'Taxes' },
    { subjectType: 'GLOBALGROUP', subjectId: 'taxmen', name: 'All who tax' },
    { subjectType: 'LOCALGROUP', subjectId: 'friends', name: 'Friends' },
  ]
  const rooms = { localSystems: { view: () => viewOf() } }
  const answers = { findServiceClientCandidates: () => rows }
  const types = async (query: Record<string, string>) =>
    (
      (await askEntry('findServiceClientCandidates', {
        ...{ answers, rooms, query, params: { id: 'DEV:GOV:1000:p' } },
      })) as { answer: { service_client_type: string }[] }
    ).answer.map((one) => one.service_client_type)
  const all = ['SUBSYSTEM', 'GLOBALGROUP', 'LOCALGROUP']
  for (const [query, expected] of [
    [{}, all],
    [{ instance: 'dev', no_such_parameter: 'x' }, all],
    [{ instance: 'other' }, []],
    [{ member_class: 'com' }, ['SUBSYSTEM']],
    [{ subsystem_code: 'TAX' }, ['SUBSYSTEM']],
    [{ member_group_code: 'tax' }, ['GLOBALGROUP']],
    [{ member_group_code: '4000' }, ['SUBSYSTEM']],
    [{ member_name_group_description: 'tax' }, ['SUBSYSTEM', 'GLOBALGROUP']],
  ] as [Record<string, string>, string[]][])
    t.same(await types(query), expected, JSON.stringify(query))
})

t.test('the names of global groups are read once for all rights to a service', async (t) => {
  let read = 0
  const shared = {
    get globalGroups() {
      read++
      return [{ groupCode: 'g1', description: 'First' }]
    },
  }
  const snapshot = { index: { shared } }
  const rooms = {
    localSystems: { view: () => viewOf({ service: { id: idOf('get') }, endpoints: [] }) },
    globalConfiguration: { current: () => snapshot },
  }
  const accessRights = ['g1', 'g2', 'g3'].map((subjectId) => ({
    ...{ ...right(1), subjectType: 'GLOBALGROUP', subjectId },
  }))
  const { answer } = await askEntry('getServiceServiceClients', {
    ...{ rooms, params: { id: 'DEV:GOV:1000:p:get' } },
    answers: { getService: () => ({ id: 1, fullServiceId: 'DEV:GOV:1000:p:get', accessRights }) },
  })
  t.match(answer, [{ id: 'DEV:g1', name: 'First' }, { id: 'DEV:g2', name: '' }, { id: 'DEV:g3' }])
  t.equal(read, 1)
})
