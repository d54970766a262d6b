/**
 * The console of auditors in Chromium, for people who logged in: witnesses, verification, retention,
 * reconciliation and cases, content that two agree to, and who may log in. The management API runs in this
 * process, so that days, forks and holds can be set up at once.
 */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import type { Browser as Chromium } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildConsoles } from '#console/build.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createOwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { idText } from '#schemas/identifiers.ts'
import { createAuditOrderStore } from '#security-server/features/audit-orders/store.ts'
import { countsOf } from '#security-server/features/reconciliation/counts-fixture.ts'
import { createReconciliationStore } from '#security-server/features/reconciliation/store.ts'
import { startWitness } from '#security-server/features/witness/witness-room-fixture.ts'
import { SERVER, signedRecord } from '#security-server/message-log/fixture.ts'
import { type AdminWorld, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasChromium, leaveDialog, openBrowser as openChromium, type Visitor, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { seeListWithoutRows, walkListStates } from '../list-states.ts'
import { skipFor } from '../outside-tools.ts'
import { act, close } from '../second-person.ts'
import { administer } from './administer-server.ts'
import { changeByTwo } from './change-by-two.ts'
import { attached, readAttachments } from './read-attachments.ts'
import { openWaitingOrders } from './waiting-orders.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const HOSTILE = `<img/src=x/onerror=alert(1)>"{{7*7}}`
const [AUDITOR, CONTENT, SYSTEM, SECURITY, OBSERVER] = [
  'XROAD_AUDITOR',
  'XROAD_CONTENT_AUDITOR',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SECURITYSERVER_OBSERVER',
]
const PAGES: Record<string, string> = {
  ...{ witnesses: '/witnesses', verification: '/verification', reconciliation: '/reconciliation' },
  ...{ cases: '/cases', retention: '/retention', holds: '/holds', archives: '/archives' },
  ...{ 'audit-orders': '/audit-orders', 'content-requests': '/content-requests' },
  ...{ people: '/people', backups: '/backups', 'api-keys': '/api-keys' },
}

/** Whose list said that it is empty in a new log. */
const seenEmpty = new Set<string>()
/** One audit order that waits for a decision and is overdue, and one that was answered. */
async function orderAudits({ database }: AdminWorld): Promise<void> {
  const store = createAuditOrderStore(database)
  const scope = {
    ...{
      parties: ['DEV/GOV/1002'],
      contract: `${randomUUID()}/2`,
      purposes: [HOSTILE],
      endpoints: [HOSTILE],
    },
    ...{ from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' },
  }
  const order = {
    ...{ version: 2, id: randomUUID(), createdAt: scope.from, instance: 'DEV', authority: HOSTILE },
    ...{ case: 'DP-1', legalBasis: HOSTILE, deadline: scope.to, servers: ['DEV/GOV/1/s'], scope, sample: 2 },
    recipient: Buffer.alloc(32).toString('base64'),
  }
  const row = {
    ...{ authority: HOSTILE, case_number: 'DP-1', seed: '', document: JSON.stringify(order), clearance: 0 },
    ...{ deadline: '2026-01-01T00:00:00.000Z', received_at: scope.from, reason: null, decided_by: null },
    ...{ decided_at: null, agreed_by: null, agreed_by_name: null, agreed_at: null, matched: null },
    ...{ sample: null, answered_at: null, error: null },
  }
  for (const [state, more] of [
    ['waiting', {}],
    ['answered', { matched: 7, sample: '[1,4]', decided_by: HOSTILE }],
    ['refused', { reason: HOSTILE, document: JSON.stringify({ ...order, version: 3 }) }],
  ] as const)
    await store.add({ ...row, id: randomUUID(), sha256: randomUUID(), state, ...more })
}

/** Two days compared with another server; on one of them the logs differ. */
async function reconcile({ database, world }: AdminWorld): Promise<void> {
  const store = createReconciliationStore(database)
  const now = new Date(world.now).toISOString()
  const pairs = ['2026-11-22', '2026-11-23', '2026-11-24'].map((day) => ({
    ...{ day, own: 'DEV/GOV/1000', peer: 'DEV/GOV/2000', server: 'DEV/GOV/2000/ss2', secrecy: 0 },
  }))
  for (const pair of pairs) await store.plan(pair.day, [pair], now)
  const record = {
    index: 0,
    form: JSON.stringify({ kind: 'request', time: now, outcome: '' }),
    path: [],
    treeHead: `DEV/GOV/1000/ss1\n5\nAAAA\n`,
  }
  const proofs = {
    own_proof: JSON.stringify({ requestId: 'r-1', records: [record] }),
    peer_proof: JSON.stringify({ requestId: 'r-1', records: [{ ...record, index: 8, form: HOSTILE }] }),
  }
  const finding = { class: 'missing', at: 'second', reason: 'exchange', asks: 'first' }
  for (const [at, pair] of pairs.entries()) {
    if (at === 0) continue
    const session = `s${at}`
    await store.begin(pair, {
      seen: await store.find(pair),
      session,
      role: 'asking',
      progress: {},
      now,
      secrecy: 0,
    })
    const differ = { request_id: 'r-1', finding: JSON.stringify(finding), ...proofs, peer_proof_holds: 0 }
    const none = { ...differ, request_id: HOSTILE, own_proof: '{}', peer_proof: '{"without":"erased"}' }
    await store.conclude({
      ...{ session, now, statement: '{"payload":"","signatures":[]}' },
      counts: countsOf(at === 1 ? { matched: 4, missingAtSecond: 2 } : { matched: 12, unconfirmed: 1 }),
      cases: at === 1 ? [differ, none] : [],
    })
  }
}

/** The log's first record is about its own key. Returns the index of the first message. */
async function fill(world: AdminWorld): Promise<number> {
  const { messageLog, ask } = world
  const request = await signedRecord({ body: await attached(world) })
  const { index } = await messageLog.append(request)
  const reply = { kind: 'reply', outcome: 'ok', direction: 'out' } as const
  const message = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')
  await messageLog.append(
    await signedRecord({ ...request, ...reply, answers: index, message, body: undefined }),
  )
  await messageLog.append(await signedRecord({ ids: { id: 'other', requestId: 'other' } }))
  await ask('POST', '/message-log/checkpoint')
  return index
}
if (!hasChromium()) {
  skipFor(t, 'Chromium is not installed')
} else {
  await buildConsoles()
  const issuer = await startOpenIdProvider(t)
  const [first, second] = [
    await startWitness(t, 'registry.example'),
    await startWitness(t, 'partner.example'),
  ]
  const policyText = `witness registry ${first.verifierKey} ${first.url}
witness partner ${second.verifierKey} ${second.url}
group both 2 registry partner
quorum both
`
  const start = async (t: Test, more: object = {}): Promise<AdminWorld> => {
    const world = await createAdminWorld(t, {
      ...{ login: issuer, contentFourEyes: true, inOneDay: true, pages: path.resolve('console/dist/agency') },
      ...more,
    })
    world.world.now = Date.now()
    return world
  }
  const windowOf = async (
    t: Test,
    chromium: Chromium,
    world: AdminWorld,
    subject: string,
    roles: string[],
    more: object = {},
  ): Promise<Visitor> => {
    const { status } = await world.ask('POST', '/people', { subject, roles })
    if (status !== 201 && status !== 409) throw new Error(`${subject}: ${status}`)
    const browser: Browser = openBrowser(t)
    await browser.login(world.base, subject)
    return visitor(t, chromium, {
      base: `${world.base}/console`,
      context: { ...sessionAt(browser, world.base), ...more },
    })
  }

  t.test('a new log: each page says that it has nothing to show', async (t) => {
    const world = await start(t, { fourEyes: ['anchor', 'people', 'retention'] })
    const chromium = await openChromium()
    const anna = await windowOf(t, chromium, world, 'anna', [AUDITOR!, CONTENT!])
    for (const [name, address] of Object.entries(PAGES)) {
      await anna.open(address)
      await anna.look(`evidence-${name}-empty`)
      if ((await anna.page.locator('main .list .state.empty').count()) > 0) seenEmpty.add(name)
    }
    t.ok(seenEmpty.size > 4, [...seenEmpty].join())
    await anna.check('evidence-api-keys-empty')
    await anna.open('/cases/999')
    await anna.page.getByText('There is no such thing here').waitFor()
    await changeByTwo((subject, roles) => windowOf(t, chromium, world, subject, roles), world)
  })
  t.test('what an auditor finds and does', async (t) => {
    const world = await start(t, {
      witnessRoom: (log: AdminWorld['messageLog']) => ({
        policyText,
        hasQuorum: (names: string[]) => names.length === 2,
        witnesses: createOwnWitnesses({
          policy: parseWitnessPolicy(policyText),
          log: log.witnesses,
          transport: createWitnessClient,
          statement: async () =>
            Buffer.from(JSON.stringify({ origin: idText(SERVER), logKey: await log.witnesses.logKey() })),
          clock: Date.now,
          logger: createLog({ name: 'test', level: 'silent' }),
        }),
      }),
    })
    const index = await fill(world)
    await reconcile(world)
    await orderAudits(world)
    const { messageLog, ask } = world
    await second.stop()
    await messageLog.append(await signedRecord({ ids: { id: 'later', requestId: 'later' } }))
    await ask('POST', '/message-log/checkpoint')
    await messageLog.witnesses.putContradiction({
      ...{ time: new Date().toISOString(), witness: HOSTILE, kind: 'fork' },
      ...{ own_note: 'DEV/GOV/1234/ss1\n4\nAAAA\n', known_note: 'DEV/GOV/1234/ss1\n4\nBBBB\n' },
    })
    const chromium = await openChromium()
    const anna = await windowOf(t, chromium, world, 'anna', [AUDITOR!, CONTENT!])
    const narrow = await windowOf(t, chromium, world, 'anna', [AUDITOR!, CONTENT!], NARROW)
    const officer = await windowOf(t, chromium, world, 'olaf', [SECURITY!])

    await anna.open('/witnesses')
    await anna.page.getByText('fork: history was written anew').waitFor()
    await anna.page.getByText('does not cosign').first().waitFor()
    await anna.page.getByText('too few').first().waitFor()
    await anna.check('evidence-witnesses')

    await anna.open('/verification')
    const all = { 'How much': 'full' }
    await act(anna, 'Verify now', all, 'Verify now', 'It has begun')
    await close(anna)
    // In this sample the reply has the request's signature.
    await anna.page
      .getByText(`First at record ${index + 1}:`)
      .first()
      .waitFor()
    await anna.check('evidence-verification')
    await anna.open('/verification?outcome=failed')
    await anna.page.getByText('Nothing fits this search').waitFor()

    await anna.open('/reconciliation')
    await anna.page.getByText('both signed, and they differ').waitFor()
    await anna.check('evidence-reconciliation')
    const saving = anna.page.waitForEvent('download')
    await act(anna, /statement of 2026-11-24/, {}, 'Download', 'Your browser saves reconciliation-')
    await saving
    await close(anna)
    await anna.page.getByRole('link', { name: 'missing in the log of the partner' }).click()
    await anna.page.getByRole('link', { name: 'Case 1' }).click()
    await anna.page.getByText('its proofs do not hold').waitFor()
    await anna.page.getByText('Record and signed state').last().click()
    await anna.page.getByText(HOSTILE, { exact: true }).waitFor()
    await anna.check('evidence-case')
    await act(anna, 'Assign', {}, 'Assign', 'Person anna looks into it.')
    await close(anna)
    const why = { 'New state': 'explained', Reason: 'restored from <b>backup</b>' }
    await act(anna, 'Explain or close', why, 'Explain or close', 'The case is explained.')
    await close(anna)
    await anna.check('evidence-case-explained')

    await messageLog.maintain()
    await anna.open('/integrity')
    world.logClock.aheadMs += 86_400_000
    await messageLog.maintain()
    for (const reader of [anna, narrow]) {
      await reader.open('/integrity')
      await reader.page.getByLabel(/^Show what record [0-9]+ counts/).click()
      await reader.page.getByText('4 records, 0 failed').waitFor()
      await reader.check(`evidence-daily-counts${reader === narrow ? '-narrow' : ''}`)
    }
    await anna.open('/cases?assignee=Person%20anna')
    t.equal(await anna.page.locator('tbody tr').count(), 1)
    await anna.open('/cases')
    await anna.check('evidence-cases')

    await anna.open('/holds')
    const court = { 'Case number': 'H-1', Reason: 'court order' }
    await anna.page.getByRole('button', { name: 'Set a hold' }).click()
    await anna.page.getByRole('dialog').getByLabel('Case number').fill('H-1')
    await anna.page.getByRole('dialog').getByLabel('Reason').fill('court order')
    await anna.page.getByRole('dialog').getByRole('button', { name: 'Set a hold' }).click()
    await anna.page.getByText('Say what the hold covers').waitFor()
    await anna.check('evidence-hold-wrong')
    await leaveDialog(anna.page)
    await act(anna, 'Set a hold', { ...court, Records: String(index) }, 'Set a hold', 'is in force')
    await close(anna)
    await anna.check('evidence-holds')
    await openWaitingOrders(officer, true)
    await officer.open('/retention')
    const class_ = { 'Retention class': 'three-years', Kept: '1095' }
    await act(officer, 'Make or change a class', class_, 'Make or change a class', 'as you said')
    await close(officer)
    const order = {
      Record: String(index + 1),
      'Case number': 'E-1',
      Reason: 'by law',
      'Name, to confirm': 'ERASE',
    }
    await officer.page.getByRole('button', { name: 'Order an erasure' }).click()
    for (const [label, value] of Object.entries(order))
      await officer.page.getByRole('dialog').getByLabel(label, { exact: true }).fill(value)
    await officer.page.getByRole('dialog').getByRole('button', { name: 'Order an erasure' }).click()
    await officer.page
      .getByText(/legal hold/)
      .last()
      .waitFor()
    await officer.check('evidence-erasure-refused')
    await leaveDialog(officer.page)
    await officer.open('/retention')
    await officer.page.getByText('still there: the order was refused').waitFor()
    await officer.check('evidence-retention')
    const lift = { Reason: 'the court has decided', 'Name, to confirm': 'H-1' }
    await act(anna, 'Lift hold 1', lift, 'Lift', 'The hold is lifted.')
    await close(anna)
    for (const [name, address] of [...Object.entries(PAGES), ['case', '/cases/1']] as const) {
      await (name === 'case' ? narrow.load : narrow.open)(address)
      await narrow.look(`evidence-${name}-narrow`)
      if (name === 'cases') await walkListStates(t, narrow, name)
      else if (!seenEmpty.has(name)) await seeListWithoutRows(t, narrow, name)
    }
    await narrow.check('evidence-case-narrow')
    for (const address of ['/holds?page=x&size=3', '/cases?day=x', '/archives?class=..', '/cases/%3Cb%3E']) {
      await anna.open(address)
      await anna.look('evidence-hostile-address')
    }
  })

  t.test('content for one when another agrees; people; what each role sees', async (t) => {
    const world = await start(t)
    const index = await fill(world)
    const chromium = await openChromium()
    const anna = await windowOf(t, chromium, world, 'anna', [AUDITOR!, CONTENT!])
    const ben = await windowOf(t, chromium, world, 'ben', [CONTENT!])
    const sys = await windowOf(t, chromium, world, 'sys', [SYSTEM!])
    const why = { 'Case number': 'C-1', Reason: 'complaint' }
    await anna.open(`/exchanges/${index}`)
    await act(anna, 'Ask to see the content', why, 'Ask to see the content', 'Asked.')
    await close(anna)
    await anna.page.getByRole('button', { name: `Show content of record ${index}` }).click()
    const dialog = anna.page.getByRole('dialog')
    await dialog.getByLabel('Case number').fill('C-1')
    await dialog.getByLabel('Reason').fill('complaint')
    await dialog.getByRole('button', { name: 'Show content' }).click()
    await dialog.getByText('A second auditor has to agree').waitFor()
    await anna.check('evidence-content-not-granted')
    await leaveDialog(anna.page)
    await anna.open('/content-requests')
    t.equal(await anna.page.getByRole('button', { name: /^Agree/ }).count(), 0, 'not about her own')
    await ben.open('/content-requests')
    await ben.check('evidence-content-requests')
    await act(ben, 'Agree that Person anna sees it', {}, 'Agree', 'they can see it for a day')
    await close(ben)
    await anna.open(`/exchanges/${index}`)
    await readAttachments(t, anna, index)

    await sys.open('/people')
    const carl = { 'E-mail address': 'carl@example.org', 'Auditor with content': 'check' }
    await act(sys, 'Invite a person', carl, 'Invite a person', 'The person is invited.')
    await close(sys)
    await sys.check('evidence-people')
    await act(sys, 'Lock Person ben', {}, 'Lock', 'The person is locked out.')
    await close(sys)
    await ben.page.reload()
    await ben.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    t.equal(await sys.page.getByRole('button', { name: 'Lock Person sys' }).count(), 0)

    await administer(t, sys, world)

    const seen: [string, string, string[], string[]][] = [
      ['aud', AUDITOR!, ['cases', 'holds', 'people', 'reconciliation', 'content-requests'], []],
      [
        'obs',
        OBSERVER!,
        ['witnesses', 'verification', 'retention', 'backups', 'api-keys'],
        ['cases', 'holds', 'people', 'archives'],
      ],
      [
        'sec',
        SECURITY!,
        ['retention', 'holds', 'people'],
        ['cases', 'witnesses', 'content-requests', 'api-keys'],
      ],
    ]
    for (const [subject, role, sees, sees_not] of seen) {
      const one = await windowOf(t, chromium, world, subject, [role])
      for (const [addresses, isRefused] of [
        [sees, false],
        [sees_not, true],
      ] as const)
        for (const name of addresses) {
          await one.open(PAGES[name]!)
          const said = (await one.page.locator('main').textContent()) ?? ''
          t.equal(said.includes('Your roles do not include'), isRefused, `${role} ${name}`)
        }
      await one.open({ aud: '/holds', obs: '/verification', sec: '/people' }[subject]!)
      t.equal(await one.page.locator('.head .acts button').count(), 0, `${role} acts nowhere`)
    }
  })
}
