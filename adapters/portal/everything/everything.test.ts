/** All that the portal shows of a person, on one page for paper: each section is there, what is missing is said, and nothing can be pressed. */
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
import { startPortal } from '../portal-fixture.ts'

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
