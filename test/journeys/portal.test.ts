/**
 * The citizens' portal in Chromium, for a person on a phone and at a desk: the list grows as systems answer,
 * each entry says who, whom, why and how sure it is, and nothing of the person stays in any file, log line or
 * store of the browser.
 */
import path from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startRegister } from '#adapters/mandates/mandates-fixture.ts'
import { filesIn } from '#adapters/portal/login/wallet/wallets-fixture.ts'
import { startPortal } from '#adapters/portal/portal-fixture.ts'
import uk from '#adapters/portal/texts/uk.json' with { type: 'json' }
import { hasChromium, openBrowser as openChromium, visitor } from '../browser.ts'
import { keepComplaints } from '../fakes/complaint-systems.ts'
import { keepConsents } from '../fakes/consent-systems.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { keepNotices } from '../fakes/notice-systems.ts'
import { keepOffer } from '../fakes/offer-systems.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { startPassingServer } from '../fakes/own-server.ts'
import { usageSample } from '../fakes/usage-sample.ts'
import { type FakeSystem, startUsageServer } from '../fakes/usage-systems.ts'
import { choose, enter, tabThrough, write } from '../keyboard.ts'
import { skipFor } from '../outside-tools.ts'
import { agreeByCredentials } from './agree-by-credentials.ts'
import { comeBack } from './come-back.ts'
import { searchPortal, searchProfile, searchStores, trySearch } from './nothing-stays.ts'
import { seeCounter, seeMandates, seeNoticesAndOffers, seeWalletAndLetter } from './portal-for-others.ts'

const PERSON = 'P00000042'
const OTHER = 'P00000043'
const CLERK = 'K00000001'
const REGISTER = 'DEV/GOV/1003/register/mandates'
/** Of the person: what systems say of them, what they write, what they do for others and ask for. */
const PLANTED = [
  ...[PERSON, 'Person P', 'DEV-1', 'Tax Agency', 'Tax+Agency', 'Summons', 'Marked Complaint'],
  ...['Maasikas', 'Jaak', 'person@mail', 'EE1234567890'],
]
const REGISTER_SETTINGS = {
  identifiers: { naturalPerson: 'EE[PK][0-9]{8}', legalPerson: 'EEC[0-9]{8}' },
  registrars: [{ client: 'EE/GOV/70000310/rr', roles: ['FAMILY:*'] }],
}
const PHONE = { viewport: { width: 360, height: 740 } }

t.test('a person sees who used their data', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  const chromium = await openChromium()
  const systems = usageSample(Date.now())
  const [population, , health] = systems as [FakeSystem, FakeSystem, FakeSystem]
  const keeper = keepConsents({
    provider: population,
    client: health,
    person: `EE${PERSON}`,
    now: Date.now(),
  })
  population.services = { consents: keeper.answers }
  const complaints = { system: population, client: systems[1]!, person: `EE${PERSON}`, record: 1 }
  population.answers = keepComplaints({ ...complaints, others: population.answers! }).answers
  population.answers = keepNotices({ others: population.answers }).answers
  const register = await startRegister(t, { settings: REGISTER_SETTINGS })
  const usages = await startUsageServer(t, [
    ...systems,
    {
      ...{ id: 'DEV/GOV/1004/benefits', name: 'Family benefits', owner: 'Health Agency' },
      services: { offers: keepOffer(`EE${PERSON}`) },
    },
    {
      ...{ id: path.posix.dirname(REGISTER), name: 'Mandates', owner: 'Business Agency' },
      services: { mandates: () => undefined },
    },
  ])
  const server = await startPassingServer(t, { services: { [REGISTER]: register.url }, others: usages.url })
  const issuer = await startOpenIdProvider(t)
  const common = { server: server.url, issuer, client: CLIENT }
  const portal = await startPortal(t, {
    ...common,
    settings: {
      ...{ letters: true, wallets: filesIn(t.testdir()), asking: { perHour: 500 } },
      mandates: { service: REGISTER, roles: ['FAMILY:PARENT', 'TRACKER:VIEWER'] },
    },
  })
  const person = openBrowser(t)

  await t.test('before signing in', async (t) => {
    for (const [name, context] of [
      ['phone', { ...PHONE, locale: 'et-EE' }],
      ['desk', {}],
    ] as const) {
      const { page, load, check } = await visitor(t, chromium, { base: portal.url, context })
      await load('/')
      await check(`portal-welcome-${name}`)
      t.equal(await page.locator('html').getAttribute('lang'), name === 'phone' ? 'et' : 'en')
      await load('/about')
      await check(`portal-about-${name}`)
    }
  })

  await person.login(portal.url, PERSON)
  const context = sessionAt(person, portal.url)

  await t.test('on a phone, by keyboard alone', async (t) => {
    const { page, load, check } = await visitor(t, chromium, {
      base: portal.url,
      context: { ...context, ...PHONE },
    })
    await load('/')
    const head = await page.locator('header').boundingBox()
    t.ok(head!.height < 280, `the head of a page leaves room for it: ${head!.height}`)
    for (const choice of await page.locator('.choices li').all()) {
      const { x, width } = (await choice.boundingBox())!
      t.ok(x >= 0 && x + width <= PHONE.viewport.width, 'each choice of how to read is in sight')
    }
    t.match(
      await page.locator('.covered').textContent(),
      /4 of 5 systems answered\.\s+1 could not be asked\./,
    )
    t.equal(await page.locator('.so-far').isVisible(), false, 'the whole took the place of the parts')
    const first = page.locator('#whole .use').first()
    t.match(
      await first.textContent(),
      /Tax Agency.*Population register.*Why: Identification of taxpayers.*Both sides say the same.*3 times/s,
    )
    await check('portal-uses-phone')
    await tabThrough(t, page, 'the list', 'body')
    await enter(page, first.locator('summary'))
    t.match(
      await first.textContent(),
      /Tax Procedure Act, section 22.*Persons for tax assessment.*givenName.*10 years/s,
    )
    const police = page.locator('#whole .use').last()
    await enter(page, police.locator('summary'))
    t.match(await police.textContent(), /The register says so in an answer that it signed/)
    await check('portal-use-phone')
    const unread = page.locator('#whole .use', { hasText: 'Business Agency' })
    await enter(page, unread.locator('summary'))
    await unread.getByText('Whether you had agreed to this, or released it, could not be read.').waitFor()
    t.match(await unread.textContent(), /Your consent\s*Whether you had agreed/)
    t.equal(await page.getByText('released it, could not be read').count(), 1, 'of the others it is known')
    await check('portal-unread-phone')
    const saving = page.waitForEvent('download')
    await enter(page, first.getByRole('link', { name: /Save the proof of Population Agency/ }).first())
    t.equal((await saving).suggestedFilename(), 'proof-1.zip')
    await enter(page, first.getByRole('link', { name: 'This looks wrong' }))
    await page.getByRole('heading', { name: 'This looks wrong' }).waitFor()
    t.match(await page.locator('main').textContent(), /Population Agency.*DEV-1/s)
    await check('portal-wrong-phone')
    await choose(page, page.getByRole('radio', { name: 'I do not know why they asked' }))
    await write(page, page.getByRole('textbox', { name: 'In your words' }), 'Marked Complaint 91c4')
    await enter(page, page.getByRole('button', { name: 'Send the complaint' }))
    await page.getByRole('status').waitFor()
    t.match(
      await page.locator('main').textContent(),
      /K7QM2-9XWTA.*Your complaint was sent.*Marked Complaint/s,
    )
    await check('portal-complaint-phone')
    await enter(page, page.getByRole('link', { name: 'My complaints' }).first())
    await page.getByRole('heading', { name: 'My complaints', level: 1 }).waitFor()
    await check('portal-complaints-phone')
  })

  await t.test('at a desk, in Ukrainian, large and easy', async (t) => {
    const { page, load, check, checkBoth } = await visitor(t, chromium, { base: portal.url, context })
    await load('/')
    await check('portal-uses-desk')
    for (const language of ['et', 'ko', 'uk']) {
      await load(`/?language=${language}`)
      t.equal(await page.locator('html').getAttribute('lang'), language)
      await check(`portal-uses-${language}`)
    }
    await tabThrough(t, page, 'the list at a desk', 'body')
    await complainAnew(t, page, check)
    await load('/')
    await page.locator('.choose summary').press('Enter')
    await page.locator('select[name="organisation"]').press('T')
    await page.locator('select[name="proven"]').selectOption('differing')
    await page.locator('.choose button').press('Enter')
    await page.locator('#whole .note a[href="/"]').waitFor()
    // The page comes in pieces, the uses after this note.
    await page.waitForLoadState()
    t.match(new URL(page.url()).search, /organisation=[\w-]{16}&proven=differing/)
    t.equal(await page.locator('#whole .use').count(), 1)
    await checkBoth('portal-chosen')
    await load('/everything')
    await checkBoth('portal-everything')
    t.match(await page.locator('h2.part').allTextContents(), { length: 7 }, 'each section, on one page')
    await load('/?large=yes&easy=yes')
    t.equal(await page.locator('html').getAttribute('class'), 'large easy')
    await page.locator('#whole .use summary').first().click()
    await check('portal-easy-desk')
    await trySearch(t, page)
    await searchStores(t, page, PLANTED)
    t.equal((await page.context().cookies()).length, 1)
  })

  await t.test('a consent is given and taken back, by keyboard alone', async (t) => {
    for (const [name, size, language] of [
      ['phone', PHONE, 'uk'],
      ['desk', {}, 'en'],
    ] as const) {
      const { page, load, check } = await visitor(t, chromium, {
        base: portal.url,
        context: { ...context, ...size },
      })
      const token = name.padEnd(43, 'x')
      keeper.ask(token)
      await load(`/consents/asked/${population.id}/${token}?language=${language}&large=no&easy=no`)
      await check(`portal-asked-${name}`)
      await page.locator('input[name="kind"]').first().focus()
      await page.keyboard.press('ArrowDown')
      await page.locator('button[value="yes"]').press('Enter')
      await page.locator('a[href^="https://bank.example/loan"]').waitFor()
      t.match(keeper.consents[0], { kind: 'standing', state: 'ACTIVE', shown: { language } })
      if (name === 'phone') await check('portal-agreed-phone')
      if (name === 'phone') await page.locator('.menu summary').press('Enter')
      await page.locator('.menu a[href="/consents"]').press('Enter')
      await page.locator('.consents.active .consent').waitFor()
      const isFolded = await page.locator('.menu summary').isVisible()
      t.equal(isFolded, name === 'phone')
      if (isFolded) t.match(await page.locator('.menu summary').textContent(), /Мої згоди/)
      const here = await page.locator(isFolded ? '.menu summary' : '.menu [aria-current]').boundingBox()
      t.ok(here!.x >= 0 && here!.x + here!.width <= page.viewportSize()!.width, 'where one is, is in sight')
      await check(`portal-consents-${name}`)
      if (name === 'phone') await tabThrough(t, page, 'the consents', 'body')
      await page.locator('.consents.active .consent a').first().press('Enter')
      await page.locator('a[href^="/consents/withdraw"]').waitFor()
      await check(`portal-consent-${name}`)
      await page.locator('a[href^="/consents/withdraw"]').press('Enter')
      await page.locator('form[action="/consents/withdraw"] button').waitFor()
      if (name === 'phone') await check('portal-withdraw-phone')
      await page.locator('form[action="/consents/withdraw"] button').press('Enter')
      await page.locator('.note[role="status"]').waitFor()
      if (name === 'desk') await check('portal-withdrawn-desk')
      t.equal(keeper.consents[0]!.state, 'WITHDRAWN')
      await load('/consents')
      await page.locator('.consents.ended .consent a').press('Enter')
      await page.locator('a.at').press('Enter')
      await page.locator('#use-DEV-1').waitFor()
      t.ok(await page.locator('#use-DEV-1').isVisible(), 'a use leads to its row, which is open')
    }
  })

  await t.test('a person who went away, or signs out, leaves no list in any window', async (t) => {
    const leaving = openBrowser(t)
    for (const how of ['idle', 'out', 'early'] as const) {
      await leaving.login(portal.url, OTHER)
      const { page, load } = await visitor(t, chromium, {
        base: portal.url,
        context: sessionAt(leaving, portal.url),
      })
      const other = await page.context().newPage()
      await other.goto(`${portal.url}/`)
      await other.locator('#whole .use').first().waitFor()
      if (how === 'idle') await page.clock.install()
      // As before the page is whole: its script has not begun.
      if (how === 'early') await page.route('**/assets/*.js', (route) => route.abort(), { times: 1 })
      await load('/')
      if (how === 'idle') {
        await page.clock.fastForward(14 * 60_000)
        await page.locator('.idle').waitFor()
        await page.clock.fastForward(2 * 60_000)
      } else await page.locator('form[action="/logout"] button').click()
      for (const one of [page, other]) {
        await one.waitForURL(/\/ended\?language=/)
        t.equal(await one.locator('.use').count(), 0)
      }
      t.equal((await leaving.visit(`${portal.url}/stay`)).status, 401, 'the session is over')
    }
  })

  const place = { url: portal.url, register }
  await t.test(
    'mandates, messages and offers in Ukrainian, wide and narrow, by keyboard alone',
    async (t) => {
      await seeMandates(t, place, person)
      await seeNoticesAndOffers(t, place, person)
    },
  )
  await t.test('a wallet and a letter in Estonian', (t) => seeWalletAndLetter(t, place))
  await t.test('two credentials of two kinds attest what a contract wants, on a phone', (t) =>
    agreeByCredentials(t, chromium, { issuer, person: PERSON, other: OTHER, planted: PLANTED }),
  )
  await t.test('with a passkey, to look alone, by keyboard and in Ukrainian', (t) =>
    comeBack(t, chromium, { server: usages.url, issuer, person: PERSON, planted: PLANTED }),
  )
  await t.test('a counter in Estonian', async (t) => {
    const counter = await startPortal(t, {
      ...common,
      settings: {
        ...{ letters: true, counter: { claim: 'name', value: `Person ${CLERK}` } },
        person: { claim: 'sub', pattern: '^([PK][0-9]{8})$', country: 'EE' },
        mandates: { service: REGISTER, roles: ['COUNTER:HELP'] },
      },
    })
    const clerk = openBrowser(t)
    await clerk.login(counter.url, CLERK)
    await searchStores(t, await seeCounter(t, { url: counter.url, register }, clerk), PLANTED)
    await searchPortal(t, counter, PLANTED)
  })

  await t.test('without script, and on paper', async (t) => {
    const { page } = await visitor(t, chromium, {
      base: portal.url,
      context: { ...context, ...PHONE, javaScriptEnabled: false },
    })
    await page.goto(`${portal.url}/?language=en&large=no&easy=no`)
    t.match(await page.locator('#whole .use').first().textContent(), 'Tax Agency')
    t.equal(await page.locator('.so-far').isVisible(), false)
    t.match(
      await page.locator('#whole .waits').textContent(),
      /What waits for you[\s\S]*Not everybody could say/,
      'what waits is there without script too',
    )
    await page.emulateMedia({ media: 'print' })
    t.equal(await page.locator('.menu').isVisible(), false, 'paper has no menu')
  })

  await t.test('nothing of the person stays', async (t) => {
    // The browser is closed while the person is signed in: nothing has told it to forget.
    const lists = { url: portal.url, context: { ...sessionAt(person, portal.url), locale: 'en-GB' } }
    await searchProfile(t, { ...lists, planted: PLANTED }, async (page) => {
      await page.goto(`${portal.url}/?language=en&large=no&easy=no`)
      await page.locator('#whole .use').first().waitFor()
      await page.locator('#whole .use summary').first().click()
      await page.locator('a[href^="/wrong"]').first().click()
      await page.locator('#text').fill('Marked Complaint, not sent')
      for (const at of ['complaints', 'consents', 'services', 'notices', 'mandates', 'everything']) {
        await page.goto(`${portal.url}/${at}`)
        t.match(await page.locator('main').textContent(), READ[at]!, at)
      }
    })
    await searchPortal(t, portal, PLANTED)
  })
})

/** On each of these pages the person reads some of it. */
const READ: Record<string, RegExp> = {
  ...{ complaints: /Tax Agency/, consents: /Health Agency/, services: /Family benefits|Health Agency/ },
  ...{ notices: /person@mail|Population/, mandates: /./, everything: /Tax Agency/ },
}

/**
 * Takes the complaint of the phone back and sends another, at a desk, in Ukrainian and by Tab and Enter
 * alone.
 */
async function complainAnew(t: Test, page: Page, check: (name: string) => Promise<void>): Promise<void> {
  await enter(page, page.locator('.menu a[href="/complaints"]'))
  await enter(page, page.locator('main .card a, main li a').first())
  await enter(
    page,
    page.locator('form[action$="/withdrawal"] button, form[action$="/withdraw"] button').first(),
  )
  await page.getByText(uk['finding.withdrawn']).first().waitFor()
  await enter(page, page.locator('.menu a[href="/"]'))
  const newest = page.locator('#whole .use').first()
  await enter(page, newest.locator('summary'))
  await enter(page, newest.locator('a[href^="/wrong"]').first())
  await choose(page, page.locator('input[name="reason"][value="too-often"]'))
  await write(page, page.locator('#text'), 'Marked Complaint: занадто часто')
  await enter(page, page.getByRole('button', { name: uk['complain.send'] }))
  await page.getByRole('status').waitFor()
  t.equal(await page.locator('html').getAttribute('lang'), 'uk')
  t.match(await page.locator('main').textContent(), /B2B2B-C3C3C[\s\S]*Marked Complaint: занадто часто/)
  await check('portal-complaint-desk')
}
