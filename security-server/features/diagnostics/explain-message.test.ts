/**
 * A message tried without being sent: what of a sample the contract refuses, what it removes, and what the
 * audit log keeps of it.
 */
import t from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { type ContractQuestion, NONE_WITH_GRACE } from '../../global-configuration/contracts/contract-for.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import { overdueFault } from '../../global-configuration/overdue.ts'

const CALL = { consumer: 'DEV:COM:4000:tax', provider: 'DEV:GOV:1000:population', serviceCode: 'persons' }
const ASKED = { ...CALL, method: 'POST', path: '/persons' }

type Tried = { fields: string[]; left?: string; unreadable?: string }
type Explained = {
  verdict: string
  contract: string
  request?: Tried
  response?: Tried
  steps: { step: string; state: string; what: string; remedy?: string }[]
}

t.test('samples are held against the contract that covers the call', async (t) => {
  const questions: ContractQuestion[] = []
  let terms: RecordTerms | undefined = {
    contract: 'c0ffee/2',
    fields: { request: fieldRule(['/id']), response: fieldRule(['/name', '/getPersonResponse/name']) },
  }
  const { ask } = await createAdminWorld(t, {
    contractFor: (question) => {
      questions.push(question)
      if (terms === undefined) throw new Fault('contract_required')
      return terms
    },
  })
  await ask('POST', '/clients', { id: CALL.provider })
  const attempt = async (sample: object): Promise<Explained> => {
    const { status, body } = await ask('POST', '/explanation', { ...ASKED, ...sample })
    t.equal(status, 200)
    return body as Explained
  }
  const stepIn = ({ steps }: Explained, name: string) => steps.find(({ step }) => step === name)

  const both = await attempt({ request: '{"id":"7"}', response: '{"name":"A","mother":"38001010000"}' })
  t.match(questions.at(-1), { method: 'POST', path: '/persons', service: { serviceCode: 'persons' } })
  t.equal(both.contract, 'c0ffee/2')
  t.strictSame(both.request, { fields: [] })
  t.strictSame(both.response, { fields: ['/mother'], left: '{"name":"A"}' })
  t.match(stepIn(both, 'requestFields'), { state: 'good' })
  t.match(stepIn(both, 'responseFields'), { state: 'good', what: /would be removed.*: \/mother$/ })
  t.ok(stepIn(both, 'contract'), 'beside the steps of the explanation')

  const refused = await attempt({ request: '{"id":"7","name":"A"}' })
  t.equal(refused.verdict, 'bad')
  t.match(stepIn(refused, 'requestFields'), {
    state: 'bad',
    what: /: \/name$/,
    remedy: /version of the contract/,
  })
  t.equal(refused.response, undefined)

  const envelope = (body: string): string =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`
  const soap = await attempt({
    response: envelope('<getPersonResponse><name>A</name><code>1</code></getPersonResponse>'),
  })
  t.strictSame(soap.response, {
    fields: ['/getPersonResponse/code'],
    left: envelope('<getPersonResponse><name>A</name></getPersonResponse>'),
  })

  const broken = await attempt({ response: 'name=A' })
  t.match(broken.response, { unreadable: /not JSON/ })
  t.match(stepIn(broken, 'responseFields'), { state: 'bad', remedy: /whole body/ })

  terms = { contract: '' }
  const free = await attempt({ request: 'anything', response: 'anything' })
  t.match(free, { contract: '', request: { fields: [] }, response: { fields: [], left: 'anything' } })
  terms = undefined
  const without = await attempt({ response: '{"name":"A"}' })
  t.match(stepIn(without, 'contract'), { state: 'bad' })
  t.equal(without.verdict, 'bad')

  t.equal(questions.at(-1)!.neverInGrace, false)
  await ask('PUT', `/clients/${CALL.provider}/tracker`, {}, { role: 'XROAD_SERVICE_ADMINISTRATOR' })
  questions.length = 0
  await ask('POST', '/explanation', { ...ASKED, serviceCode: 'findUsage', response: '{}' })
  t.strictSame(
    questions.map(({ neverInGrace }) => neverInGrace),
    [true, true],
    'what speaks for people has no grace, and the explanation says so',
  )

  const audit = JSON.stringify(await auditOf(ask))
  t.match(audit, 'explainMessage', 'that somebody tried is on record')
  t.notMatch(audit, /38001010000|mother/, 'what they tried is not')
})

t.test('whom a call may represent', async (t) => {
  let representation: RecordTerms['representation']
  const { ask } = await createAdminWorld(t, {
    contractFor: () => ({ contract: 'c0ffee/2', ...(representation && { representation }) }),
  })
  const attempt = async (sample: object): Promise<Explained['steps'][number] | undefined> => {
    const { body } = await ask('POST', '/explanation', { ...ASKED, ...sample })
    return (body as Explained).steps.find(({ step }) => step === 'representation')
  }
  const sample = { representedParty: 'COM/38001010000', userId: 'EE38302250123' }
  await ask('POST', '/clients', { id: CALL.provider })
  t.equal(await attempt({}), undefined)
  t.match(await attempt(sample), { state: 'good', what: /as asserted/ })
  t.match(await attempt({ representedParty: 'a/b/c' }), { state: 'bad', what: /malformed/ })
  representation = { check: 'none' }
  t.match(await attempt({}), { state: 'good', what: /represents nobody; else the contract lets nobody/ })
  t.match(await attempt(sample), { state: 'bad', what: /c0ffee\/2/, remedy: /Leave out/ })
  representation = { check: 'hostingMandate' }
  t.match(
    await attempt(sample),
    { state: 'bad', what: /could not be learned/ },
    'no list of the registry yet',
  )
  representation = { check: 'mandateService', service: 'oracle', delegate: 'user', roles: ['A:B'] }
  t.match(await attempt({ representedParty: 'COM/1' }), { state: 'bad', what: /names none/ })
  t.match(await attempt(sample), { state: 'bad', what: /settings/, remedy: /mandateServices/ })
  const audit = JSON.stringify(await auditOf(ask))
  t.notMatch(audit, /38001010000|38302250123/, 'whom they tried is not on record')
})

t.test('an observer learns nothing of a secret contract', async (t) => {
  let terms: RecordTerms = { contract: 'c0ffee/2', fields: { response: fieldRule(['/name']) } }
  let fault: Fault | undefined
  const { ask } = await createAdminWorld(t, {
    contractFor: () => {
      if (fault !== undefined) throw fault
      return terms
    },
  })
  await ask('POST', '/clients', { id: CALL.provider })
  const role = 'XROAD_SECURITYSERVER_OBSERVER'
  const response = '{"name":"A","code":"1"}'
  const tried = async (of: { role?: string } = { role }): Promise<Explained> =>
    (await ask('POST', '/explanation', { ...ASKED, response }, of)).body as Explained
  const explained = async (of: { role?: string } = { role }): Promise<Explained> =>
    (await ask('GET', `/explanation?${new URLSearchParams(ASKED)}`, undefined, of)).body as Explained
  t.match(await tried(), { contract: 'c0ffee/2', response: { fields: ['/code'] } }, 'one that is not secret')
  terms = { ...terms, secrecy: 1 }
  t.match(await tried({}), { contract: 'c0ffee/2', response: { fields: ['/code'] } }, 'who manages contracts')
  const under = [await tried(), await explained()]
  terms = { contract: '' }
  const without = [await tried(), await explained()]
  const plain = (all: Explained[]) => JSON.stringify(all.map((one) => ({ ...one, at: '' })))
  t.equal(plain(under), plain(without), 'the same answers as without it')
  t.notMatch(plain(under), /c0ffee|name|\/code/)
  t.match(under[0], { verdict: 'bad', contract: '', response: undefined })
  t.match(
    under[0]!.steps.find(({ step }) => step === 'fields'),
    { state: 'unknown', remedy: /manages contracts/ },
  )
  t.match(JSON.stringify(await explained({})), /none is required, and none holds/)
  fault = new Fault('contract_suspended', { what: 'c0ffee-1/2, DEV/COM/4000/tax for DEV/GOV/1000/a/persons' })
  t.match(JSON.stringify(await explained({})), /c0ffee-1\/2, DEV/)
  t.match(JSON.stringify(await explained()), /\(DEV\/COM\/4000\/tax for/, 'why, and not which')

  // In an outage as well: the words are those of a call that no contract covers.
  const overdue = {
    code: 'global_conf_outdated',
    since: Date.parse('2026-03-01T12:00:00Z'),
    forMs: 1,
  } as const
  const contract = 'ba5eba11-0000-4000-8000-000000000000/3'
  fault = overdueFault(overdue, NONE_WITH_GRACE)
  const none = plain([await tried(), await explained()])
  t.match(none, /no contract with an outage grace covers the call/)
  for (const why of [
    say`the contract ${contract} grants no outage grace`,
    say`the outage grace of the contract ${contract}, ${3} h, is over`,
  ]) {
    fault = overdueFault(overdue, why)
    t.equal(plain([await tried(), await explained()]), none)
    t.match(JSON.stringify(await explained({})), /ba5eba11-/, 'who manages contracts is told')
  }
})

t.test('samples are held against the description of the service', async (t) => {
  const { ask } = await createAdminWorld(t)
  await ask('POST', '/clients', { id: CALL.provider })
  const body = (schema: object) => ({ content: { 'application/json': { schema } } })
  const post = {
    parameters: [{ name: 'trace', in: 'query', required: true, schema: { type: 'string' } }],
    requestBody: body({ required: ['id'] }),
    responses: { 200: body({ properties: { name: { type: 'string' } } }) },
  }
  const document = { openapi: '3.1.0', info: { title: 't', version: '1' }, paths: { '/persons': { post } } }
  const given = {
    type: 'OPENAPI',
    serviceCode: 'persons',
    url: 'http://127.0.0.1:1/',
    document: JSON.stringify(document),
  }
  const added = await ask('POST', `/clients/${CALL.provider}/service-descriptions`, given)
  t.equal(added.status, 201)
  const attempt = async (sample: object) => {
    const { steps } = (await ask('POST', '/explanation', { ...ASKED, ...sample })).body as Explained
    return steps.filter(({ step }) => step.endsWith('Description'))
  }
  t.match(await attempt({ request: '{"id":1}', response: '{"name":"A"}' }), [
    { step: 'requestDescription', state: 'good', what: 'the request is as described' },
    { step: 'responseDescription', state: 'good' },
  ])
  const wrong = { request: '{}', response: '{"name":1}' }
  t.match(await attempt(wrong), [
    { state: 'good', what: /body \/id: required; nobody checks that \(validate NONE\)$/ },
    { state: 'good', what: /body \/name: type string; nobody/ },
  ])
  const { services } = added.body as { services: { id: number }[] }
  const at = `/services/${services[0]!.id}`
  for (const wrong of [{ validate: 'SOME' }, { validate: '' }, { validateAll: true }])
    t.equal((await ask('PATCH', at, wrong)).status, 400, JSON.stringify(wrong))
  t.match((await ask('GET', at)).body, { validate: 'NONE' })
  t.match(await ask('PATCH', at, { validate: 'REQUESTS', validateAll: true }), {
    status: 200,
    body: { validate: 'REQUESTS' },
  })
  t.match(await attempt(wrong), [
    { state: 'bad', remedy: /correct/ },
    { state: 'good', what: /validate REQUESTS/ },
  ])
  t.match(await attempt({ response: '{}', status: 404 }), [{ what: /status 404: it is not described/ }])
  t.match(await attempt({ request: '<a/>' }), [{ state: 'bad', what: /another protocol/ }])
  const plain = { type: 'REST', serviceCode: 'plain', url: 'http://127.0.0.1:1/' }
  const rest = (await ask('POST', `/clients/${CALL.provider}/service-descriptions`, plain))
    .body as typeof added.body & {
    services: { id: number }[]
  }
  t.match(
    await ask('PATCH', `/services/${rest.services[0]!.id}`, { validate: 'ALL' }),
    { status: 409 },
    'no document',
  )
  const acts = (await auditOf(ask)).filter(({ operation }) => operation === 'updateService')
  t.match(JSON.stringify(acts), '"validate":"REQUESTS"', 'the setting is on record')
  t.strictSame(await attempt({}), [])
  t.notMatch(JSON.stringify(await auditOf(ask)), /"name\\":1/, 'what was tried is not on record')
})

t.test('what is no question', async (t) => {
  const { ask } = await createAdminWorld(t)
  t.match(await ask('POST', '/explanation', ASKED), { status: 404 }, 'neither is a client here')
  await ask('POST', '/clients', { id: CALL.provider })
  for (const bad of [
    CALL,
    { ...ASKED, path: 'a' },
    { ...ASKED, path: '/a/../b' },
    { ...ASKED, method: 'get' },
    { ...ASKED, request: {} },
    { ...ASKED, request: 'x'.repeat(262_145) },
    { ...ASKED, consumer: 'DEV:COM:4000' },
    { ...ASKED, more: 1 },
  ])
    t.equal((await ask('POST', '/explanation', bad)).status, 400, JSON.stringify(bad).slice(0, 200))
})
