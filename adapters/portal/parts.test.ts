/**
 * The catalogues of texts: complete in every language, with the same places to fill in, and short enough to
 * be plain. Sessions, codes and settings, and what is left out of answers, for which nothing has to be
 * started.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { attemptOf, beginAttempt } from '#platform/sessions/attempt.ts'
import { createOpenIdClient } from '#platform/sessions/client.ts'
import { asFault } from '#schemas/fault.ts'
import { type Lies, startRogueProvider } from '#test/fakes/rogue-openid-provider.ts'
import { until } from '#test/until.ts'
import { createAsking } from './asking/in-turn.ts'
import { createSessions, type Session } from './login/sessions.ts'
import { codeReader } from './login/sign-in.ts'
import { readTriplets } from './mandates/read-mandates.ts'
import { askOffers } from './services/ask-offers.ts'
import { checkSettings, type PortalSettings } from './settings.ts'
import { chooseLanguage, LANGUAGES, wordsOf } from './texts.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const HERE = import.meta.dirname
const FORM = /\.(one|two|few|many|other|zero)$/
/** What a control says fits beside an icon on a narrow phone. */
const CONTROLS =
  /^(frame\.(signOut|large|normal|easy|full|stay)|welcome\.signIn|tools\.(show|save|print|verify|from|until)|choose\.(organisation|everybody|proven|any)|message\.|proven\.|fact\.|menu\.|term\.(who|from|purpose|law|fields|range|often|kept|until|contract)$|consents\.back|consent\.(open|look|withdraw|receipt)$|withdraw\.(do|keep)|asked\.(agree|decline)|answered\.(back|look))/
const MOST_OF_A_CONTROL = 32
const MOST_OF_A_TITLE = 48
const MOST_OF_A_TEXT = 220
/** Sentences of plain language; a Korean one has fewer spaces. */
const MOST_WORDS = 24
const FIRST_SCRIPT_BYTES = 60 * 1024

const catalogueOf = (language: string): Record<string, string> =>
  JSON.parse(readFileSync(path.join(HERE, `texts/${language}.json`), 'utf8')) as Record<string, string>
const english = catalogueOf('en')
const fills = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort()
const plain = (keys: string[]): string[] => [...new Set(keys.map((key) => key.replace(FORM, '')))].sort()

for (const language of LANGUAGES)
  t.test(language, (t) => {
    const texts = catalogueOf(language)
    t.strictSame(plain(Object.keys(texts)), plain(Object.keys(english)), 'says all that English says')
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
    const counted = Object.keys(english).filter((key) => key.endsWith('.other') && key !== 'failure.other')
    const lacking = counted
      .flatMap((key) => forms.map((form) => key.replace(FORM, `.${form}`)))
      .filter((key) => texts[key] === undefined)
    t.strictSame(lacking, [], 'has each form of number')
    const foreign = Object.entries(texts).filter(([key, text]) => {
      const model = english[key] ?? english[key.replace(FORM, '.other')] ?? ''
      return fills(text).join() !== fills(model).join()
    })
    t.strictSame(
      foreign.map(([key]) => key),
      [],
      'fills in the same',
    )
    t.strictSame(
      Object.entries(texts).filter(
        ([key, text]) => key.startsWith('summary.') && /^\{n\}\s*\p{P}/u.test(text),
      ),
      [],
      'what stands below a figure begins with a word',
    )
    const most = (key: string): number =>
      CONTROLS.test(key) ? MOST_OF_A_CONTROL : key.endsWith('.title') ? MOST_OF_A_TITLE : MOST_OF_A_TEXT
    const long = Object.entries(texts).filter(
      ([key, text]) => text.length > most(key) && !/^login\.|^failure|^asking\.failed/.test(key),
    )
    t.strictSame(
      long.map(([key, text]) => `${key}: ${text.length}`),
      [],
      'no text is longer than a reader keeps in mind',
    )
    const wordy = Object.entries(texts).filter(([, text]) =>
      text.split(/(?<=[.!?:;])\s/).some((one) => one.split(/\s+/).length > MOST_WORDS),
    )
    t.strictSame(
      wordy.map(([key]) => key),
      [],
      'no sentence has too many words',
    )
    t.strictSame(
      Object.entries(texts).filter(([, text]) => /[<>]|\s\s|^\s|\s$/.test(text)),
      [],
      'is text alone',
    )
    t.end()
  })

t.test('of a side that answered without a use one thing is said, whatever it says it covers', (t) => {
  const states = ['answered', 'no_answer', 'absent']
  const expected = ['provider', 'consumer'].flatMap((side) =>
    states.map((one) => `meaning.one.${side}.${one}`),
  )
  for (const language of LANGUAGES)
    t.strictSame(
      Object.keys(catalogueOf(language)).filter((key) => key.startsWith('meaning.one.')),
      expected,
      `${language}: a text for "it told everything" would tell that a use is withheld`,
    )
  t.end()
})

t.test('the pages name what the catalogues have', (t) => {
  const sources = [
    ...['frame', 'welcome', 'uses', 'use', 'choose', 'coverage', 'wallet', 'wrong'].map(
      (name) => `pages/${name}.ts`,
    ),
    ...['list-page', 'one-page', 'asked-page', 'terms', 'problem', 'checked'].map(
      (name) => `consents/${name}.ts`,
    ),
    ...['list-page', 'offer-page', 'section'].map((name) => `services/${name}.ts`),
    ...['routes.ts', 'portal.ts', 'uses/section.ts', 'routing/serve-sections.ts', 'login/wallet/routes.ts'],
    ...['mandates/pages.ts', 'mandates/section.ts', 'proving/page.ts'],
    ...['passkeys/pages.ts', 'passkeys/routes.ts', 'passkeys/proven-first.ts'],
  ]
  const named = sources.flatMap((file) =>
    [
      ...readFileSync(path.join(HERE, file), 'utf8').matchAll(
        /(?:words|words\.count|words\.around|figure\([^,]+,)\(?'?\s*'([\w.]+)'/g,
      ),
    ].map(([, key = '']) => key),
  )
  t.ok(named.length > 60)
  t.strictSame(
    named.filter((key) => english[key] === undefined && english[`${key}.other`] === undefined),
    [],
  )
  t.end()
})

t.test('a first page loads little', (t) => {
  const script = readFileSync(path.join(HERE, '../../console/citizen/citizen.js'))
  t.ok(script.length < FIRST_SCRIPT_BYTES / 10)
  t.end()
})

t.test('ready to be read from the right', (t) => {
  const style = readFileSync(path.join(HERE, '../../console/citizen/citizen.css'), 'utf8')
  const plain = style.replace(/\/\*[\s\S]*?\*\//g, '')
  t.match(plain, /margin-inline|padding-inline|inset-inline/)
  t.strictSame(
    plain.match(/(?<![\w-])(?:[\w-]+-)?(?:left|right)(?![\w-])/g) ?? [],
    [],
    'the style sheet names no side',
  )
  t.end()
})

t.test('a session ends by disuse and by age, and takes what is under way with it', (t) => {
  let now = NOW
  const sessions = createSessions({ clock: () => now, idleMs: 1_000, wholeMs: 5_000, most: 2 })
  t.teardown(() => sessions.close())
  const look = { language: 'en', large: false, easy: false }
  const begin = (code: string): string => sessions.begin({ code, name: '' }, look)
  const token = begin('1')
  const { ended } = sessions.find(token)!
  for (let turn = 0; turn < 5; turn++) {
    now += 900
    t.ok(sessions.find(token), `used every ${900} ms`)
  }
  now += 600
  t.notOk(sessions.find(token), 'its age')
  t.equal(ended.aborted, true)
  const idle = begin('2')
  now += 1_000
  t.notOk(sessions.find(idle), 'disuse')
  const [first, second] = [begin('1'), begin('2')]
  sessions.find(first)
  const third = begin('3')
  t.strictSame(
    [first, second, third].map((one) => sessions.find(one)?.person.code),
    ['1', undefined, '3'],
    'bounded',
  )
  t.equal(sessions.find('x'), undefined)
  t.end()
})

t.test('who signs in again and again ends sessions of their own', (t) => {
  const sessions = createSessions({ clock: () => NOW, idleMs: 1_000, wholeMs: 5_000, most: 100 })
  t.teardown(() => sessions.close())
  const begin = (code: string): string =>
    sessions.begin({ code, name: '' }, { language: 'en', large: false, easy: false })
  const other = begin('other')
  const own = Array.from({ length: 200 }, () => begin('own'))
  t.ok(sessions.find(other), 'nobody else is signed out')
  t.equal(own.filter((token) => sessions.find(token) !== undefined).length, 20)
  t.ok(sessions.find(own.at(-1)!), 'the last one is there')
  t.end()
})

t.test('one person or one slow system takes the portal from nobody', async (t) => {
  let now = NOW
  const never = Promise.withResolvers<void>()
  const systems = {
    asked: [{ id: 'a', name: 'a', owner: 'a' }],
    absent: [],
    silent: [],
    tooMany: 0,
    members: new Map(),
    unlisted: [],
  }
  let asked = 0
  const asking = createAsking({
    ...{ atOnce: 4, people: 1, wholeMs: 20_000, perHour: 3, country: '', clock: () => now },
    async *ask() {
      asked++
      await never.promise
      yield* []
    },
  })
  const sessionOf = (code: string): Session => ({
    ...{ person: { code, name: '' }, by: 'provider', look: { language: 'en', large: false, easy: false } },
    ...{ csrfToken: '', begunAt: 0, endsAt: 0, ended: new AbortController().signal },
  })
  const gone = (): AbortSignal => AbortSignal.abort()
  const open = [new AbortController(), new AbortController()] as const
  t.ok(open.every(({ signal }) => asking.mayAsk(sessionOf('1'), signal)))
  t.notOk(asking.mayAsk(sessionOf('1'), gone()), 'not in three windows at once')
  t.ok(asking.mayAsk(sessionOf('2'), gone()))
  for (const one of open) one.abort()
  t.strictSame(
    [1, 2, 3].map(() => asking.mayAsk(sessionOf('1'), new AbortController().signal)),
    [true, false, false],
    'three times an hour, in whatever session',
  )
  let most = 0
  for (let hour = 1; hour < 10; hour++) {
    now = NOW + hour * 3_600_000
    for (let turn = 0; turn < 5; turn++) {
      const window = new AbortController()
      if (asking.mayAsk(sessionOf('3'), window.signal)) most++
      window.abort()
    }
  }
  t.equal(most, 15, 'five such hours a day')
  const askAll = (): number => [1, 2, 3, 4].filter(() => asking.mayAsk(sessionOf('4'), gone())).length
  now = NOW + 10_000 * 3_600_000
  t.equal(askAll(), 3)
  now = NOW
  t.equal(askAll(), 3, 'a clock that was ahead and is put right takes it from nobody')
  const waits = ['1', '2'].map((code) =>
    asking.answersFor(sessionOf(code), { systems, span: {}, gone: new AbortController().signal }).next(),
  )
  await until('the second has a turn although a system of the first is late', async () => asked === 2)
  never.resolve()
  await Promise.all(waits)
})

t.test('a provider that is away is no failed login', async (t) => {
  const rogue = await startRogueProvider(t)
  const attempt = attemptOf(beginAttempt(Date.now()), Date.now())!
  const redirectUri = 'http://127.0.0.1:4000/login/callback'
  const facts = { clientId: 'portal', nonce: attempt.nonce }
  const outcome = async (lies: Lies): Promise<string> => {
    rogue.lie(lies, facts)
    const client = createOpenIdClient({ issuer: rogue.issuer, ...facts, clientSecret: 'x', redirectUri })
    const callback = new URL(`${redirectUri}?code=c&state=${attempt.state}`)
    return client
      .identify(callback, attempt)
      .then(
        ({ subject }) => subject,
        (thrown: unknown) => asFault(thrown).code,
      )
      .finally(() => client.close())
  }
  const nowhere: Lies = { discovery: (given) => ({ ...given, token_endpoint: 'http://127.0.0.1:1/token' }) }
  t.equal(await outcome({}), 'anna')
  t.equal(await outcome({ tokenStatus: 400, token: { error: 'invalid_grant' } }), 'login_failed')
  t.equal(await outcome({ tokenStatus: 503 }), 'login_provider_failed')
  t.equal(await outcome({ tokenStatus: 500, token: { error: 'server_error' } }), 'login_provider_failed')
  t.equal(await outcome(nowhere), 'login_provider_failed')
})

t.test('codes, settings and languages', (t) => {
  const code = codeReader('^EE(\\d{11})$')
  t.strictSame(['EE60001017869', 'LV60001017869', '', undefined, 'EE6000101786\u0669'].map(code), [
    '60001017869',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  t.strictSame(
    ['de, ko;q=0.5', undefined, 'en;q=0, uk', '*', 'x'.repeat(9_000)].map((one) =>
      chooseLanguage(one, ['et', 'uk', 'ko']),
    ),
    ['ko', 'et', 'uk', 'et', 'et'],
  )
  const problem = (keys: string[]): never => {
    throw new Error(keys.join('.'))
  }
  const settings = {
    ...{
      listen: { address: '127.0.0.1', proxies: ['10.0.0.0/8', '::1'] },
      monitoring: { address: '127.0.0.1' },
      timeZone: 'UTC',
    },
    login: { issuer: 'https://a.example', baseUrl: 'https://b.example', scope: 'openid' },
    ...{
      person: { pattern: '^(.+)$' },
      sessions: { idleMinutes: 1, wholeMinutes: 5 },
      asking: { answerMs: 1, wholeMs: 2 },
    },
  }
  const check = (more: object): string | undefined => {
    try {
      checkSettings({ ...settings, ...more } as PortalSettings, problem as never)
      return undefined
    } catch (thrown) {
      return (thrown as Error).message
    }
  }
  t.equal(check({}), undefined)
  t.equal(check({ listen: { address: '10.0.0.1', proxies: [] } }), 'listen.address')
  for (const proxy of ['10.0.0.0/33', '10.0.0', 'proxy.example', '::1/129', '10.0.0.1/8/8', '10.0.0.1/x'])
    t.equal(check({ listen: { address: '127.0.0.1', proxies: [proxy] } }), 'listen.proxies.0', proxy)
  t.equal(check({ login: { ...settings.login, issuer: 'http://a.example' } }), 'login.issuer')
  t.equal(check({ login: { ...settings.login, scope: 'profile' } }), 'login.scope')
  for (const pattern of ['(', 'no group', '(a)(b)']) t.equal(check({ person: { pattern } }), 'person.pattern')
  t.equal(check({ sessions: { idleMinutes: 9, wholeMinutes: 5 } }), 'sessions.idleMinutes')
  const counter = { claim: 'duty', value: 'clerk' }
  t.equal(check({ counter }), 'counter')
  t.equal(check({ counter, mandates: {} }), undefined)
  t.equal(check({ counter, mandates: {}, wallets: {} }), 'wallets', 'a wallet makes nobody a clerk')
  t.equal(check({ timeZone: 'Mars/Olympus' }), 'timeZone')
  const words = wordsOf('uk', { easy: false, timeZone: 'UTC' })
  t.strictSame(
    [1, 2, 5, 21].map((n) => words.count('use.times', n)),
    ['1 раз', '2 рази', '5 разів', '21 раз'],
  )
  t.throws(() => words('nothing'), /the catalogue uk has no nothing/)
  t.end()
})

t.test('what is left out of an answer is known', async (t) => {
  const person = { type: 'NATURAL_PERSON', identifier: 'EEP00000042', firstName: 'A', surname: 'B' }
  const mandate = { id: '3f2b1c00-0000-4000-8000-000000000001', role: 'FAMILY:PARENT' }
  const of = (...mandates: unknown[]) => ({ representee: person, delegate: person, mandates })
  const read = (...triplets: unknown[]) => {
    const { mandates, isCut } = readTriplets(triplets)!
    return [mandates.length, isCut]
  }
  t.same(readTriplets({}), undefined)
  t.same(read(of(mandate), of(), { ...of(), delegate: { type: 'UNKNOWN' } }), [1, false])
  t.same(read(of(mandate, { ...mandate, id: 'x' })), [1, true])
  t.same(read(of(mandate), { ...of(mandate), delegate: { type: 'UNKNOWN' } }), [1, true])
  t.same(read(of(mandate), 7), [1, true])

  const system = { id: 'DEV/GOV/1/benefits', name: 'Benefits' }
  const found = async (offers: unknown[]) => {
    const answer = async () => ({ status: 200, json: { offers } })
    const { cut } = await askOffers({ reader: {}, gone: AbortSignal.abort() } as never, {
      systems: { offering: async () => ({ asked: [system], silent: [] }) } as never,
      calls: {
        async *each(_session: unknown, _gone: unknown, { ask }: { ask(of: object, call: unknown): unknown }) {
          yield await ask(system, answer)
        },
      } as never,
    })
    return cut
  }
  t.same(await found([]), [])
  t.same(await found([{ id: 'x' }]), [system])
})
