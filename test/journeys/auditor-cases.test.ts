/**
 * What auditors do in a case, from beginning to end, in Chromium on one instance with both stores. A citizen
 * complains, two agencies' logs differ, a court orders a hold, the authority orders an audit, and content
 * ends. The pages of the citizen's case in all states are in auditor-console.test.ts, those of the others in
 * auditor-evidence.test.ts, hostile audit answers in witness.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { dayOf } from '#core/reconciliation/day.ts'
import { hasChromium, leaveDialog, openBrowser, type Visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, type PostgresqlServer, startPostgresql } from '../postgresql.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import { colons } from '../world.ts'
import { checkUnreadable } from './planted-values.ts'
import { SIDES, type Side, startTwoStores } from './two-stores.ts'
import { openWaitingOrders, ordersWaitingFor } from './waiting-orders.ts'

type Row = { index: number }
const PASSED = { verdict: 'TOTAL-PASSED' }

if (!hasChromium()) skipFor(t, 'Chromium is not installed')
else if (!hasPostgresql()) skipFor(t, 'PostgreSQL is not installed')
else await journey(await startPostgresql())

async function journey(postgresql: PostgresqlServer): Promise<void> {
  const world = await startTwoStores(t, postgresql)
  const { population, tax } = world.servers
  const { admin, registryAdmin, file } = world
  const chromium = await openBrowser()
  const policyOf = (side: Side): string => path.join(world.servers[side].directory, 'witnesses.policy')

  const ask = async (t: Test, id: string, at = 'persons/persons/P00000042'): Promise<void> => {
    const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id }
    t.equal((await world.ask('tax', `/r1/${population.client}/${at}`, { headers })).status, 200, id)
  }
  /** The record of the request with this message id. */
  const indexOf = async (side: Side, id: string): Promise<number> => {
    const rows = await admin[side].get<Row[]>(`/message-log/records?queryId=${id}&kind=request`)
    return rows[0]!.index
  }
  // Servers call each other and the registry about every half minute.
  const comes = (label: string, look: Parameters<typeof until>[1]) =>
    until(label, look, { deadlineMs: 180_000, pauseMs: 250 })
  /** Fills the dialog behind a button and keeps the file that the browser saves. */
  const take = async (
    one: Visitor,
    button: string | RegExp,
    why: object,
    name: string,
    confirm = typeof button === 'string' ? button : 'Download',
  ): Promise<string> => {
    const downloading = one.page.waitForEvent('download')
    // The dialog's own message tells more than a missing download.
    downloading.catch(() => undefined)
    await act(one, button, { ...why }, confirm, 'Your browser saves')
    await (await downloading).saveAs(file(name))
    await close(one)
    return file(name)
  }
  /** The people in the cases of one server: the auditor, the second auditor who agrees, and the officer. */
  const auditorOf = { population: 'piret', tax: 'tiina' }
  type Actors = { auditor: Visitor; second: Visitor; officer: Visitor }
  // One after the other: a server accepts twenty calls a second from one address.
  const arrive = async (side: Side): Promise<Actors> => ({
    auditor: await world.arrive(chromium, side, auditorOf[side]),
    second: await world.arrive(chromium, side, 'peeter'),
    officer: await world.arrive(chromium, side, 'olev'),
  })
  const [atPopulation, atTax] = await Promise.all(SIDES.map(arrive))
  const at = { population: atPopulation!, tax: atTax! }
  /** Does the same at both servers, and so on both stores. */
  const onBoth = (what: (side: Side, actors: Actors) => Promise<void>): Promise<unknown> =>
    Promise.all(SIDES.map((side) => what(side, at[side])))
  /** The page is the same at both servers: axe reads it at one of them. */
  const checkOnce = (side: Side, one: Visitor, name: string): Promise<void> =>
    side === 'population' ? one.check(`${name}-${side}`) : one.look(`${name}-${side}`)

  /** The auditor asks on her present page; the second person reads case and reason and agrees. */
  const agree = async ({ auditor, second }: Actors, why: Record<string, string>, case_: string) => {
    await act(auditor, 'Ask to see the content', why, 'Ask to see the content', 'Asked.')
    await close(auditor)
    await second.open('/content-requests?state=waiting')
    await second.page.getByText(case_).waitFor()
    await act(second, /^Agree that/, {}, 'Agree', 'they can see it for a day')
    await close(second)
  }
  const whoLooked = async (t: Test, one: Visitor, q: string, said: RegExp): Promise<void> => {
    await one.open(`/looks?q=${q}`)
    t.match(await one.page.locator('tbody').textContent(), said, `on record: ${q}`)
  }

  await t.test('exchanges, and an authority that orders an audit of them', async (t) => {
    for (const id of ['complaint', 'dispute', 'court', 'other']) await ask(t, id)
    const from = (ms: number): string => new Date(world.now() + ms).toISOString()
    const { keys, name } = world.authority
    const { code } = await world.concordat(
      ...['audit-order', 'create', '--keys', keys, '--authority', name, '--instance', 'DEV'],
      ...['--case', 'DP-17/2026', '--legal-basis', 'Data Protection Act, section 40'],
      ...['--server', population.id, '--server', tax.id, '--party', tax.member],
      ...['--from', from(-3_600_000), '--to', from(60_000), '--deadline', from(3_600_000)],
      ...['--sample', '3', '--out', file('order.json')],
    )
    t.equal(code, undefined, 'the order is signed')
    await registryAdmin.send('POST', '/audit-orders', readFileSync(file('order.json')))
    await world.prove()
  })

  await t.test('what was exchanged is readable in no file, log line or dump', (t) =>
    checkUnreadable(t, world, postgresql),
  )

  await t.test('a citizen complains: who asked for my data, and why', async (t) => {
    type Index = { backlog: { records: number } }
    await comes(
      'the index by person',
      async (saw) => saw(await admin.population.get<Index>('/message-log/subjects')).backlog.records === 0,
    )
    const piret = at.population.auditor
    await piret.open('/about-a-person')
    await piret.page.getByLabel('Case number').fill('C-1')
    await piret.page.getByLabel('Reason').fill('complaint of a citizen')
    await piret.page.getByLabel('Identifier of the person').fill('P00000042')
    await piret.page.getByRole('button', { name: 'Search for a person' }).click()
    await piret.page.getByText('wants a second auditor to agree').waitFor()
    await piret.check('cases-person-waits')
    await agree(at.population, {}, 'C-1')
    await at.population.second.check('cases-person-agreed')
    await piret.page.reload()
    await piret.page.getByRole('heading', { name: 'Is this all?' }).waitFor()
    await piret.settled()
    t.ok((await piret.page.locator('main').last().textContent())?.includes('DEV:GOV:1002:tax'), 'who asked')
    t.ok((await piret.page.getByRole('link', { name: /^Record \d/ }).count()) >= 4, 'each exchange')
    t.notMatch(await piret.page.content(), /P00000042/)
    await piret.check('cases-person-found')
    await whoLooked(t, piret, 'C-1', /Piret Pärn.*searched for a person.*complaint of a citizen/)
  })

  await t.test('two agencies dispute an exchange: each has the same proof', async (t) => {
    const why = { 'Case number': 'D-1', Reason: 'they say they never asked' }
    await onBoth(async (side, actors) => {
      const { auditor } = actors
      await auditor.open(`/exchanges/${await indexOf(side, 'dispute')}`)
      await auditor.page.getByText('passed').nth(1).waitFor()
      await checkOnce(side, auditor, 'cases-dispute')
      await agree(actors, why, 'D-1')
      const bundle = await take(auditor, 'Evidence bundle', why, `dispute-${side}.zip`)
      // Verified with the configuration of the other side.
      const other = side === 'tax' ? 'population' : 'tax'
      t.match(await world.verify(other, bundle, '--witnesses', policyOf(side)), PASSED, side)
      await whoLooked(t, auditor, 'D-1', /took the evidence bundle, with content.*they say they never asked/)
      await checkOnce(side, auditor, 'cases-looks')
    })
  })

  await t.test('a court wants it kept and shown; afterwards it goes', async (t) => {
    await onBoth(async (side, actors) => {
      const { auditor, officer } = actors
      const index = await indexOf(side, 'court')
      const court = { 'Case number': 'H-26/4', Reason: 'order of the court' }
      await auditor.open('/holds')
      await act(auditor, 'Set a hold', { ...court, Records: `${index}` }, 'Set a hold', 'is in force')
      await close(auditor)
      await checkOnce(side, auditor, 'cases-hold')
      const erasure = { Record: `${index}`, 'Case number': 'E-1', Reason: 'the citizen asked' }
      const erase = (said: string): Promise<void> =>
        act(
          officer,
          'Order an erasure',
          { ...erasure, 'Name, to confirm': 'ERASE' },
          'Order an erasure',
          said,
        )
      await officer.open('/retention')
      await erase('A legal hold covers this content')
      t.match(await officer.page.getByRole('dialog').textContent(), /H-26\/4/, 'it says which')
      await checkOnce(side, officer, 'cases-erasure-refused')
      await leaveDialog(officer.page)
      await officer.open('/holds')
      await officer.page.getByText('in force').last().waitFor()
      t.equal(
        await officer.page.getByRole('button', { name: 'Lift hold' }).count(),
        0,
        'who erases lifts none',
      )

      await auditor.open(`/exchanges/${index}`)
      await agree(actors, court, 'H-26/4')
      const show = `Show content of record ${index}`
      await act(auditor, show, court, 'Show content', 'Signed message')
      const raw = auditor.page.getByRole('textbox', { name: 'Signed message' })
      t.match(await raw.inputValue(), /P00000042/)
      await checkOnce(side, auditor, 'cases-disclosed')
      await close(auditor)
      const bundle = await take(auditor, 'Evidence bundle', court, `court-${side}.zip`)
      t.match(await world.verify(side, bundle, '--witnesses', policyOf(side)), PASSED)

      await auditor.open('/holds')
      const lift = { Reason: 'the court has decided', 'Name, to confirm': 'H-26/4' }
      await act(auditor, 'Lift hold', lift, 'Lift', 'The hold is lifted.')
      await close(auditor)
      await checkOnce(side, auditor, 'cases-hold-lifted')
      await officer.open('/retention')
      await erase('The content of 2 records was destroyed.')
      await close(officer)
      await officer.open('/retention')
      const refused = officer.page.getByText('refused; gone since')
      await refused.waitFor()
      t.equal(await officer.page.locator('.status', { hasText: /^\W*gone$/ }).count(), 1, 'the second one')
      await checkOnce(side, officer, 'cases-erased')
      await auditor.open(`/exchanges/${index}`)
      await auditor.page.getByText('Its content was erased').first().waitFor()
      t.equal(await auditor.page.getByRole('button', { name: show }).count(), 0)
      await checkOnce(side, auditor, 'cases-exchange-erased')
      t.match(await world.verify(side, bundle), PASSED, 'the court has it')
    })
  })

  await t.test('the authority ordered an audit: agreed to here, opened there', async (t) => {
    type Ordered = { id: string; servers: { server: string; state: string }[] }
    const orders = (): Promise<Ordered[]> => registryAdmin.get<Ordered[]>('/audit-orders')
    // The servers fetch orders every half minute.
    world.pass(31_000)
    await onBoth(async (side, { auditor, second }) => {
      await comes('the order', async () => (await admin[side].get<Row[]>('/audit-orders')).length > 0)
      await openWaitingOrders(auditor)
      await checkOnce(side, auditor, 'cases-audit-order')
      await act(auditor, 'Agree to the order', {}, 'Agree', 'A second person has to agree')
      await close(auditor)
      await auditor.page.getByText(/(Piret|Tiina) .*agreed/).waitFor()
      await checkOnce(side, auditor, 'cases-audit-order-agreed')
      t.equal(await ordersWaitingFor(auditor), 0, 'it waits for another one')
      await openWaitingOrders(second)
      await act(second, 'Agree to the order', {}, 'Agree', 'answered within a minute')
      await close(second)
    })
    world.pass(31_000)
    await comes('the answers', async (saw) =>
      saw(await orders())[0]!.servers.every(({ state }) => state === 'ANSWERED'),
    )
    const [order] = await orders()
    await onBoth(async (side, { auditor }) => {
      await auditor.open('/audit-orders')
      await auditor.page.getByText(/Decided by Peeter/).waitFor()
      await checkOnce(side, auditor, 'cases-audit-order-answered')
      const { id, directory } = world.servers[side]
      const answer = await registryAdmin.bytes(`/audit-orders/${order!.id}/answers/${colons(id)}`)
      writeFileSync(file(`answer-${side}.json`), answer)
      const opened = await world.concordat(
        ...['audit-order', 'open', '--keys', world.authority.keys, '--order', file('order.json')],
        ...['--conf', path.join(directory, 'configuration/current/globalconf')],
        ...['--witnesses', policyOf(side), '--out', file(`found-${side}`)],
        ...['--answer', file(`answer-${side}.json`)],
      )
      t.equal(opened.code, undefined, opened.stdout)
      for (const said of [/Signature: holds/, /Sample: holds/, /Seed: holds/]) t.match(opened.stdout, said)
    })
  })

  await t.test(
    'a service whose content is to end after a day, and a court that wants some of it',
    async (t) => {
      await onBoth(async (side, { officer }) => {
        await officer.open('/retention')
        const class_ = { 'Retention class': 'a-day', Kept: '1', 'Before that': 'CONTAINERS' }
        await act(officer, 'Make or change a class', class_, 'Make or change a class', 'as you said')
        await close(officer)
        const service = { Service: `${colons(population.client)}:short`, 'Retention class': 'a-day' }
        const assign = 'Put a service into a class'
        await act(officer, assign, service, assign, 'is in the class')
        await close(officer)
        await checkOnce(side, officer, 'cases-retention')
      })
      for (const id of ['ending', 'kept']) await ask(t, id, 'short/something')
      await onBoth(async (_, { auditor }) => {
        await auditor.open('/holds')
        const court = { 'Case number': 'H-26/5', Reason: 'order of the court', 'Message id': 'kept' }
        await act(auditor, 'Set a hold', court, 'Set a hold', 'is in force')
        await close(auditor)
      })
      await world.prove()
    },
  )

  await t.test('one side loses a record; two days later both have signed that it did', async (t) => {
    const restore = await world.backUpTax()
    await ask(t, 'lost')
    const day = dayOf(world.now())
    await world.prove()
    await restore()
    await world.settleToday()
    const lost = await indexOf('population', 'lost')
    type Compared = { day: string; state: string }
    for (const side of SIDES)
      await comes(`a statement at ${side}`, async (saw) => {
        const days = saw(await admin[side].get<Compared[]>('/reconciliations'))
        return days.some((one) => one.day === day && one.state === 'concluded')
      })
    // After two days a session has ended.
    await Promise.all(
      SIDES.map(async (side) => {
        const auditor = await world.arrive(chromium, side, auditorOf[side])
        at[side] = { ...at[side], auditor, second: await world.arrive(chromium, side, 'peeter') }
      }),
    )
    const [piret, tiina] = [at.population.auditor, at.tax.auditor]
    const statements: string[] = []
    for (const [side, one] of [
      ['population', piret],
      ['tax', tiina],
    ] as const) {
      await one.open(`/reconciliation?day=${day}`)
      await one.page.getByText('both signed, and they differ').waitFor()
      await checkOnce(side, one, 'cases-reconciliation')
      const statement = await take(one, /^Download the statement/, {}, `${side}.json`)
      t.match(await world.verify(side, statement), {
        ...PASSED,
        statement: { counts: { missingAtSecond: 1 } },
      })
      statements.push(readFileSync(statement, 'utf8'))
    }
    t.equal(statements[0], statements[1], 'both hold the same')
    await piret.open(`/cases?day=${day}`)
    await piret.page.getByRole('link', { name: /^Case \d/ }).click()
    await piret.page.getByText('(it is missing there)').waitFor()
    await piret.page.getByRole('link', { name: `Record ${lost}` }).waitFor()
    await piret.check('cases-case-population')
    await tiina.open(`/cases?day=${day}`)
    await tiina.page.getByRole('link', { name: /^Case \d/ }).click()
    await tiina.page.getByText('(it is missing here)').waitFor()
    await tiina.page.getByText('its proofs lead to its signed state of the log').waitFor()
    await tiina.page.getByText('This side showed nothing').waitFor()
    await act(tiina, 'Assign', {}, 'Assign', 'Tiina Toom looks into it.')
    await close(tiina)
    const why = { 'New state': 'explained', Reason: 'restored from the backup of the night' }
    await act(tiina, 'Explain or close', why, 'Explain or close', 'The case is explained.')
    await close(tiina)
    await tiina.check('cases-case-tax')
  })

  await t.test('the content has ended: archived, verified, gone; its proof stays', async (t) => {
    type Archive = { file: string; complete: boolean; class: string }
    await onBoth(async (side, { auditor, second }) => {
      const [index, kept] = [await indexOf(side, 'ending'), await indexOf(side, 'kept')]
      const isGone = async (at: number): Promise<boolean> =>
        (await admin[side].get<{ erased?: string | null }>(`/message-log/records/${at}`)).erased != null
      await comes('the end of the content', () => isGone(index))
      const [archive] = await admin[side].get<Archive[]>('/message-log/archives?class=a-day')
      t.match(archive, { complete: true })
      await auditor.open('/archives')
      await auditor.page.getByText(archive!.file).waitFor()
      await checkOnce(side, auditor, 'cases-archives')
      const inspected = { 'Case number': 'I-1', Reason: 'inspection of archives' }
      // By its name, because another archive may be made meanwhile.
      const [asks, takes] = ['Ask to see the content of', 'Take the'].map(
        (start) => new RegExp(`^${start} archive ${archive!.file}$`),
      )
      await act(auditor, asks!, inspected, 'Ask to see the content', 'Asked.')
      await close(auditor)
      await second.open('/content-requests?state=waiting')
      await second.page.getByText('I-1').waitFor()
      await act(second, /^Agree that/, {}, 'Agree', 'they can see it for a day')
      await close(second)
      await auditor.open('/archives')
      const saved = await take(auditor, takes!, inspected, `taken-${side}.zip`, 'Take the archive')
      t.match(await world.verify(side, saved, '--previous', 'none'), PASSED, 'as it was taken')
      await whoLooked(t, auditor, 'I-1', /took an archive/)
      const where = path.join(world.servers[side].directory, 'archives', archive!.file)
      t.match(await world.verify(side, where, '--previous', 'none'), PASSED)
      await auditor.open(`/exchanges/${index}`)
      await auditor.page.getByText('Its content was erased').first().waitFor()
      t.equal(await auditor.page.getByRole('button', { name: /^Show content/ }).count(), 0)
      for (const proof of ['in the log', 'stamped'])
        t.equal(await auditor.page.locator('.status', { hasText: proof }).count(), 2, proof)
      const said = await auditor.page.locator('main').textContent()
      t.match(said, /population:short/, 'who asked for what')
      t.match(said, /end of retention.*a-day/, 'why it was erased')
      t.ok(said?.includes(archive!.file), 'where it is kept')
      await checkOnce(side, auditor, 'cases-content-ended')
      await whoLooked(t, auditor, `record+${index}`, /(Piret|Tiina) .*looked at an exchange/)

      t.equal(await isGone(kept), false, 'what a court wants stays')
      await auditor.open('/holds?active=true')
      const lift = { Reason: 'the court has decided', 'Name, to confirm': 'H-26/5' }
      await act(auditor, 'Lift hold', lift, 'Lift', 'The hold is lifted.')
      await close(auditor)
      await comes('the end of what was held', () => isGone(kept))
      const { settingsFile } = world.servers[side]
      t.match(JSON.parse((await world.concordat('log', 'verify', '--json', settingsFile)).stdout), {
        ok: true,
      })
    })
    const { page, look } = at.population.auditor
    await at.population.auditor.open(`/exchanges/${await indexOf('population', 'ending')}`)
    await page.setViewportSize({ width: 320, height: 640 })
    await look('cases-content-ended-narrow')
  })
}
