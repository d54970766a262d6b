/**
 * The routes of sections before strangers, people whose session is over, and forms that come from elsewhere.
 */
import t, { type Test } from 'tap'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { until } from '#test/until.ts'
import { createOneCookie } from '../login/cookie.ts'
import { type Acting, createSessions } from '../login/sessions.ts'
import type { MandateRegister } from '../mandates/register.ts'
import { mandates } from '../mandates/section.ts'
import type { Place } from '../pages/frame.ts'
import { SECTIONS } from '../sections.ts'
import { entrancesOf } from './entrances.ts'
import { FORM_BYTES, formToken } from './form.ts'
import { createReading } from './reading.ts'
import type { Rooms, Section } from './section.ts'
import { serveSections } from './serve-sections.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const LOOK = { language: 'en', large: false, easy: false }

function open(
  t: Test,
  sections: readonly Section[],
  mayAsk = (): boolean => true,
  register?: Partial<MandateRegister>,
) {
  const sessions = createSessions({ clock: () => NOW, idleMs: 1_000, wholeMs: 5_000, most: 10 })
  const cookie = createOneCookie({ secure: false })
  const place: Place = {
    ...{ name: 'My data', contact: 'help', languages: ['en', 'et'], timeZone: 'UTC' },
    ...{ idleMinutes: 15, wholeMinutes: 60, assets: { tokens: '', style: '', script: '', icon: '' } },
    hasWallets: true,
    hasPasskeys: false,
    hasLetters: false,
    menu: () => [],
    mayAct: false,
  }
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const app = createHttpService({ name: 'people', log })
  t.teardown(async () => {
    sessions.close()
    await app.close()
  })
  const counted: string[] = []
  serveSections(app, sections, {
    rooms: { place, asking: { mayAsk }, settings: {}, register } as unknown as Rooms,
    reading: createReading({ place, cookie, sessions }),
    count: (what) => void counted.push(what),
  })
  const signIn = (code: string) => {
    const token = sessions.begin({ code, name: '' }, LOOK)
    return {
      headers: { cookie: cookie.writeSession(token).split(';')[0]! },
      csrf: formToken(sessions.find(token)!),
      session: () => sessions.find(token)!,
      end: () => sessions.end(token),
    }
  }
  return { app, signIn, counted }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('nobody has asked too often to take back a consent', (t) => {
  const routes = SECTIONS.flatMap((one) => one.routes).filter(({ path }) => path === '/consents/withdraw')
  t.strictSame(
    routes.map(({ method, asks }) => [method, asks]),
    [
      ['GET', undefined],
      ['POST', undefined],
    ],
  )
  t.end()
})

t.test('who is not signed in reaches no page of a section, and no form', async (t) => {
  const { app, signIn } = open(t, SECTIONS)
  const over = signIn('1')
  over.end()
  for (const { method, path, isEntrance } of SECTIONS.flatMap(({ routes }) => routes))
    for (const headers of [{}, over.headers, { cookie: 'portal-id=s.x' }]) {
      const url = path.replace(/:\w+/g, 'x')
      const reply = await app.inject({ method, url, headers: { ...headers, ...FORM }, payload: 'csrf=' })
      const name = `${method} ${path}`
      if (isEntrance === true) {
        t.equal(reply.statusCode, 200, name)
        t.match(reply.body, /href="\/login/, name)
      } else
        t.strictSame(
          [reply.statusCode, reply.headers.location],
          [303, method === 'GET' ? '/?language=en' : '/ended'],
          name,
        )
    }
})

t.test('a form is done once it is of this very session', async (t) => {
  const done: string[] = []
  const section: Section = {
    ...{ name: 'test', services: () => [] },
    routes: [
      {
        ...{ method: 'POST', path: '/things/:id', asks: 'thing' },
        answer: async ({ parameters, form, reader }) => {
          done.push(`${parameters['id']} ${form.get('word')} ${reader.session.person.code}`)
          if (form.get('word') === 'late') other.end()
          return { to: '/things' }
        },
      },
    ],
  }
  let left = 3
  const { app, signIn, counted } = open(t, [section], () => left-- > 0)
  const [person, other] = [signIn('1'), signIn('2')]
  const send = async (
    who: { headers: object },
    form: Record<string, string> | string,
    more: object = {},
  ): Promise<[number, unknown]> => {
    const reply = await app.inject({
      ...{ method: 'POST', url: '/things/7' },
      headers: { ...who.headers, ...FORM, ...more },
      payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    })
    return [reply.statusCode, reply.headers.location]
  }
  for (const csrf of ['', 'x', other.csrf, `${person.csrf}x`])
    t.strictSame(await send(person, { csrf, word: 'a' }), [403, undefined])
  const json = JSON.stringify({ csrf: person.csrf })
  t.strictSame(await send(person, json, { 'content-type': 'application/json' }), [403, undefined])
  t.strictSame(await send(person, `csrf=${person.csrf}`, { 'content-type': 'multipart/form-data' }), [
    403,
    undefined,
  ])
  t.strictSame(await send(person, { csrf: person.csrf, word: 'x'.repeat(FORM_BYTES) }), [413, undefined])
  t.strictSame(done, [], 'nothing was done')
  t.strictSame(await send(person, { csrf: person.csrf, word: 'слово' }), [303, '/things'])
  t.strictSame(
    await send(other, { csrf: other.csrf, word: 'late' }),
    [303, '/ended?language=en'],
    'the session ended meanwhile',
  )
  t.strictSame(await send(person, { csrf: person.csrf, word: 'b' }), [303, '/things'])
  t.strictSame(await send(person, { csrf: person.csrf, word: 'c' }), [429, undefined], 'too often')
  t.strictSame(done, ['7 слово 1', '7 late 2', '7 b 1'])
  t.strictSame(counted, ['thing', 'thing', 'thing'])
})

t.test('a link of another site leads to one page, and nowhere else', async (t) => {
  const section: Section = {
    ...{ name: 'test', services: () => [] },
    routes: [
      {
        ...{ method: 'GET', path: '/asked/:token', isEntrance: true },
        answer: async ({ parameters }) => ({ page: `for you: ${parameters['token']}` }),
      },
      { method: 'GET', path: '/inside', answer: async () => ({ page: '' }) },
    ],
  }
  const { app, signIn } = open(t, [section])
  const at = async (headers: object, choices = ''): Promise<string> =>
    (await app.inject({ url: `/asked/t0-k_en${choices}`, headers: { ...headers } })).body
  const fromElsewhere = await at({ 'sec-fetch-site': 'cross-site' })
  t.match(
    fromElsewhere,
    /http-equiv="refresh" content="0;url=\/asked\/t0-k_en"/,
    'the Strict cookie comes next',
  )
  t.match(
    await at({}),
    /href="\/login\?next=\/asked\/t0-k_en&#38;language=en"[\s\S]*href="\/login\/wallet\?next=\/asked\/t0-k_en&#38;language=en"/,
  )
  const chosen = (choices: string): string => `href="/asked/t0-k_en?${choices.replaceAll('&', '&#38;')}"`
  t.match(await at({}), chosen('language=en&large=yes'), 'who chooses how to read stays on the way')
  t.match(await at({}, '?language=et'), chosen('language=et&large=yes'), 'and keeps what they chose before')
  const large = await at({}, '?large=yes&easy=yes')
  for (const one of ['et&large=yes&easy=yes', 'en&large=no&easy=yes', 'en&large=yes&easy=no'])
    t.match(large, chosen(`language=${one}`))
  t.match(large, /href="\/login\?next=\/asked\/t0-k_en&#38;language=en&#38;large=yes&#38;easy=yes"/)
  const { headers } = await app.inject({ url: '/inside?language=et&large=yes' })
  t.equal(headers.location, '/?language=et&large=yes')
  t.match(await at(signIn('1').headers), /^for you: t0-k_en$/)
  const isEntrance = entrancesOf([section])
  const addresses = {
    ...{ '/asked/t0-k_en': true, '/asked/': false, '/asked/a/b': false, '/inside': false, '/login': false },
    ...{ '//evil.example/asked/a': false, 'https://evil.example/asked/a': false, '/asked/a?b=c': false },
    ...{ '/asked/a%20b.c': true, '/asked/%2E%2E': false, '/asked/%2Fb': false, '/asked/%00': false },
    ...{ '/asked/..': false, '/asked/a\\b': false, '/asked/a\n': false, '/asked/%2e%2e': false, '': false },
    [`/asked/${'a'.repeat(600)}`]: false,
  }
  for (const [address, expected] of Object.entries(addresses))
    t.equal(isEntrance(address), expected, JSON.stringify(address))
})

t.test('a request is for one person, whatever another tab chooses meanwhile', async (t) => {
  const people = Object.fromEntries(
    ['A', 'B'].map((code) => [code, { code, name: code, role: 'R', mandate: code } as Acting]),
  )
  const answers: Record<string, PromiseWithResolvers<Acting | 'none'>> = {}
  let asked = 0
  const confirm: MandateRegister['confirm'] = (_session, { code }) => {
    asked++
    return answers[code]?.promise ?? Promise.resolve(people[code]!)
  }
  const seen: (string | undefined)[] = []
  const own: Section = {
    ...{ name: 'own', services: () => [] },
    routes: [
      {
        ...{ method: 'POST', path: '/act' },
        answer: async ({ reader }) => {
          seen.push(reader.session.acting?.code)
          return { to: '/' }
        },
      },
    ],
  }
  const { app, signIn } = open(t, [own, mandates], undefined, { confirm })
  const { headers, session } = signIn('1')
  const post = (url: string, fields: Record<string, string>) =>
    app.inject({
      ...{ method: 'POST', url, headers: { ...headers, ...FORM } },
      payload: new URLSearchParams(fields).toString(),
    })
  const choose = (person: string) => post('/mandates/for', { csrf: formToken(session()), person })
  await choose('A')
  const shownForA = formToken(session())
  // While the register is asked again about A, the person chooses B.
  answers['A'] = Promise.withResolvers()
  const doing = post('/act', { csrf: shownForA })
  await until('it is asked about', async (saw) => saw(asked) === 2)
  await choose('B')
  answers['A'].resolve(people['A']!)
  await doing
  t.strictSame(
    [seen, session().acting?.code],
    [['A'], 'B'],
    'what was begun for A is done for A, and B stays chosen',
  )
  t.equal(
    (await post('/act', { csrf: shownForA })).statusCode,
    403,
    'a form that was shown for A does nothing for B',
  )
  t.equal(seen.length, 1)
  // Of two choices the later one counts, also where the register answers it first.
  answers['A'] = Promise.withResolvers()
  const csrf = formToken(session())
  const slow = post('/mandates/for', { csrf, person: 'A' })
  await until('nobody is chosen', async (saw) => saw(session().acting) === undefined)
  await choose('B')
  answers['A'].resolve(people['A']!)
  await slow
  t.equal(session().acting?.code, 'B')
})
