/** The form of Estonia's consent service, to its fields, statuses and codes. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Consent, ConsentDemand } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { openConsents } from './consents-fixture.ts'
import { isEstonianCode } from './estonian-code.ts'

const CLIENT = parseSubsystemId('DEV/GOV/5678/client')
const OTHER = parseSubsystemId('DEV/GOV/5678/other')
const OWN = parseSubsystemId('DEV/GOV/1234/other')
/** Of the country's own demonstrations. */
const PERSON = '60001017869'
const CHILD = '39901012239'
const NOW = Date.now()
const now = { at: NOW }
const content = contentAt(NOW, {
  ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
  consumers: { subsystems: ['DEV/GOV/5678/client'] },
  services: [
    {
      serviceCode: 'persons',
      endpoints: [{ method: 'GET', path: '/persons/*' }],
      dataSubject: { in: 'path', name: 'id' },
    },
  ],
  consent: {
    proof: 'login',
    kinds: ['once', 'standing'],
    maxDays: 30,
    dataLife: { unit: 'month', value: 6 },
  },
})
const purposes = { purposeDeclarationBusinessIdentifiers: [content.contract] }
const callback = 'https://tax.example/back'
type Ask = Awaited<ReturnType<typeof openConsents>>['ask']

async function give(t: Test, ask: Ask, userId: string, token?: string): Promise<string> {
  const { demands } = (await ask('GET /v1/demands')).body as { demands: ConsentDemand[] }
  const { status, body } = await ask('POST /v1/consents', {
    userId,
    body: {
      ...{ contract: content.contract, client: 'DEV:GOV:5678:client', demand: demands[0]!.demand },
      ...{ kind: 'standing', shown: { language: 'et', textHash: 'ab'.repeat(32) } },
      ...(token && { token }),
    },
  })
  t.equal(status, 201)
  return (body as Consent).number
}
const tokenIn = ({ body }: { body: { url: string } }): string => /\/([A-Za-z0-9_-]{43})/.exec(body.url)![1]!

await t.test('asked, given, found, judged, reported, and no more in force', async (t) => {
  const { ask, rooms, store } = await openConsents(t, { now, contracts: [{ content, joined: [] }] })
  const by = (line: string, body?: object, client = CLIENT) =>
    ask(line, { client, userId: '', ...(body && { body }) }) as Promise<{ status: number; body: object }>
  const nothing = await by('POST /api/consent/reference', { ...purposes, idCode: PERSON })
  t.match(nothing, { status: 404, body: { code: 'HTTP_NOT_FOUND' } })
  const asked = await by('POST /api/consent', { ...purposes, idCode: PERSON, callback })
  t.equal(asked.status, 200)
  t.same(Object.keys(asked.body).sort(), ['consentGroupReference', 'url'])
  const { consentGroupReference: request } = asked.body as { consentGroupReference: string }
  const consentReference = await give(t, ask, `EE${PERSON}`, tokenIn(asked as never))
  const row = (await rooms.requests.byId(request))!
  t.equal(row.number, consentReference)
  t.notMatch(
    JSON.stringify([row, await store.byNumber(consentReference)]),
    new RegExp(PERSON),
    'sealed at rest',
  )

  for (const idCode of [PERSON, `EE${PERSON}`])
    t.strictSame((await by('POST /api/consent/reference', { ...purposes, idCode })).body, {
      [content.contract]: consentReference,
    })
  t.match(await by('POST /api/consent', { ...purposes, idCode: PERSON, callback }), {
    ...{ status: 500, body: { code: 'ALL_REQUESTED_CONSENTS_HAVE_ALREADY_BEEN_APPROVED' } },
  })
  const head = { consentReference, idCode: PERSON }
  const consentExpiration = (await store.byNumber(consentReference))!.valid_until
  const path = '/api/consent/validation'
  const query = `?consentReference=${consentReference}`
  const toClient = { ...head, consentExpiration, purposeDeclarationId: content.contract }
  t.strictSame((await by(`GET ${path}/client${query}`)).body, toClient)
  t.strictSame((await by(`POST ${path}/client`, { consentReference })).body, toClient)
  t.strictSame((await by(`GET ${path}/dataprovider${query}`, undefined, OWN)).body, {
    ...{ ...head, consentExpiration, clientSubsystemIdentifier: 'DEV/GOV/5678/client' },
    serviceDeclarationId: content.contract,
  })
  for (const [line, client] of [
    [`GET ${path}/client${query}`, OTHER],
    [`GET ${path}/dataprovider${query}`, CLIENT],
    [`GET ${path}/client?consentReference=${randomUUID()}`, CLIENT],
    [`GET ${path}/client${query}&idCode=${CHILD}`, CLIENT],
  ] as const)
    t.match(await by(line, undefined, client), { status: 404, body: { code: 'HTTP_NOT_FOUND' } }, line)
  t.match(await by(`GET ${path}/client${query}&idCode=${CHILD}&idCode=${PERSON}`), {
    ...{ status: 400, body: { code: 'VALIDATION' } },
  })
  const report = { consentReference, transmissionTimestamp: '2026-06-01T12:00:00Z' }
  t.strictSame((await by('POST /api/reporting/consent', report, OWN)).body, { response: 'success' })
  t.equal((await by('POST /api/reporting/consent', report)).status, 404)

  await ask(`POST /v1/consents/${consentReference}/withdraw`, { userId: `EE${PERSON}` })
  t.match(await by(`GET ${path}/client${query}`), {
    ...{ status: 500, body: { code: 'CONSENT_VALIDATE_INVALID_STATUS' } },
  })
  const plain = await give(t, ask, 'EEP2')
  const filter = (consentStatus: string[], client = CLIENT) =>
    by(
      'POST /api/consent/filter-by-status',
      { consentStatus, consentReferences: [consentReference, plain, 'no-reference'] },
      client,
    )
  const declined = { ...toClient, consentStatus: 'DECLINED' }
  t.strictSame((await filter(['INVALID'])).body, { consent: [declined], invalidConsents: ['no-reference'] })
  const valid = (await filter(['VALID'])).body as { consent: object[] }
  t.match(valid.consent, [{ consentReference: plain, consentStatus: 'APPROVED' }])
  t.notOk('idCode' in valid.consent[0]!, 'whoever was not asked in this form has no code here')
  const both = (await filter(['VALID', 'INVALID'])).body as { consent: object[] }
  t.equal(both.consent.length, 2)
  t.strictSame((await filter(['VALID'], OTHER)).body, {
    ...{ consent: [], invalidConsents: [consentReference, plain, 'no-reference'] },
  })
  const many = Array.from({ length: 5000 }, () => randomUUID())
  const none = await by('POST /consent/filter-by-status', {
    consentStatus: ['VALID'],
    consentReferences: many,
  })
  t.equal((none.body as { invalidConsents: string[] }).invalidConsents.length, 5000)
})

await t.test('a version that asks for something else: the person is asked anew', async (t) => {
  const contracts = [{ content, joined: [] }]
  const { ask } = await openConsents(t, { now, contracts })
  const by = (path: string, body: object) =>
    ask(`POST ${path}`, { client: CLIENT, userId: '', body }) as Promise<{ status: number; body: object }>
  const person = { ...purposes, idCode: PERSON }
  const consentReference = await give(t, ask, `EE${PERSON}`)
  const reference = () => by('/api/consent/reference', person)
  const filter = async () => {
    const asked = { consentStatus: ['VALID', 'INVALID'], consentReferences: [consentReference] }
    const { body } = await by('/api/consent/filter-by-status', asked)
    return (body as { consent: { consentStatus: string }[] }).consent[0]!.consentStatus
  }
  contracts[0] = { content: { ...content, version: content.version + 1 }, joined: [] }
  t.strictSame((await reference()).body, { [content.contract]: consentReference }, 'the same is asked for')
  t.equal(await filter(), 'APPROVED')

  const purpose = `${content.purpose}, and statistics`
  contracts[0] = { content: { ...content, version: content.version + 2, purpose }, joined: [] }
  t.equal((await reference()).status, 404)
  t.match(await by('/api/consent/validation/client', { consentReference }), {
    ...{ status: 500, body: { code: 'CONSENT_VALIDATE_INVALID_STATUS' } },
  })
  t.equal(await filter(), 'INAPPLICABLE')
  const asked = await by('/api/consent', { ...person, callback })
  t.equal(asked.status, 200)
  const number = await give(t, ask, `EE${PERSON}`, tokenIn(asked as never))
  t.strictSame((await reference()).body, { [content.contract]: number })

  contracts.length = 0
  t.equal((await reference()).status, 404, 'nothing is asked for')
})

await t.test(
  'the codes of those alone that are answered are opened, and others are served meanwhile',
  async (t) => {
    const { ask, rooms, store } = await openConsents(t, { now, contracts: [{ content, joined: [] }] })
    const row = (await store.byNumber(await give(t, ask, 'EEP3')))!
    const { codes } = rooms
    const add = async (i: number, sealed?: string): Promise<string> => {
      const [number, request] = [randomUUID(), randomUUID()]
      await rooms.requests.add({
        ...{ request, token_hash: request, subsystem: row.subsystem, client: row.client },
        ...{ contract: row.contract, person: `person ${i}`, return_url: callback, asked_at: row.given_at },
        ...{ valid_until: row.valid_until, state: 'REQUESTED', number: null },
        code: sealed ?? (await codes.seal(request, `${i}`)),
      })
      await store.add({ ...row, number, person: `person ${i}` }, { record: 1, request })
      return number
    }
    const numbers: string[] = []
    for (let i = 0; i < 250; i++) numbers.push(await add(i))
    for (const number of numbers.slice(200)) await store.withdraw(number, { at: row.given_at, record: 2 })
    const filter = async () => {
      const asked = { consentStatus: ['VALID'], consentReferences: numbers }
      return (await ask('POST /api/consent/filter-by-status', {
        client: CLIENT,
        userId: '',
        body: asked,
      })) as {
        status: number
        body: { consent: { idCode?: string }[] }
      }
    }

    let [opened, inTurn, most] = [0, 0, 0]
    rooms.codes = {
      ...codes,
      open(request, sealed) {
        opened += 1
        inTurn += 1
        most = Math.max(most, inTurn)
        return codes.open(request, sealed)
      },
    }
    let goesOn = true
    const turn = (): void => {
      inTurn = 0
      if (goesOn) setImmediate(turn)
    }
    turn()
    const { body } = await filter()
    goesOn = false
    t.same(
      new Set(body.consent.map(({ idCode }) => idCode)),
      new Set(Array.from({ length: 200 }, (_, i) => `${i}`)),
    )
    t.equal(opened, 200)
    t.ok(most <= 100, `${most} in one turn of the event loop`)

    numbers.splice(0, 250, await add(250, 'AAAA'))
    t.notOk('idCode' in (await filter()).body.consent[0]!, 'what cannot be read is left out')
    rooms.codes = { ...codes, open: () => Promise.reject(new Fault('delivery_key_missing')) }
    t.ok((await filter()).status >= 500, 'and where it cannot be read now, that is said')
  },
)

await t.test('for a child, and what is refused by which code', async (t) => {
  const { ask } = await openConsents(t, { now, contracts: [{ content, joined: [] }] })
  const by = (path: string, body: object, client = CLIENT) =>
    ask(`POST ${path}`, { client, userId: '', body }) as Promise<{ status: number; body: { code: string } }>
  const persons = { representativeIdCode: PERSON, representeeIdCode: CHILD }
  const forChild = { ...persons, ...purposes, relationType: 'CHILD', callback }
  const asked = await by('/api/consent/representation', forChild)
  t.equal(asked.status, 200)
  const token = tokenIn(asked as never)
  const page = (more: object) =>
    ask(`GET /v1/asked/${token}?userCode=EE${CHILD}`, { userId: `EE${PERSON}`, ...more })
  t.equal((await page({ represented: CHILD })).status, 200, 'a parent sees it who may act for the child')
  t.equal((await page({})).status, 403)
  t.equal(
    (await ask(`GET /v1/asked/${token}`, { userId: `EE${PERSON}` })).status,
    404,
    'it is about the child',
  )
  const one = { ...purposes, idCode: PERSON, callback }
  const filter = { consentStatus: ['VALID'], consentReferences: [randomUUID()] }
  const cases: [string, object, number, string, typeof CLIENT?][] = [
    ['/api/consent/representation', { ...forChild, relationType: 'SPOUSE' }, 400, 'RELATION_TYPE_INVALID'],
    ['/api/consent/representation', { ...forChild, representativeIdCode: '' }, 400, 'VALIDATION'],
    ['/api/consent', { ...one, idCode: '60001017860' }, 500, 'ID_CODE_INVALID'],
    ['/api/consent', { ...one, idCode: '6000101786' }, 500, 'ID_CODE_INVALID'],
    ['/api/consent', { ...one, idCode: 'X0001017869' }, 500, 'ID_CODE_INVALID'],
    ['/api/consent', { ...one, idCode: undefined }, 400, 'VALIDATION'],
    ['/api/consent', { ...one, callback: 'javascript:alert(1)' }, 400, 'VALIDATION'],
    ['/api/consent', one, 404, 'REQUESTED_CONSENTS_NOT_RELATED_TO_ANY_DECLARATIONS', OTHER],
    [
      '/api/consent',
      { ...one, purposeDeclarationBusinessIdentifiers: ['ED_KAKS'] },
      ...([404, 'REQUESTED_CONSENTS_NOT_RELATED_TO_ANY_DECLARATIONS'] as [number, string]),
    ],
    ['/api/consent/filter-by-status', { ...filter, consentStatus: ['SOME'] }, 400, 'VALIDATION'],
    ['/api/consent/filter-by-status', { ...filter, consentReferences: [] }, 400, 'VALIDATION'],
    ['/api/consent/filter-by-status', { ...filter, consentReferences: [7] }, 400, 'VALIDATION'],
    [
      '/api/consent/filter-by-status',
      { ...filter, consentReferences: Array.from({ length: 5001 }, () => 'x') },
      ...([400, 'VALIDATION'] as [number, string]),
    ],
  ]
  for (const [path, body, status, code, client] of cases)
    t.match(await by(path, body, client), { status, body: { code } }, `${path} ${code}`)
  for (const code of [PERSON, CHILD, '60001019906', '61204040018']) t.ok(isEstonianCode(code), code)
  t.notOk(isEstonianCode('60001019907'))
})
