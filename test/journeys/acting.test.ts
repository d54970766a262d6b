/**
 * The portal with a real register of mandates behind it: a parent acts for a child, a friend until the
 * mandate is taken back, a clerk at a counter for whoever is there. Who has no mandate, an expired, a foreign
 * or a withdrawn one, acts for nobody.
 */
import t, { type Test } from 'tap'
import { startRegister } from '#adapters/mandates/mandates-fixture.ts'
import { startPortal } from '#adapters/portal/portal-fixture.ts'
import { type Browser, CLIENT, openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { startPassingServer } from '../fakes/own-server.ts'
import { startUsageServer, tells } from '../fakes/usage-systems.ts'

const REGISTER = 'DEV/GOV/1003/register/mandates'
const POPULATION = { id: 'DEV/GOV/1001/population', name: 'Population register', owner: 'Population Agency' }
const NATURAL = { type: 'NATURAL_PERSON' }
const PARENT = { ...NATURAL, identifier: 'EEP00000042', firstName: 'Mari', surname: 'Maasikas' }
const CHILD = { ...NATURAL, identifier: 'EEP00000051', firstName: 'Juku', surname: 'Maasikas' }
const FRIEND = { ...NATURAL, identifier: 'EEP00000043', firstName: 'Jaak', surname: 'Jõeorg' }
const COMPANY = { type: 'LEGAL_PERSON', identifier: 'EEC00000001', legalName: 'Midvale Timber' }
const BOARD = 'BR_REPRIGHT:SOLEREP'
const CLERK = { ...NATURAL, identifier: 'EEK00000001', firstName: 'Kai', surname: 'Kask' }

async function open(t: Test) {
  const register = await startRegister(t, {
    settings: {
      identifiers: { naturalPerson: 'EE[PK][0-9]{8}', legalPerson: 'EEC[0-9]{8}' },
      registrars: [{ client: 'EE/GOV/70000310/rr', roles: ['FAMILY:*', BOARD] }],
    },
  })
  await register.tell(CHILD, PARENT, 'FAMILY:PARENT')
  await register.tell(COMPANY, PARENT, BOARD)
  const usages = await startUsageServer(t, [
    { ...POPULATION, answers: (asked, response) => tells(POPULATION, [])(asked, response) },
    { id: REGISTER.slice(0, REGISTER.lastIndexOf('/')), name: 'Mandates', owner: 'Business Agency' },
  ])
  const server = await startPassingServer(t, { services: { [REGISTER]: register.url }, others: usages.url })
  return { register, server, issuer: await startOpenIdProvider(t) }
}

/**
 * Who was asked, for whom, and by which mandate, of the newest question to the population register, or to
 * another.
 */
function newest(server: Awaited<ReturnType<typeof open>>['server'], of = '/usages'): object {
  const found = server.passed.findLast(({ target }) => target.includes(of))!
  const { searchParams } = new URL(found.target, 'http://x')
  return {
    about: searchParams.get('userCode'),
    user: found.headers['x-road-userid'],
    party: found.headers['x-road-represented-party'],
    mandate: found.headers['x-road-issue'],
  }
}

async function send(browser: Browser, base: string, at: string, fields: Record<string, string>) {
  const { text } = await browser.visit(`${base}/about`)
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(text) ?? []
  return browser.visit(base + at, { form: { csrf, ...fields } })
}

t.test('people act for others by mandates that hold, and for nobody else', async (t) => {
  const { register, server, issuer } = await open(t)
  const settings = {
    ...{ person: { claim: 'sub', pattern: '^([PK][0-9]{8})$', country: 'EE' }, asking: { perHour: 200 } },
    mandates: { service: REGISTER, roles: ['FAMILY:PARENT', 'TRACKER:VIEWER'] },
  }
  const { url, lines } = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings })
  const [parent, friend] = [openBrowser(t), openBrowser(t)]
  await parent.login(url, 'P00000042')
  await friend.login(url, 'P00000043')

  t.match((await parent.visit(`${url}/mandates/for`)).text, /For myself[\s\S]*For <bdi>Juku Maasikas<\/bdi>/)
  t.match((await friend.visit(`${url}/mandates/for`)).text, /names nobody for whom you may act/)
  await parent.visit(`${url}/`)
  t.strictSame(newest(server), {
    about: 'EEP00000042',
    user: 'EEP00000042',
    party: undefined,
    mandate: undefined,
  })
  t.equal((await send(parent, url, '/mandates/for', { person: CHILD.identifier })).headers['location'], '/')
  const page = (await parent.visit(`${url}/`)).text
  t.match(page, /class="acting"[^>]*><strong>You act for <bdi>Juku Maasikas<\/bdi>/)
  t.match(newest(server), {
    about: CHILD.identifier,
    user: 'EEP00000042',
    party: CHILD.identifier,
    mandate: /^[0-9a-f-]{36}$/,
  })
  t.match(
    (await parent.visit(`${url}/mandates`)).text,
    /You act for[\s\S]*I act for them[\s\S]*Juku Maasikas[\s\S]*A register told this/,
  )
  const saved = async (): Promise<object> =>
    JSON.parse((await parent.visit(`${url}/everything.json`)).text) as object
  const theirs = await saved()
  t.match(theirs, {
    ...{ by: { code: 'EEP00000042' }, for: { code: CHILD.identifier, name: 'Juku Maasikas' } },
    mandates: { register: REGISTER, given: [{ role: 'FAMILY:PARENT', delegate: { name: 'Mari Maasikas' } }] },
  })
  t.notMatch(JSON.stringify(theirs), /"held"|"notices"/, 'what is of nobody but them')
  await send(parent, url, '/mandates/for', { person: '' })
  await parent.visit(`${url}/`)
  t.match(newest(server), { about: 'EEP00000042', party: undefined }, 'for themself again')
  t.match(await saved(), {
    mandates: { given: [], held: [{ title: { et: 'Vanem' } }, { representee: { name: 'Midvale Timber' } }] },
  })

  for (const person of [CHILD.identifier, 'EEP99999999', '../..', 'EEP00000043', "'", 'x'.repeat(5_000)]) {
    const { status, text } = await send(friend, url, '/mandates/for', { person })
    t.strictSame([status, /You may not act for this person/.test(text)], [403, true], person.slice(0, 20))
  }
  const own = { identifier: FRIEND.identifier, firstName: 'Jaak', surname: 'Jõeorg' }
  const give = (fields: Record<string, string>) =>
    send(parent, url, '/mandates/give', { role: 'TRACKER:VIEWER', ...fields })
  for (const wrong of [
    {},
    { ...own, identifier: '..' },
    { ...own, role: 'FAMILY:PARENT' },
    { ...own, through: '2026-02-31x' },
    { ...own, through: '2020-01-01' },
    { ...own, surname: '\u202e' },
  ])
    t.equal((await give(wrong)).headers['location'], '/mandates?done=refused', JSON.stringify(wrong))
  t.equal((await give(own)).headers['location'], '/mandates?done=given')
  const given = (await parent.visit(`${url}/mandates?done=given`)).text
  t.match(given, /The mandate is given[\s\S]*They act for me[\s\S]*Jaak Jõeorg[\s\S]*Take back/)

  await send(friend, url, '/mandates/for', { person: PARENT.identifier })
  t.match((await friend.visit(`${url}/`)).text, /You act for <bdi>Mari Maasikas/)
  server.isDown.add(REGISTER)
  const away = await friend.visit(`${url}/`)
  t.strictSame([away.status, /does not answer/.test(away.text)], [502, true], 'fail closed')
  server.isDown.delete(REGISTER)
  t.match((await friend.visit(`${url}/`)).text, /You act for <bdi>Mari Maasikas/)
  const [, id = ''] = /name="id" value="([^"]+)"/.exec(given) ?? []
  const end = { id, other: FRIEND.identifier, act: 'withdraw' }
  t.equal(
    (await send(friend, url, '/mandates/end', { ...end, other: PARENT.identifier })).headers['location'],
    '/mandates?done=refused',
  )
  t.equal((await send(parent, url, '/mandates/end', end)).headers['location'], '/mandates?done=ended')
  const asked = server.passed.length
  const over = await friend.visit(`${url}/everything.json`)
  t.strictSame([over.status, /The mandate has ended/.test(over.text)], [403, true])
  t.notMatch(
    JSON.stringify(server.passed.slice(asked).map(({ target }) => target)),
    'usages',
    'nobody was asked about her',
  )
  await friend.visit(`${url}/`)
  t.match(newest(server), { about: 'EEP00000043', party: undefined })

  await give(own)
  await send(friend, url, '/mandates/for', { person: PARENT.identifier })
  const [, held = ''] = /name="id" value="([^"]+)"/.exec((await friend.visit(`${url}/mandates`)).text) ?? []
  const waived = await send(friend, url, '/mandates/end', {
    id: held,
    other: PARENT.identifier,
    act: 'waive',
  })
  t.equal(waived.headers['location'], '/mandates?done=ended')
  t.equal((await friend.visit(`${url}/`)).status, 403, 'who gave it up acts no more')
  const crossed = await friend.visit(`${url}/mandates/for`, { form: { csrf: 'wrong', person: '' } })
  t.equal(crossed.status, 403)
  t.notMatch(lines.join('') + register.lines.join(''), /P0000004|Maasikas/, 'no line says who')
})

t.test('a member of the board acts for the company, and gives its mandates', async (t) => {
  const { server, issuer } = await open(t)
  const { url } = await startPortal(t, {
    ...{ server: server.url, issuer, client: CLIENT },
    settings: {
      ...{ person: { claim: 'sub', pattern: '^([PK][0-9]{8})$', country: 'EE' }, asking: { perHour: 200 } },
      mandates: { service: REGISTER, roles: [BOARD] },
    },
  })
  const board = openBrowser(t)
  await board.login(url, 'P00000042')
  t.equal((await board.visit(`${url}/mandates/of`)).headers['location'], '/mandates/for', 'not for nobody')
  await send(board, url, '/mandates/for', { person: COMPANY.identifier })
  t.match((await board.visit(`${url}/`)).text, /You act for <bdi>Midvale Timber/)
  const both = { user: PARENT.identifier, party: COMPANY.identifier, mandate: /^[0-9a-f-]{36}$/ }
  t.match(newest(server), { about: COMPANY.identifier, ...both })
  t.match((await board.visit(`${url}/mandates`)).text, /href="\/mandates\/of">Who may act for Midvale Timber/)
  const give = (fields: object) =>
    send(board, url, '/mandates/of/give', { role: 'EMTA:ACCOUNTANT', ...fields })
  t.equal((await give(FRIEND)).headers['location'], '/mandates/of?done=given')
  t.match(newest(server, '/delegates/EEP00000043/mandates'), both)
  t.match((await board.visit(`${url}/mandates/of`)).text, /Jaak Jõeorg[\s\S]*Take back/)
  const firm = { type: 'LEGAL_PERSON', identifier: 'EEC00000002', legalName: 'Books and Sons' }
  t.equal((await give(firm)).headers['location'], '/mandates/of?done=given')
  t.equal(
    (await give({ ...FRIEND, role: 'TRACKER:VIEWER' })).headers['location'],
    '/mandates/of?done=refused',
  )
  // A form that was shown for the company does nothing for the person.
  const { text } = await board.visit(`${url}/mandates/of`)
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(text) ?? []
  await send(board, url, '/mandates/for', { person: '' })
  t.equal((await board.visit(`${url}/mandates/of/give`, { form: { csrf, ...FRIEND } })).status, 403)
})

t.test('a clerk at a counter acts for whoever confirmed it, and both are named', async (t) => {
  const { register, server, issuer } = await open(t)
  const counter = { claim: 'name', value: 'Person K00000001' }
  const { url } = await startPortal(t, {
    ...{ server: server.url, issuer, client: CLIENT },
    settings: {
      ...{ person: { claim: 'sub', pattern: '^([PK][0-9]{8})$', country: 'EE' }, counter },
      mandates: { service: REGISTER, roles: ['COUNTER:HELP'] },
    },
  })
  const clerk = openBrowser(t)
  t.match((await clerk.login(url, 'P00000043')).text, /did not confirm who you are/, 'who is no clerk')
  await clerk.login(url, 'K00000001')
  t.equal((await clerk.visit(`${url}/`)).headers['location'], '/mandates/for', 'never for themself')
  t.equal((await clerk.visit(`${url}/mandates`)).headers['location'], '/mandates/for')
  t.match(
    (await clerk.visit(`${url}/mandates/for`)).text,
    /Your number[\s\S]*EEK00000001[\s\S]*Nobody has given you a mandate/,
  )
  t.notMatch((await clerk.visit(`${url}/about`)).text, 'class="menu"', 'nothing that leads back here')
  const { id } = await register.give(PARENT.identifier, PARENT, CLERK, { role: 'COUNTER:HELP' })
  t.match((await clerk.visit(`${url}/mandates/for`)).text, /For <bdi>Mari Maasikas/)
  t.notMatch((await clerk.visit(`${url}/mandates/for`)).text, /For myself/)
  await send(clerk, url, '/mandates/for', { person: PARENT.identifier })
  t.match(
    (await clerk.visit(`${url}/`)).text,
    /class="menu"[\s\S]*You act for <bdi>Mari Maasikas<\/bdi>\.<\/strong> Until /,
  )
  t.strictSame(newest(server), {
    about: PARENT.identifier,
    user: CLERK.identifier,
    party: PARENT.identifier,
    mandate: id,
  })
  const theirs = (await clerk.visit(`${url}/mandates/of`)).text
  t.match(theirs, /aria-current="page">Who may act for them[\s\S]*Who may act for Mari Maasikas/)
  t.match(theirs, /Kai Kask[\s\S]*You may not end this one here[\s\S]*value="TRACKER:VIEWER"/)
  t.notMatch(theirs, 'value="EMTA:ACCOUNTANT"', 'only what this role lets them give')
  const give = (fields: object) =>
    send(clerk, url, '/mandates/of/give', { role: 'TRACKER:VIEWER', ...FRIEND, ...fields })
  for (const wrong of [{ role: 'EMTA:ACCOUNTANT' }, { ...CLERK }, { surname: '' }, { identifier: '..' }])
    t.equal((await give(wrong)).headers['location'], '/mandates/of?done=refused', JSON.stringify(wrong))
  t.equal((await give({})).headers['location'], '/mandates/of?done=given')
  const by = { user: CLERK.identifier, party: PARENT.identifier, mandate: id }
  t.match(newest(server, '/delegates/EEP00000043/mandates'), by, 'both are named')
  const after = (await clerk.visit(`${url}/mandates/of?done=given`)).text
  const [, given = ''] = /name="id" value="([^"]+)"/.exec(after) ?? []
  const end = { id: given, other: FRIEND.identifier, act: 'withdraw' }
  t.equal((await send(clerk, url, '/mandates/of/end', end)).headers['location'], '/mandates/of?done=ended')
  t.equal((await send(clerk, url, '/mandates/of/end', end)).headers['location'], '/mandates/of?done=refused')
  const at = `/representees/${PARENT.identifier}/delegates/${CLERK.identifier}/mandates/${id}`
  await register.ask('PUT', at, { user: PARENT.identifier, json: { action: 'DELETE' } })
  t.equal((await clerk.visit(`${url}/`)).status, 403, 'the person took it back')
  t.equal((await clerk.visit(`${url}/`)).headers['location'], '/mandates/for')

  await register.give(PARENT.identifier, PARENT, CLERK, { role: 'COUNTER:HELP' })
  t.notMatch((await clerk.visit(`${url}/mandates/for`)).text, 'Finished with')
  await send(clerk, url, '/mandates/for', { person: PARENT.identifier })
  t.match((await clerk.visit(`${url}/mandates/for`)).text, /Finished with Mari Maasikas/)
  t.equal((await send(clerk, url, '/mandates/finished', {})).headers['location'], '/mandates/for')
  t.equal((await clerk.visit(`${url}/`)).headers['location'], '/mandates/for', 'the clerk acts for nobody')
  t.match(
    (await clerk.visit(`${url}/mandates/for`)).text,
    /Nobody has given you a mandate/,
    'and gave the mandate up',
  )
})
