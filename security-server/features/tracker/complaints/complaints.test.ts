/**
 * What people complain of, on both stores: a case each, its course, its answers; and what nobody can make of
 * it.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import type { Complaint, Complaints } from '#schemas/find-usage.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { CLIENT } from '../../../message-log/fixture.ts'
import { COMPLAINTS, createTrackerWorld, SUBSYSTEM, type Told } from '../tracker-fixture.ts'
import { complaintHandlers } from './handlers.ts'
import { openComplaints } from './open-complaints.ts'

const DAY = 86_400_000
const MARK = 'Marked Words 7f3a'
const SCRIPT = '<script>alert(1)</script>\nsecond line'
const COMPLAINTS_PATH = '/concordat/v1/complaints'

const complaintIn = ({ body }: Told): Complaint => body as Complaint & Told['body']
const listIn = ({ body }: Told): Complaint[] => (body as Complaints & Told['body']).complaints

await eachDatabase(t, async (_database, t, url) => {
  const world = await createTrackerWorld(t, url)
  const { use, ask, index, now } = world
  const { store, list } = world.rooms.complaints
  const content = contentAt(Date.now(), { provider: SUBSYSTEM, personalData: true })
  world.contracts.push({
    ...content,
    contacts: [
      { member: 'DEV/GOV/5678', name: 'Taxes', email: 'data@tax.example' },
      { member: 'DEV/GOV/1234', name: 'Own', email: 'own@population.example' },
    ],
  })
  const contract = `${content.contract}/${content.version}`
  const ids = { id: 'm-1', requestId: randomUUID() }
  const code = 'EE131052-308T'
  const [first, second, withheld] = [
    await use('131052-308T', { contract, ids }),
    await use('131052-308T'),
    await use('131052-308T'),
  ]
  const foreign = await use('010101-1111')
  const many = await Promise.all(Array.from({ length: 40 }, (_, at) => use(`77${at}`)))
  await index()
  await world.store.add(
    {
      ...{ id: randomUUID(), subsystem: SUBSYSTEM, scope: 'message', target: String(withheld) },
      ...{ ground: 'crime', message_id: null, owner: 'A unit', set_by: 'A', agreed_by: 'B' },
      ...{ set_at: new Date(now.at).toISOString(), ends_at: new Date(now.at + DAY).toISOString() },
      ...{ ended_at: null, ended_by: null },
    },
    { mostDays: 1098 },
  )
  const as = (who: string, body?: object | string, path = COMPLAINTS_PATH, id?: string) =>
    ask(`${path}?userCode=${who}`, {
      userId: who,
      ...(body !== undefined && { body }),
      ...(id !== undefined && { id }),
    })
  const mine = (body?: object | string, path?: string, id?: string) => as(code, body, path, id)
  const given = (more: object = {}) => ({ record: first, reason: 'not-known', text: MARK, ...more })
  const handlers = complaintHandlers(world.rooms)
  const called = async (operation: string, q: { number?: string; body?: object; query?: object } = {}) => {
    const params = q.number === undefined ? {} : { id: q.number }
    const caller = { id: 'a', name: 'Auditor Anna' }
    const found = await handlers[operation]!({ query: {}, ...q, params, caller } as never)
    const answer = found as Record<string, unknown> & { body?: Record<string, unknown> }
    return (answer['status'] === undefined ? answer : answer.body) as Record<string, unknown>
  }

  await t.test(
    'what is no use that this person is told of is not there, and nobody can tell why',
    async (t) => {
      const texts = new Set<string>()
      for (const record of [withheld, foreign, first + 1, 999_999]) {
        const told = await mine(given({ record }))
        t.equal(told.status, 404)
        texts.add(JSON.stringify({ ...told.body, detail: '' }))
      }
      for (const named of [ids, { id: 'm-1', requestId: 'x' }]) {
        const body = { reason: 'other', text: 'x', messageId: named.id, requestId: named.requestId }
        const told = await as('EE010101-1111', body)
        t.equal(told.status, 404)
        texts.add(JSON.stringify({ ...told.body, detail: '' }))
      }
      t.equal(texts.size, 1)
      t.equal((await list.counts('')).open, 0)
    },
  )

  await t.test('a document that is none is refused, and says why', async (t) => {
    const bad: (object | string)[] = [
      '',
      '{',
      '[]',
      'null',
      '{"record":1,"record":2}',
      `{"text":"${'x'.repeat(70_000)}"}`,
      '['.repeat(10_000),
      given({ record: '1' }),
      given({ record: -1 }),
      given({ record: 1.5 }),
      given({ messageId: 'm', requestId: 'r' }),
      { reason: 'not-known' },
      { reason: 'not-known', messageId: 'm'.repeat(256), requestId: 'r' },
      given({ reason: 'because' }),
      given({ reason: 'other', text: ' \n ' }),
      given({ text: 'x'.repeat(2001) }),
      given({ text: 'a\u0000b' }),
      given({ text: 'a\u202eb' }),
      given({ text: { $ne: '' } }),
      given({ wantsAnswer: 'yes' }),
      given({ state: 'closed' }),
      '{"__proto__":{"record":1}}',
    ]
    for (const body of bad) {
      const told = await mine(body)
      t.match([told.status, told.body], [400, { type: 'invalid_request' }])
      t.notMatch(told.bytes.toString(), /131052/)
    }
    t.equal((await ask(`${COMPLAINTS_PATH}?userCode=EE2`, { userId: 'EE1', body: given() })).status, 403)
    t.equal((await ask(COMPLAINTS_PATH, { body: given() })).status, 400)
    t.equal((await mine(undefined, `${COMPLAINTS_PATH}/reply`)).status, 400)
  })

  let number = ''
  await t.test('a case opens once, whatever is repeated, and a use has one', async (t) => {
    const told = await mine(given(), undefined, 'q-1')
    t.match([told.status, told.body], [200, { state: 'received', reason: 'not-known', wantsAnswer: true }])
    const complaint = complaintIn(told)
    number = complaint.number
    t.match(number, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/)
    t.match(complaint, {
      ...{ messageId: 'm-1', requestId: ids.requestId, client: { id: 'DEV:GOV:5678:tax' } },
      texts: [{ by: 'person', text: MARK }],
    })
    t.equal(Date.parse(complaint.dueAt) - Date.parse(complaint.receivedAt), 30 * DAY)
    t.equal(complaintIn(await mine(given(), undefined, 'q-1')).number, number, 'the same message')
    t.match(await mine(given(), undefined, 'q-2'), { status: 409, body: { message: new RegExp(number) } })
    const byName = { messageId: 'm-1', requestId: ids.requestId, reason: 'too-much' }
    t.equal((await mine(byName)).status, 409, 'the same use by its other name')
    t.match(await list.counts(''), { open: 1 })
    t.match(world.acts, [{ operation: 'openedComplaint', target: `complaint ${number}` }])
    t.equal(world.acts.length, 1)
  })

  await t.test('the person alone sees its course, adds to it and takes it back', async (t) => {
    t.same(
      listIn(await mine()).map((one) => one.number),
      [number],
    )
    t.same(listIn(await as('EE010101-1111')), [])
    t.same(listIn(await as('EE999')), [])
    const reply = `${COMPLAINTS_PATH}/reply`
    const withdraw = `${COMPLAINTS_PATH}/withdraw`
    for (const body of [
      { number, text: 'x' },
      { number: '00000-00000', text: 'x' },
    ])
      t.equal((await as('EE010101-1111', body, reply)).status, 404)
    t.equal((await as('EE010101-1111', { number }, withdraw)).status, 404)
    t.equal((await mine({ number: "' or 1=1 --", text: 'x' }, reply)).status, 400)
    for (const id of ['r-1', 'r-1', 'r-2']) await mine({ number, text: SCRIPT }, reply, id)
    t.same(
      complaintIn(await mine({ number, text: SCRIPT }, reply, 'r-2')).texts.map(({ text }) => text),
      [MARK, SCRIPT, SCRIPT],
      'each message once, and text as it is',
    )
  })

  await t.test('auditors read, assign, answer and close it; the person sees what became of it', async (t) => {
    const found = (await called('getComplaints', { query: { limit: 10 } })) as unknown as object[]
    t.match(found, [{ number, state: 'received', record: first, isLate: false, assignee: null }])
    t.notMatch(JSON.stringify(found), new RegExp(MARK), 'lists have no texts')
    t.match(await called('getComplaint', { number }), {
      ...{
        state: 'seen',
        texts: [{ text: MARK, author: null }, {}, {}],
        consumer: { id: 'DEV:GOV:5678:tax' },
      },
      askAt: [{ memberId: 'DEV:GOV:5678', name: 'Taxes', email: 'data@tax.example' }],
    })
    t.equal(((await called('getComplaint', { number }))['askAt'] as []).length, 1, 'not ourselves')
    await called('assignComplaint', { number, body: { assignee: ' Anna ' } })
    for (const query of [{ q: number.slice(2, 8) }, { q: 'm-1' }, { assignee: 'Anna' }, { state: 'open' }])
      t.equal(((await called('getComplaints', { query: { ...query, limit: 9 } })) as never as []).length, 1)
    for (const query of [{ q: '%' }, { state: 'closed' }, { late: true }, { clientId: 'DEV:GOV:1:x' }])
      t.equal(((await called('getComplaints', { query: { ...query, limit: 9 } })) as never as []).length, 0)
    const close = { finding: 'not-justified' }
    await t.rejects(called('closeComplaint', { number, body: close }), { code: 'conflict' }, 'unanswered')
    now.at += 31 * DAY
    t.match(await list.counts(new Date(now.at).toISOString()), { open: 1, received: 0, late: 1 })
    t.match(await called('answerComplaint', { number, body: { text: 'It was a tax return.' } }), {
      ...{ state: 'answered', isLate: false },
      texts: [{}, {}, {}, { by: 'agency', author: 'Auditor Anna' }],
    })
    const [answered] = listIn(await mine())
    t.match(answered, { state: 'answered', answeredAt: /^20/, texts: [{}, {}, {}, { by: 'agency' }] })
    t.notMatch(JSON.stringify(answered), /Anna/, 'names of officials are not told')
    await mine({ number, text: 'Which return?' }, `${COMPLAINTS_PATH}/reply`)
    t.match(await called('getComplaint', { number }), { state: 'seen', isLate: false }, 'it waits again')
    await called('closeComplaint', { number, body: { ...close, text: 'That of 2025; it was not needed.' } })
    t.match(listIn(await mine()), [{ state: 'closed', finding: 'not-justified', closedAt: /^20/ }])
    t.equal((await mine({ number, text: 'x' }, `${COMPLAINTS_PATH}/reply`)).status, 409)
    await t.rejects(called('answerComplaint', { number, body: { text: 'x' } }), { code: 'conflict' })
    await t.rejects(called('getComplaint', { number: '00000-00000' }), { code: 'not_found' })
    const again = complaintIn(await mine(given({ wantsAnswer: false })))
    t.not(again.number, number, 'a closed case does not keep a new one out')
    const twice = await Promise.all(
      [1, 2].map(() => mine({ number: again.number }, `${COMPLAINTS_PATH}/withdraw`)),
    )
    t.strictSame(
      twice.map(({ status }) => status),
      [200, 200],
      'two at once',
    )
    t.match(
      complaintIn(await mine({ number: again.number }, `${COMPLAINTS_PATH}/withdraw`)),
      { state: 'closed', finding: 'withdrawn' },
      'also when it is asked again',
    )
  })

  await t.test('nothing readable of it is at rest, and no act of an administrator deletes it', async (t) => {
    const tables = world.database.kysely as never as {
      selectFrom(name: string): { selectAll(): { execute(): Promise<Record<string, unknown>[]> } }
    }
    for (const name of ['complaint', 'complaint_text'])
      for (const row of await tables.selectFrom(name).selectAll().execute())
        t.notMatch(
          Object.values(row)
            .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : value))
            .join(),
          new RegExp(`${MARK}|131052|308T|script|tax return`),
        )
    t.notMatch(JSON.stringify(world.acts), /131052|Marked/)
    const { current } = world.rooms.complaints.keys
    t.ok((await store.sealedWith(current, 100)) > 5)
    await store.dropSealedWith(current)
    t.equal(await store.sealedWith(current, 100), 0)
    t.match(
      listIn(await mine()).find((one) => one.number === number),
      { state: 'closed', texts: [{ isLost: true, text: '' }, {}, {}, {}, {}, {}] },
      'the case is there without its words',
    )
  })

  await t.test('too many are refused before anything is written, and are one line', async (t) => {
    const mineToo = []
    for (const record of [second, first]) mineToo.push((await mine(given({ record }))).status)
    t.same(mineToo, [200, 200])
    let [taken, refused] = [2, 0]
    for (let i = 0; i < many.length; i++) {
      const { status } = await as(`EE77${i}`, { record: many[i]!, reason: 'no-dealings' })
      if (status === 200) taken++
      else if (status === 429) refused++
    }
    // The two that were opened a month ago do not count.
    t.same([taken, refused], [COMPLAINTS.perClientDay - 1, many.length + 2 - (COMPLAINTS.perClientDay - 1)])
    const before = refused
    const storm = async (i: number): Promise<void> => {
      const { status } = await as(
        `EE77${i % 40}`,
        { record: many[i % 40]!, reason: 'other', text: 'x' },
        undefined,
        `s-${i}`,
      )
      if (status === 429) refused++
    }
    for (let i = 0; i < 200; i += 40) await Promise.all(Array.from({ length: 40 }, (_, at) => storm(i + at)))
    t.equal(refused - before, 200)
    t.match(await called('getComplaintCounts'), {
      storms: [{ clientId: 'DEV:GOV:9999:portal', refused }],
    })
    t.equal(((await called('getComplaintCounts'))['storms'] as []).length, 1)
    const other = await ask(`${COMPLAINTS_PATH}?userCode=EE7739`, {
      ...{ userId: 'EE7739', client: CLIENT, body: { record: many[39]!, reason: 'too-often' } },
    })
    t.equal(other.status, 200, 'another client is not held up by it')
    now.at += 2 * DAY
    const again = []
    for (let i = 0; i < 6; i++) {
      const { status, body } = await as('EE7738', { record: many[38]!, reason: 'too-often' })
      again.push(status)
      if (status === 200) await as('EE7738', { number: body['number'] }, `${COMPLAINTS_PATH}/withdraw`)
    }
    t.same(again, [200, 200, 200, 200, 200, 429], 'a person is bounded by the day')
  })

  await t.test(
    'what is closed is erased after its days with a record of it, and what is open stays',
    async (t) => {
      const lines: { operation: string; data?: unknown }[] = []
      let isFull = false
      const { jobs } = openComplaints(
        {
          ...{ database: world.database, clock: () => now.at, metrics: createMetrics() },
          audit: {
            async before(act: (typeof lines)[number]) {
              if (isFull) throw new Error('the disk is full')
              lines.push(act)
            },
          } as never,
          eventSeals: { keys: world.rooms.complaints.keys, addHolder: () => undefined },
        },
        COMPLAINTS,
      )
      const erase = () => jobs[0]!.run({} as never)
      await erase()
      t.same(lines, [], 'nothing was erased, so nothing is told')
      const { open } = await list.counts('')
      const kept = async () =>
        ((await called('getComplaints', { query: { limit: 99 } })) as never as []).length
      const before = await kept()
      now.at += 400 * DAY
      isFull = true
      await t.rejects(erase(), /disk is full/)
      t.equal(await kept(), before, 'nothing is erased without its record')
      isFull = false
      await erase()
      await erase()
      t.match(lines, [
        { operation: 'erasedComplaints', data: { complaints: 7, keepDays: COMPLAINTS.keepDays } },
      ])
      t.equal(lines.length, 1)
      t.equal(await kept(), before - 7)
      t.same(await list.counts(''), { open, received: open, late: 0 })
      t.same(await list.storms(10), [])
      t.equal(listIn(await mine()).length, 2)
    },
  )
})
