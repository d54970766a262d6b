/**
 * All that the portal shows of a person, on one page for paper: each section is there, what is missing is
 * said, and nothing can be pressed. What waits for a person, above the first page; and lists that were cut.
 */
import path from 'node:path'
import t from 'tap'
import { startRegister } from '#adapters/mandates/mandates-fixture.ts'
import { keepComplaints } from '#test/fakes/complaint-systems.ts'
import { keepConsents } from '#test/fakes/consent-systems.ts'
import { keepNotices } from '#test/fakes/notice-systems.ts'
import { keepOffer } from '#test/fakes/offer-systems.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { startPassingServer } from '#test/fakes/own-server.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import { type FakeSystem, send, startUsageServer } from '#test/fakes/usage-systems.ts'
import { consentsList } from '../consents/list-page.ts'
import { possiblePage } from '../consents/possible-page.ts'
import type { Session } from '../login/sessions.ts'
import { keptMandates, mandatesPage } from '../mandates/pages.ts'
import type { FoundNotices } from '../notices/ask-notices.ts'
import { listPage, noticesList } from '../notices/list-page.ts'
import type { Place } from '../pages/frame.ts'
import { startPortal } from '../portal-fixture.ts'
import { offersList } from '../services/list-page.ts'
import { wordsOf } from '../texts.ts'

const PERSON = 'P00000042'
const REGISTER = 'DEV/GOV/1003/register/mandates'
const NATURAL = { type: 'NATURAL_PERSON' }

t.test('one page has all of it', async (t) => {
  const systems = usageSample(Date.now())
  const [population, tax, health] = systems as [FakeSystem, FakeSystem, FakeSystem]
  const about = { person: `EE${PERSON}` }
  const keeper = keepConsents({ ...about, provider: population, client: health, now: Date.now() })
  population.services = { consents: keeper.answers }
  const complaints = { ...about, system: population, client: tax, record: 1 }
  population.answers = keepComplaints({ ...complaints, others: population.answers! }).answers
  population.answers = keepNotices({ others: population.answers }).answers
  const register = await startRegister(t, {
    settings: {
      identifiers: { naturalPerson: 'EE[PK][0-9]{8}', legalPerson: 'EEC[0-9]{8}' },
      registrars: [{ client: 'EE/GOV/70000310/rr', roles: ['FAMILY:*'] }],
    },
  })
  const parent = { ...NATURAL, identifier: `EE${PERSON}`, firstName: 'Mari', surname: 'Maasikas' }
  const child = { ...NATURAL, identifier: 'EEP00000051', firstName: 'Juku', surname: 'Maasikas' }
  await register.tell(child, parent, 'FAMILY:PARENT')
  const usages = await startUsageServer(t, [
    ...systems,
    {
      ...{ id: 'DEV/GOV/1004/benefits', name: 'Family benefits', owner: 'Health Agency' },
      services: { offers: keepOffer(`EE${PERSON}`) },
    },
    {
      ...{ id: 'DEV/GOV/1012/away', name: 'Register that is away', owner: 'Away' },
      services: { consents: (_asked, response) => send(response, {}, 503) },
    },
    {
      ...{ id: path.posix.dirname(REGISTER), name: 'Mandates', owner: 'Business Agency' },
      services: { mandates: () => undefined },
    },
  ])
  const server = await startPassingServer(t, { services: { [REGISTER]: register.url }, others: usages.url })
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, {
    ...{ server: server.url, issuer, client: CLIENT },
    settings: { mandates: { service: REGISTER, roles: ['FAMILY:PARENT'] } },
  })
  const browser = openBrowser(t)
  const at = (address: string): string => portal.url + address
  t.equal((await browser.visit(at('/everything'))).status, 303, 'for who is signed in')
  await browser.login(portal.url, PERSON)
  const list = await browser.visit(at('/'))
  t.match(list.text, /href="\/everything">[\s\S]*All on one page/)
  t.match(
    list.text,
    /id="whole">\s*<section class="card waits"[\s\S]*href="\/services">1 offer to decide<[\s\S]*Not everybody could say[\s\S]*href="\/previews">Before it is sent<[\s\S]*class="summary"/,
    'what waits stands first, and who could not be asked is not taken for nothing',
  )
  t.notMatch(list.text, 'Nothing waits here now')
  t.notMatch((await browser.visit(at('/?proven=one'))).text, 'waits-title', 'who chose came for the list')
  const csrf = /name="csrf" value="([^"]+)"/.exec(list.text)![1]!
  const wish = { csrf, channel: 'email', address: 'person@mail.example', mode: 'daily', about: 'uses' }
  await browser.visit(at('/notices'), { form: { ...wish, system: population.id } })
  const complaint = { system: population.id, record: '1', number: 'DEV-1', reason: 'not-known' }
  await browser.visit(at('/complaints'), { form: { csrf, ...complaint, text: 'Who was that?' } })

  const { text } = await browser.visit(at('/everything'))
  const [, main = ''] = /<main[^>]*>([\s\S]*)<\/main>/.exec(text) ?? []
  const parts = main.split('<h2 class="part">').slice(1)
  const expected: [title: string, content: RegExp][] = [
    ['Who asked about me', /4 of 5 systems answered[\s\S]*Tax Agency[\s\S]*Both sides say the same/],
    ['My complaints', /K7QM2-9XWTA/],
    ['What I agreed to', /Register that is away[\s\S]*Used 3 times/],
    ['Before it is sent', /Register that is away/],
    ['My services', /Family benefit/],
    ['Who may act for me', /Juku Maasikas/],
    ['Where you are told', /p…@mail\.example/],
  ]
  t.strictSame(
    parts.map((part) => part.split('<')[0]),
    expected.map(([title]) => title),
  )
  for (const [at, [title, content]] of expected.entries()) t.match(parts[at], content, title)
  t.notMatch(main, /<form|<input|<button type="submit"/, 'paper has no forms')
  t.match(main, new RegExp(`<code>EE${PERSON}</code>`), 'it says whose it is')
  t.match(
    (await browser.visit(at('/everything?language=et'))).text,
    /Kõik, mida see portaal teie kohta näitab/,
  )
})

t.test('that nothing waits is said once everybody has said so', async (t) => {
  const [population, tax] = usageSample(Date.now()) as [FakeSystem, FakeSystem]
  const complaints = { system: population, client: tax, person: `EE${PERSON}`, record: 1 }
  const keeper = keepComplaints({ ...complaints, others: population.answers! })
  let previews: object = { previews: [] }
  const server = await startUsageServer(t, [
    {
      ...{ ...population, answers: keeper.answers },
      services: { consents: (_asked, response) => send(response, previews) },
    },
    tax,
  ])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const first = async (query = ''): Promise<string> => (await browser.visit(`${portal.url}/${query}`)).text
  const before = await first()
  t.match(before, /What waits for you<\/h2>\s*<p>Nothing waits here now/)
  t.notMatch(before, 'Not everybody could say')

  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(before) ?? []
  const form = {
    csrf,
    system: population.id,
    record: '1',
    number: 'DEV-1',
    reason: 'not-known',
    text: 'Who?',
  }
  await browser.visit(`${portal.url}/complaints`, { form })
  t.match(await first(), 'Nothing waits here now', 'it waits for the auditor')
  Object.assign(keeper.complaints[0]!, { state: 'answered', answeredAt: '2026-11-29T15:00:00Z' })
  t.match(await first(), /<li><a href="\/complaints">1 complaint was answered<\/a>/)
  t.match(await first('?language=uk'), /Що чекає на вас[\s\S]*На 1 скаргу відповіли/)
  const closed = { state: 'closed', finding: 'justified', closedAt: new Date().toISOString() }
  Object.assign(keeper.complaints[0]!, closed)
  t.match(await first('?language=en'), '1 complaint was answered', 'by the act that closed it')
  Object.assign(keeper.complaints[0]!, { closedAt: '2026-01-01T00:00:00Z' })
  t.match(await first(), 'Nothing waits here now', 'not for ever')
  Object.assign(keeper.complaints[0]!, { state: 'answered' })
  previews = {}
  const unread = await first('?language=en')
  t.match(unread, /1 complaint was answered[\s\S]*Not everybody could say[\s\S]*Before it is sent<\/a>/)
})

t.test('a system that is mute about what waits holds up no list', async (t) => {
  const [population, tax] = usageSample(Date.now()) as [FakeSystem, FakeSystem]
  const services = { consents: () => undefined }
  const server = await startUsageServer(t, [{ ...population, services }, tax])
  const issuer = await startOpenIdProvider(t)
  const asking = { answerMs: 120_000, wholeMs: 600_000, waitsMs: 50 }
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings: { asking } })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const { text } = await browser.visit(`${portal.url}/`)
  t.match(text, /id="whole">[\s\S]*Not everybody could say[\s\S]*href="\/previews">[\s\S]*class="timeline"/)
})

t.test('a list that was cut says so, on its page and on paper', async (t) => {
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const look = { language: 'en', large: false, easy: false }
  const place: Place = {
    ...{ name: 'My data', contact: 'help', languages: ['en'], timeZone: 'UTC', idleMinutes: 15 },
    ...{ wholeMinutes: 60, assets: { tokens: '', style: '', script: '', icon: '' }, menu: () => [] },
    ...{ hasWallets: false, hasPasskeys: false, hasLetters: false, mayAct: true },
  }
  const session = {
    person: { code: PERSON, name: 'Mari' },
    by: 'provider',
    csrfToken: 'x',
    look,
    ended: new AbortController().signal,
  } as Session
  const reader = { words, look, session }
  const lists = { roles: [], givable: [], filled: {}, now: 0 }
  const [whole, cut] = [false, true].map((isCut) => ({ mandates: [], isCut }))
  const page = mandatesPage(place, reader, { given: cut, held: whole, ...lists })
  t.match(
    page,
    /id="given"[\s\S]*There are more than are shown here[\s\S]*id="held"[\s\S]*You may act for nobody/,
  )
  t.notMatch(page, 'Nobody may act for you')
  const kept = { register: 'r', roles: [], given: whole }
  t.match(
    keptMandates({ ...kept, held: cut }, 0, reader).markup,
    /Nobody may act for you[\s\S]*There are more/,
  )
  t.match(keptMandates({ ...kept, held: 'others' }, 0, reader).markup, 'Nobody acts for them', 'of another')
  const system = { id: 'DEV/GOV/1/s', name: 'S', owner: 'S' }
  const some = { notTold: [], silent: [] }
  const offers = offersList({ ...some, offers: [], answered: 1, cut: [system] }, words).markup
  t.match(offers, /1 of 1 system answered\. What they told may have gaps/)
  const notice = {
    id: 'n',
    channel: 'email',
    address: 'p…@m',
    mode: 'daily',
    state: 'confirmed',
    about: ['uses'],
  }
  const told = { ...some, told: 1, isCut: true, notices: [{ system, notice }] } as FoundNotices
  t.match(noticesList(told, words).markup, /p…@m[\s\S]*There are more than are shown here/)
  const own = { system, notice: { ...notice, channel: 'sms' }, titles: { en: 'Text message' } }
  t.match(noticesList({ ...told, notices: [own] } as FoundNotices, words).markup, /<bdi>Text message<.bdi>: /)
  const consents = { consents: [], told: [{ system, consents: [], dropped: 0, isCut: false }] }
  t.match(consentsList({ ...some, ...consents }, 0, words).markup, 'You have not agreed to anything')
  const away = { ...some, notTold: [{ system, why: 'late' as const }] }
  t.match(consentsList({ ...away, ...consents }, 0, words).markup, 'Those who answered have no consent')
  t.notMatch(consentsList({ ...away, consents: [], told: [] }, 0, words).markup, 'nothing-found')
  t.notMatch(possiblePage(place, reader, { told: [], notTold: away.notTold }), 'nothing-found')
  const busy = async function* () {
    yield* await Promise.reject<never[]>(new Error('busy'))
  }
  const unasked = listPage({
    place,
    reader,
    systems: [],
    silent: [],
    answers: busy(),
    failed: () => undefined,
  })
  let text = ''
  for await (const piece of unasked) text += piece
  const [, shown = ''] = text.split('<div id="whole">')
  t.match(shown, /The registers cannot be asked just now[\s\S]*href="\/notices">Try again/)
  t.notMatch(shown, 'No system', 'nobody was asked, so nobody said so')
})
