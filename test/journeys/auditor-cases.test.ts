/**
 * What auditors do in a case, from its beginning to its end, in Chromium on one instance with both stores: a citizen complains, two
 * agencies differ, a court orders, the authority orders, and content comes to its end. The citizen's pages in all their states are
 * in auditor-console.test.ts, those of the others in auditor-evidence.test.ts, hostile audit answers in witness.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { hasChromium, openBrowser, type Visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, type PostgresqlServer, startPostgresql } from '../postgresql.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import { type Side, startTwoStores } from './two-stores.ts'

t.setTimeout(400_000)

type Row = { index: number; metadata?: { requestId: string } }
const PASSED = { verdict: 'TOTAL-PASSED' }

if (!hasChromium()) skipFor(t, 'Chromium is not installed')
else if (!hasPostgresql()) skipFor(t, 'PostgreSQL is not installed')
else await journey(await startPostgresql())

async function journey(postgresql: PostgresqlServer): Promise<void> {
  const world = await startTwoStores(t, postgresql)
  const { population, tax } = world.servers
  const { admin, registryAdmin, file } = world
  const chromium = await openBrowser(t)
  const policyOf = (side: Side): string => path.join(world.servers[side].directory, 'witnesses.policy')
  const today = (): string => new Date().toISOString().slice(0, 10)

  const ask = async (t: Test, id: string, at = 'persons/persons/P00000042'): Promise<void> => {
    const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id }
    t.equal((await world.ask('tax', `/r1/${population.client}/${at}`, { headers })).status, 200, id)
  }
  /** The record of the request with this message id. */
  const indexOf = async (side: Side, id: string): Promise<number> => {
    const rows = await admin[side].get<Row[]>(`/message-log/records?queryId=${id}&kind=request`)
    return rows[0]!.index
  }
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const late = performance.now() + 60_000
    while (!(await holds())) {
      if (performance.now() > late) throw new Error(`${what}: not within a minute`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  /** Fills the dialog behind a button and keeps the file that the browser saves. */
  const take = async (one: Visitor, button: string | RegExp, why: object, name: string): Promise<string> => {
    const confirm = typeof button === 'string' ? button : 'Download'
    const [download] = await Promise.all([
      one.page.waitForEvent('download'),
      act(one, button, { ...why }, confirm, 'Your browser saves'),
    ])
    await download.saveAs(file(name))
    await close(one)
    return file(name)
  }
  const atPopulation = (subject: string): Promise<Visitor> => world.arrive(chromium, 'population', subject)
  const arriveBoth = () => Promise.all([atPopulation('piret'), world.arrive(chromium, 'tax', 'tiina')])
  // One after the other: a server takes twenty calls a second of one address.
  const [piret, tiina] = await arriveBoth()
  const [peeter, olev] = [await atPopulation('peeter'), await atPopulation('olev')]
  /** The second person reads case and reason and agrees. */
  const agree = async (caseNumber: string): Promise<void> => {
    await peeter.open('/content-requests?state=waiting')
    await peeter.page.getByText(caseNumber).waitFor()
    await act(peeter, 'Agree that Piret Pärn sees it', {}, 'Agree', 'they can see it for a day')
    await close(peeter)
  }
  const whoLooked = async (t: Test, one: Visitor, q: string, said: RegExp): Promise<void> => {
    await one.open(`/looks?q=${q}`)
    t.match(await one.page.locator('tbody').textContent(), said, `on record: ${q}`)
  }

  await t.test('exchanges, and an authority that orders an audit of them', async (t) => {
    for (const id of ['complaint', 'dispute', 'court', 'other']) await ask(t, id)
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString()
    const { keys, name } = world.authority
    const { code } = await world.concordat(
      ...['audit-order', 'create', '--keys', keys, '--authority', name, '--instance', 'DEV'],
      ...['--case', 'DP-17/2026', '--legal-basis', 'Data Protection Act, section 40'],
      ...['--server', population.id, '--party', tax.member, '--from', at(-3_600_000), '--to', at(60_000)],
      ...['--deadline', at(3_600_000), '--sample', '3', '--out', file('order.json')],
    )
    t.equal(code, undefined, 'the order is signed')
    await registryAdmin.send('POST', '/audit-orders', readFileSync(file('order.json')))
    await world.prove()
  })

  await t.test('a citizen complains: who asked for my data, and why', async (t) => {
    type Index = { backlog: { records: number } }
    await until('the index by person', async () => {
      return (await admin.population.get<Index>('/message-log/subjects')).backlog.records === 0
    })
    await piret.open('/about-a-person')
    await piret.page.getByLabel('Case number').fill('C-1')
    await piret.page.getByLabel('Reason').fill('complaint of a citizen')
    await piret.page.getByLabel('Identifier of the person').fill('P00000042')
    await piret.page.getByRole('button', { name: 'Search for a person' }).click()
    await piret.page.getByText('wants a second auditor to agree').waitFor()
    await piret.check('cases-person-waits')
    await act(piret, 'Ask to see the content', {}, 'Ask to see the content', 'Asked.')
    await close(piret)
    await agree('C-1')
    await peeter.check('cases-person-agreed')
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
    await tiina.open(`/exchanges/${await indexOf('tax', 'dispute')}`)
    await tiina.page.getByText('passed').nth(1).waitFor()
    await tiina.check('cases-dispute-tax')
    const asked = await take(tiina, 'Evidence bundle', why, 'tax.zip')
    await piret.open(`/exchanges/${await indexOf('population', 'dispute')}`)
    await piret.page.getByText('passed').nth(1).waitFor()
    await act(piret, 'Ask to see the content', why, 'Ask to see the content', 'Asked.')
    await close(piret)
    await agree('D-1')
    const answered = await take(piret, 'Evidence bundle', why, 'population.zip')
    // Each bundle is judged by what the other side pins and knows.
    for (const [side, bundle, peer] of [
      ['tax', asked, 'population'],
      ['population', answered, 'tax'],
    ] as const)
      t.match(await world.verify(peer, bundle, '--witnesses', policyOf(side)), PASSED, side)
    await whoLooked(t, piret, 'D-1', /took the evidence bundle, with content.*they say they never asked/)
    await piret.check('cases-looks')
  })

  await t.test('a court wants it kept and shown; afterwards it goes', async (t) => {
    const index = await indexOf('population', 'court')
    const court = { 'Case number': 'H-26/4', Reason: 'order of the court' }
    await piret.open('/holds')
    await act(piret, 'Set a hold', { ...court, Records: `${index}` }, 'Set a hold', 'is in force')
    await close(piret)
    await piret.check('cases-hold')
    const erasure = {
      ...{
        Record: `${index}`,
        'Case number': 'E-1',
        Reason: 'the citizen asked',
        'Name, to confirm': 'ERASE',
      },
    }
    const erase = (said: string): Promise<void> =>
      act(olev, 'Order an erasure', erasure, 'Order an erasure', said)
    await olev.open('/retention')
    await erase('A legal hold covers this content')
    t.match(await olev.page.getByRole('dialog').textContent(), /H-26\/4/, 'it says which')
    await olev.check('cases-erasure-refused')
    await olev.page.keyboard.press('Escape')
    await olev.open('/holds')
    await olev.page.getByText('in force').last().waitFor()
    t.equal(await olev.page.getByRole('button', { name: 'Lift hold' }).count(), 0, 'who erases lifts nothing')

    await piret.open(`/exchanges/${index}`)
    await act(piret, 'Ask to see the content', court, 'Ask to see the content', 'Asked.')
    await close(piret)
    await agree('H-26/4')
    const show = `Show content of record ${index}`
    await act(piret, show, court, 'Show content', 'Signed message')
    t.match(await piret.page.getByRole('textbox', { name: 'Signed message' }).inputValue(), /P00000042/)
    await piret.check('cases-disclosed')
    await close(piret)
    const bundle = await take(piret, 'Evidence bundle', court, 'court.zip')
    t.match(await world.verify('population', bundle, '--witnesses', policyOf('population')), PASSED)

    await piret.open('/holds')
    const lift = { Reason: 'the court has decided', 'Name, to confirm': 'H-26/4' }
    await act(piret, 'Lift hold', lift, 'Lift', 'The hold is lifted.')
    await close(piret)
    await piret.check('cases-hold-lifted')
    await olev.open('/retention')
    await erase('The content of 2 records was destroyed.')
    await close(olev)
    await olev.check('cases-erased')
    await piret.open(`/exchanges/${index}`)
    await piret.page.getByText('Its content was erased').first().waitFor()
    t.equal(await piret.page.getByRole('button', { name: show }).count(), 0)
    await piret.check('cases-exchange-erased')
    t.match(await world.verify('population', bundle), PASSED, 'the court has it')
  })

  await t.test('the authority ordered an audit: agreed to here, opened there', async (t) => {
    // The server asks every half minute.
    world.pass(31_000)
    await until('the order', async () => (await admin.population.get<Row[]>('/audit-orders')).length > 0)
    await piret.open('/audit-orders')
    await piret.page.getByText('waits for a decision').last().waitFor()
    await piret.check('cases-audit-order')
    await act(piret, 'Agree to the order', {}, 'Agree', 'answered within a minute')
    await close(piret)
    type Ordered = { id: string; servers: { state: string }[] }
    const order = async (): Promise<Ordered> => (await registryAdmin.get<Ordered[]>('/audit-orders'))[0]!
    world.pass(31_000)
    await until('the answer', async () => (await order()).servers[0]?.state === 'ANSWERED')
    await piret.open('/audit-orders')
    await piret.page.getByText('Decided by Piret Pärn').waitFor()
    await piret.check('cases-audit-order-answered')
    const answers = `/audit-orders/${(await order()).id}/answers/${colons(population.id)}`
    writeFileSync(file('answer.json'), await registryAdmin.bytes(answers))
    const opened = await world.concordat(
      ...['audit-order', 'open', '--keys', world.authority.keys, '--order', file('order.json')],
      ...['--conf', path.join(population.directory, 'configuration/current/globalconf')],
      ...['--witnesses', policyOf('population'), '--out', file('found'), '--answer', file('answer.json')],
    )
    t.equal(opened.code, undefined, opened.stdout)
    t.match(opened.stdout, /Signature: holds[\s\S]*Sample: holds|Sample: holds[\s\S]*Signature: holds/)
  })

  await t.test('a service whose content is to end after a day', async (t) => {
    await olev.open('/retention')
    const class_ = { 'Retention class': 'a-day', Kept: '1', 'Before that': 'CONTAINERS' }
    await act(olev, 'Make or change a class', class_, 'Make or change a class', 'as you said')
    await close(olev)
    const service = { Service: `${colons(population.client)}:short`, 'Retention class': 'a-day' }
    await act(olev, 'Put a service into a class', service, 'Put a service into a class', 'is in the class')
    await close(olev)
    await olev.check('cases-retention')
    for (const id of ['ending', 'kept']) await ask(t, id, 'short/something')
    await piret.open('/holds')
    const court = { 'Case number': 'H-26/5', Reason: 'order of the court', 'Message id': 'kept' }
    await act(piret, 'Set a hold', court, 'Set a hold', 'is in force')
    await close(piret)
    await world.prove()
  })

  const later = { piret, tiina }
  await t.test('one side loses a record; two days later both have signed that it did', async (t) => {
    const restore = await world.backUpTax()
    await ask(t, 'lost')
    const day = today()
    await world.prove()
    await restore()
    await world.settleToday()
    const lost = await indexOf('population', 'lost')
    type Compared = { day: string; state: string }
    for (const side of ['population', 'tax'] as const)
      await until(`a statement at ${side}`, async () => {
        const days = await admin[side].get<Compared[]>('/reconciliations')
        return days.some((one) => one.day === day && one.state === 'concluded')
      })
      // Two days end a session.
    ;[later.piret, later.tiina] = await arriveBoth()
    const { piret, tiina } = later
    const statements: string[] = []
    for (const [side, one] of [
      ['population', piret],
      ['tax', tiina],
    ] as const) {
      await one.open(`/reconciliation?day=${day}`)
      await one.page.getByText('both signed, and they differ').waitFor()
      await one.check(`cases-reconciliation-${side}`)
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
    await tiina.page.getByText('its proofs lead to its signed tree head').waitFor()
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
    const index = await indexOf('population', 'ending')
    const kept = await indexOf('population', 'kept')
    const isGone = async (at: number): Promise<boolean> =>
      (await admin.population.get<{ erased?: string | null }>(`/message-log/records/${at}`)).erased != null
    await until('the end of the content', () => isGone(index))
    const [archive] = await admin.population.get<Archive[]>('/message-log/archives?class=a-day')
    t.match(archive, { complete: true })
    const { piret } = later
    await piret.open('/archives')
    await piret.page.getByText(archive!.file).waitFor()
    await piret.check('cases-archives')
    const where = path.join(population.directory, 'archives', archive!.file)
    t.match(await world.verify('population', where, '--previous', 'none'), PASSED)
    await piret.open(`/exchanges/${index}`)
    await piret.page.getByText('Its content was erased').first().waitFor()
    t.equal(await piret.page.getByRole('button', { name: /^Show content/ }).count(), 0)
    for (const proof of ['in the log', 'stamped'])
      t.equal(await piret.page.locator('.status', { hasText: proof }).count(), 2, proof)
    const said = await piret.page.locator('main').textContent()
    t.match(said, /population:short/, 'who asked for what')
    t.match(said, /end of retention.*a-day/, 'why it was erased')
    t.ok(said?.includes(archive!.file), 'where it is kept')
    await piret.check('cases-content-ended')
    await piret.page.setViewportSize({ width: 320, height: 640 })
    await piret.look('cases-content-ended-narrow')
    await piret.page.setViewportSize({ width: 1280, height: 800 })
    t.equal(await isGone(kept), false, 'what a court wants stays')
    await piret.open('/holds?active=true')
    const lift = { Reason: 'the court has decided', 'Name, to confirm': 'H-26/5' }
    await act(piret, 'Lift hold', lift, 'Lift', 'The hold is lifted.')
    await close(piret)
    await until('the end of what was held', () => isGone(kept))
    await whoLooked(t, piret, `record+${index}`, /Piret Pärn.*looked at an exchange/)
    for (const { settingsFile } of [population, tax])
      t.match(JSON.parse((await world.concordat('log', 'verify', '--json', settingsFile)).stdout), {
        ok: true,
      })
  })
}
