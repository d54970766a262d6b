/**
 * The register: who may give, pass on, take back and give up which mandate; what it tells whom; what it
 * keeps.
 */
import t from 'tap'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import {
  BOOKKEEPERS,
  CHILD,
  COMPANY,
  FRIEND,
  MOTHER,
  PAASUKE,
  type Reply,
  SOLE,
  startRegister,
  WORKER,
} from './mandates-fixture.ts'

const kindOf = ({ status, body }: Reply): string => {
  const [problem] = Array.isArray(body) ? (body as { type?: string }[]) : []
  return problem?.type === undefined ? `${status}` : `${status} ${problem.type.split(':').at(-1)}`
}
const [mother, child, friend, worker] = [MOTHER, CHILD, FRIEND, WORKER].map(
  ({ identifier }) => identifier,
) as [string, string, string, string]
const company = COMPANY.identifier
const between = (representee: string, delegate: string): string =>
  `/representees/${representee}/delegates/${delegate}/mandates`

t.test('registrars tell facts, and these give rights', async (t) => {
  const register = await startRegister(t)
  const { ask, give, tell } = register
  await tell(CHILD, MOTHER, 'FAMILY:PARENT')
  t.match(await ask('GET', `/delegates/${mother}/representees?ns=FAMILY`), { status: 200, body: [CHILD] })
  t.match(await ask('GET', `/representees/${child}/delegates?role=FAMILY:PARENT&ns=OTHER`), {
    body: [MOTHER],
  })
  t.match(await ask('GET', `${between(child, mother)}?ns=FAMILY`), {
    body: {
      representee: CHILD,
      delegate: MOTHER,
      mandates: [{ role: 'FAMILY:PARENT', subDelegable: false }],
    },
  })
  const stranger = await ask('GET', `${between('EE60001019906', friend)}?ns=FAMILY`)
  t.strictSame(stranger.body, {
    representee: { type: 'UNKNOWN', identifier: 'EE60001019906' },
    delegate: { type: 'UNKNOWN', identifier: friend },
    mandates: [],
  })
  t.strictSame((await ask('GET', `/delegates/${friend}/representees/mandates`)).body, [])
  t.equal(kindOf(await ask('GET', `/delegates/${mother}/representees`)), '400 roleMissing')
  t.equal(
    kindOf(await give(mother, CHILD, FRIEND, { role: 'FAMILY:PARENT' })),
    '403 notAllowed',
    'facts are told',
  )
  t.equal(kindOf(await give(friend, CHILD, FRIEND, { role: 'TRACKER:VIEWER' })), '403 notAllowed')
  t.equal(kindOf(await give(undefined, CHILD, FRIEND, { role: 'TRACKER:VIEWER' })), '403 notAllowed')
  t.equal(
    (await give(mother, CHILD, FRIEND, { role: 'TRACKER:VIEWER' })).status,
    201,
    'who acts for the child may',
  )
  const answer = await ask('GET', `${between(child, friend)}?role=TRACKER:VIEWER`)
  t.match(
    answer.body,
    { delegate: FRIEND, mandates: [{ role: 'TRACKER:VIEWER' }] },
    'with the name that was written',
  )
  t.equal(kindOf(await give(mother, CHILD, FRIEND, { role: 'TRACKER:VIEWER' })), '422 mandateExists')
  const other = { ...MOTHER, firstName: 'Kari' }
  t.equal(
    kindOf(await give(friend, FRIEND, other, { role: 'TRACKER:VIEWER' })),
    '422 personUnfit',
    'a wrong name',
  )
  t.equal(
    kindOf(await give(friend, FRIEND, { ...MOTHER, type: 'LEGAL_PERSON' }, { role: 'TRACKER:VIEWER' })),
    '400 identifierWrong',
  )
  const { firstName: _, ...nameless } = WORKER
  t.equal(kindOf(await give(friend, FRIEND, nameless, { role: 'TRACKER:VIEWER' })), '422 nameMissing')
  t.equal(
    kindOf(await give(friend, FRIEND, FRIEND, { role: 'TRACKER:VIEWER' })),
    '422 personUnfit',
    'oneself',
  )
  t.equal(kindOf(await give(friend, FRIEND, WORKER, { role: 'NO:ROLE' })), '422 roleUnknown')
  t.equal(kindOf(await give(friend, FRIEND, WORKER, { role: 'PRIA:CUSTOMER' })), '403 notAllowed', 'hidden')
  t.equal(kindOf(await give(friend, FRIEND, WORKER, { role: 'PRIA:FIELDS' })), '403 notAllowed')
  await tell(COMPANY, FRIEND, 'PRIA:CUSTOMER')
  t.equal(
    (await give(friend, FRIEND, WORKER, { role: 'PRIA:FIELDS' })).status,
    201,
    'who holds what it needs',
  )
  t.equal(
    kindOf(
      await ask('POST', between(friend, worker), {
        user: friend,
        party: child,
        json: { representee: FRIEND, delegate: WORKER, mandate: { role: 'TRACKER:VIEWER' } },
      }),
    ),
    '403 notAllowed',
    'a client that names another party',
  )
})

t.test('a company, its bookkeepers and their employee', async (t) => {
  const { ask, give, tell } = await startRegister(t)
  await tell(COMPANY, MOTHER, SOLE)
  await tell(BOOKKEEPERS, FRIEND, SOLE)
  const books = BOOKKEEPERS.identifier
  const given = await give(mother, COMPANY, BOOKKEEPERS, {
    ...{
      role: 'EMTA:ACCOUNTANT',
      canSubDelegate: true,
      validityPeriod: { from: '2026-01-01', through: '2044-12-31' },
    },
  })
  t.equal(given.status, 201)
  const at = `${between(company, books)}/${given.id}`
  t.match(given.body, { links: { delete: at, addSubDelegate: `${at}/subdelegates` } })
  const pass = (user: string, more: object = {}, where = at): Promise<Reply> =>
    ask('POST', `${where}/subdelegates`, { user, json: { subDelegate: WORKER, ...more } })
  t.equal(kindOf(await pass(mother)), '403 notAllowed', 'who gave it does not pass it on')
  t.equal(kindOf(await pass(friend, { validityPeriod: { through: '2045-01-01' } })), '422 periodWrong')
  t.equal(kindOf(await pass(friend, { subDelegate: COMPANY })), '422 personUnfit')
  t.equal(kindOf(await pass(friend, { subDelegate: FRIEND })), '422 personUnfit', 'nor to themself')
  const passed = await pass(friend, { validityPeriod: { through: '2030-12-31' } })
  t.match(passed, { status: 200, body: { subDelegatorIdentifier: books, subDelegable: false } })
  const { id } = passed.body as { id: string }
  t.equal(
    kindOf(await pass(worker, { subDelegate: CHILD }, `${between(company, worker)}/${id}`)),
    '422 notSubDelegable',
  )
  t.equal(
    kindOf(await pass(friend, {}, `${between(company, worker)}/${given.id}`)),
    '422 mandateMissing',
    'of another',
  )
  t.match(await ask('GET', `/representees/${company}/delegates/mandates?subDelegatedBy=${books}`), {
    body: [
      {
        delegate: { identifier: worker },
        mandates: [{ validityPeriod: { from: '2026-01-01', through: '2030-12-31' } }],
      },
    ],
  })
  t.match(await ask('GET', `/representees/${company}/delegates/mandates?delegate=${books}&ns=EMTA`), {
    body: [{ mandates: [{ id: given.id }] }],
  })
  t.strictSame((await ask('GET', `/representees/${company}/delegates/mandates?ns=OTHER`)).body, [])

  const end = (user: string, action = 'DELETE', where = at): Promise<Reply> =>
    ask('PUT', where, { user, json: { action } })
  t.equal(kindOf(await end(worker)), '403 notAllowed')
  t.equal(kindOf(await end(mother, 'DELETE_WAIVE')), '403 notAllowed', 'who gave it does not hold it')
  t.equal(
    (await end(friend, 'DELETE', `${between(company, worker)}/${id}`)).status,
    200,
    'by who passed it on',
  )
  t.equal((await pass(friend)).status, 200)
  t.match(await end(mother, 'DELETE_WITHDRAW'), {
    status: 200,
    body: { deletedSubDelegatedMandates: [{ subDelegate: { identifier: worker, surname: 'Juurikas' } }] },
  })
  t.equal(kindOf(await end(mother)), '404 mandateMissing', 'once')
  t.strictSame(
    (await ask('GET', `/delegates/${worker}/representees?ns=EMTA`)).body,
    [],
    'what was passed on went with it',
  )
  await tell(BOOKKEEPERS, WORKER, SOLE)
  t.equal(
    (await ask('PUT', `${between(books, worker)}/x`, { user: worker, json: { action: 'DELETE' } })).status,
    400,
  )
})

t.test('what somebody holds may be given up, and what ends gives nothing', async (t) => {
  const { ask, give } = await startRegister(t)
  const viewer = { role: 'TRACKER:VIEWER' }
  const { id } = await give(mother, MOTHER, FRIEND, viewer)
  const end = (user: string, mandate: string, action = 'DELETE'): Promise<Reply> =>
    ask('PUT', `${between(mother, friend)}/${mandate}`, { user, json: { action } })
  t.equal(kindOf(await end(friend, id, 'DELETE_WITHDRAW')), '403 notAllowed')
  t.equal(kindOf(await end(friend, id, 'PROLONG')), '501 actionUnknown')
  t.equal((await end(friend, id, 'DELETE_WAIVE')).status, 200)
  t.match(await ask('GET', `${between(mother, friend)}?ns=TRACKER`), { body: { mandates: [] } })
  for (const validityPeriod of [
    { through: '2020-01-01' },
    { from: '2030-01-02', through: '2030-01-01' },
    { from: '2031-02-31' },
  ])
    t.equal(kindOf(await give(mother, MOTHER, FRIEND, { ...viewer, validityPeriod })), '422 periodWrong')
  const later = await give(mother, MOTHER, FRIEND, { ...viewer, validityPeriod: { from: '2090-01-01' } })
  t.equal(later.status, 201)
  t.match(await ask('GET', `/delegates/${friend}/representees/mandates`), {
    body: [{ mandates: [{ id: later.id }] }],
  })
  t.strictSame((await ask('GET', `/delegates/${friend}/representees?ns=TRACKER`)).body, [], 'not yet')
  t.equal(
    (await give(mother, MOTHER, FRIEND, { ...viewer, validityPeriod: { through: '2089-12-31' } })).status,
    201,
    'before it',
  )

  const help = await give(mother, MOTHER, FRIEND, { role: 'COUNTER:HELP' })
  const { validityPeriod } = help.body as { validityPeriod: { through: string } }
  const minutes = (Date.parse(validityPeriod.through) - Date.now()) / 60_000
  t.ok(minutes > 25 && minutes <= 30, 'a role may say how long')
  const long = {
    role: 'COUNTER:HELP',
    validityPeriod: { through: new Date(Date.now() + 3_600_000).toISOString() },
  }
  t.equal(kindOf(await give(mother, MOTHER, WORKER, long)), '422 periodWrong')
})

t.test('the word of Pääsuke counts, that of others does not', async (t) => {
  const { ask } = await startRegister(t)
  const authorizations = [{ userIdentifier: mother, hasRole: SOLE }]
  const document = { uuid: '5b72e01c-fa7f-479c-b014-cc19efe5b732', singleDelegate: true }
  const give = (client: string, role: string, more: object = { authorizations }): Promise<Reply> => {
    const json = { representee: COMPANY, delegate: FRIEND, mandate: { role }, ...more }
    return ask('POST', between(company, friend), { client, user: mother, json })
  }
  t.equal(kindOf(await give('EE/GOV/1/other', 'EMTA:ACCOUNTANT')), '403 notAllowed')
  t.equal(kindOf(await give('', 'EMTA:ACCOUNTANT')), '403 notAllowed', 'through no security server')
  t.equal(
    kindOf(
      await give(PAASUKE, 'EMTA:ACCOUNTANT', { authorizations: [{ userIdentifier: friend, hasRole: SOLE }] }),
    ),
    '403 notAllowed',
  )
  t.equal((await give(PAASUKE, 'EMTA:ACCOUNTANT')).status, 201)
  t.equal(kindOf(await give(PAASUKE, 'BANK:SIGNED')), '422 signatureMissing')
  t.equal((await give(PAASUKE, 'BANK:SIGNED', { authorizations, document })).status, 201)
  const own = { representee: MOTHER, delegate: FRIEND, mandate: { role: 'BANK:SIGNED' }, document }
  t.equal(
    kindOf(await ask('POST', between(mother, friend), { user: mother, json: own })),
    '422 signatureMissing',
    'of another client',
  )
})

t.test('roles, and since when they are so', async (t) => {
  const register = await startRegister(t)
  const { ask } = register
  const { status, body, headers } = await ask('GET', '/roles')
  const list = body as { code: string; hidden?: boolean; title?: object }[]
  t.equal(status, 200)
  t.match(
    list.find(({ code }) => code === 'EMTA:ACCOUNTANT'),
    { title: { et: 'Raamatupidaja' }, canSubDelegate: true, subDelegateType: ['NATURAL_PERSON'] },
  )
  t.strictSame(Object.keys(list.find(({ code }) => code === 'PRIA:CUSTOMER') ?? {}), [
    'code',
    'hidden',
    'modified',
  ])
  const since = async (time: string): Promise<number> =>
    (await ask('GET', '/roles', { headers: { 'if-modified-since': time } })).status
  t.equal(await since(String(headers['last-modified'])), 304)
  t.equal(await since('2090-10-18T17:32:28+02:00'), 304)
  t.equal(await since('2020-10-18T17:32:28+02:00'), 200)
  t.equal(await since('yesterday'), 200)
})

t.test('a restart keeps mandates; a role that went gives nothing; who did what is on record', async (t) => {
  const folder = t.testdir()
  const first = await startRegister(t, { folder })
  const { id } = await first.give(mother, MOTHER, FRIEND, { role: 'EMTA:ACCOUNTANT' })
  await first.give(mother, MOTHER, FRIEND, { role: 'TRACKER:VIEWER' })
  const before = await first.ask('GET', '/roles')
  await first.stop()
  const roles = (before.body as { code: string }[]).filter(({ code }) => code !== 'TRACKER:VIEWER')
  t.equal(roles.length, 7)
  const { ROLES } = await import('./mandates-fixture.ts')
  const second = await startRegister(t, {
    folder,
    settings: { roles: ROLES.filter(({ code }) => code !== 'TRACKER:VIEWER') },
  })
  t.match(await second.ask('GET', `${between(mother, friend)}?ns=EMTA&ns=TRACKER`), {
    body: { mandates: [{ id }] },
  })
  t.equal(
    ((await second.ask('GET', `/delegates/${friend}/representees/mandates`)).body as object[]).length,
    1,
  )
  t.match((await second.ask('GET', '/roles')).body, [
    { modified: (roles[0] as unknown as { modified: string }).modified },
  ])
  const database = await openDatabase(second.database)
  t.teardown(() => database.close())
  const audit = createAuditLog({ database, clock: Date.now })
  t.match(await audit.list({ limit: 10, target: `/mandates/${id}` }), [
    {
      operation: 'addMandate',
      caller: { name: mother },
      data: { by: 'NAT_REPRIGHT:SOLEREP', delegate: friend },
    },
  ])
  t.match(await audit.verify(), { records: 2 })
  t.notMatch(
    second.lines.join('') + first.lines.join(''),
    new RegExp(`${mother}|${friend}|Maasikas`),
    'no line says who',
  )
})

t.test('hostile input', async (t) => {
  const { ask, url } = await startRegister(t)
  const good = { representee: MOTHER, delegate: FRIEND, mandate: { role: 'TRACKER:VIEWER' } }
  const at = between(mother, friend)
  const bodies: unknown[] = [
    null,
    [],
    1,
    'text',
    {},
    { ...good, more: 1 },
    { ...good, mandate: {} },
    { ...good, delegate: { ...FRIEND, identifier: worker } },
    { ...good, mandate: { role: 'no colon' } },
    { ...good, mandate: { role: 'A:b\u0000' } },
    { ...good, mandate: { role: `A:${'x'.repeat(300)}` } },
    { ...good, delegate: { ...FRIEND, firstName: 'a\u202eb\u0007' } },
    { ...good, delegate: { ...FRIEND, firstName: '' } },
    { ...good, mandate: { role: 'TRACKER:VIEWER', validityPeriod: { through: '2026-13-01' } } },
    { ...good, mandate: { role: 'TRACKER:VIEWER', validityPeriod: { through: '+275760-09-13' } } },
    { ...good, mandate: { role: 'TRACKER:VIEWER', canSubDelegate: 'yes' } },
    { ...good, authorizations: Array.from({ length: 21 }, () => ({})) },
    { ...good, representee: { ...MOTHER, type: 'GOD' } },
  ]
  for (const json of bodies) {
    const { status, body } = await ask('POST', at, { user: mother, json })
    t.ok(status === 400 || status === 422, `${status} ${JSON.stringify(json).slice(0, 60)}`)
    t.match(body, [{ type: /^urn:concordat:mandates:/, translation: { et: /./ }, instance: /^urn:uuid:/ }])
  }
  t.equal(
    kindOf(await ask('POST', at, { user: mother, json: { ...good, x: 'x'.repeat(20_000) } })),
    '413 inputWrong',
  )
  for (const target of [
    '/delegates/..%2f..%2fetc/representees?ns=A',
    '/delegates/EE1%00/representees?ns=A',
    "/delegates/'%20or%201=1/representees?ns=A",
    '/delegates/%E2%80%AE/representees?ns=A',
    `/delegates/${'E'.repeat(300)}/representees?ns=A`,
    `/delegates/${mother}/representees?ns=A%25`,
    `/delegates/${mother}/representees?ns=A&other=1`,
    `/delegates/${mother}/representees/mandates?ns=A&ns=B`,
    '/delegates/11/representees?ns=A',
    `/delegates/${mother}/representees?${'ns=A&'.repeat(51)}`,
    `${at}?role=A:%00`,
  ]) {
    const { status } = await ask('GET', target)
    t.equal(status, 400, target)
  }
  for (const [method, target] of [
    ['DELETE', at],
    ['PUT', at],
    ['POST', '/roles'],
    ['GET', '/nowhere'],
  ] as const)
    t.match((await ask(method, target)).status, /^40[45]$/, `${method} ${target}`)
  const user = async (name: string): Promise<Reply> => ask('POST', at, { user: name, json: good })
  t.equal(kindOf(await user('EE1 or EE2')), '400 inputWrong')
  t.equal(
    kindOf(
      await ask('POST', at, {
        json: good,
        headers: { 'x-road-userid': mother, 'content-type': 'text/plain' },
      }),
    ),
    '400 inputWrong',
  )
  t.strictSame(
    (await ask('GET', `/delegates/${friend}/representees/mandates`)).body,
    [],
    'nothing came of any of it',
  )
  t.match((await ask('GET', '/openapi.json')).body, {
    info: { title: 'Who may act for whom' },
    servers: [{ url }],
  })
  t.notMatch(JSON.stringify((await ask('GET', '/openapi.json')).body), 'x-roles')
})
