/**
 * Audit orders at a server, on both stores: received, checked, decided and answered; and what the authority
 * finds in the answer.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { orderHash } from '#core/audit-order/read-order.ts'
import { addCosignature, signNote } from '#core/merkle/checkpoint.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { AUDIT_DOCUMENT, AUDIT_LIMITS } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { ocspFor } from '#test/fakes/management-requests.ts'
import { auditOf } from '#test/management-api/admin-fixture.ts'
import { signedRecord, spoolBody } from '../../message-log/fixture.ts'
import type { IndexTables } from '../../reading/index/tables.ts'
import {
  CONTRACT,
  createAuditOrderWorld,
  DAY,
  dpa,
  iso,
  server,
  signed,
  stranger,
  witness,
  witnesses,
} from './audit-orders-fixture.ts'
import type { AuditOrderRow } from './store.ts'

await eachDatabase(t, async (_database, t: Test, url) => {
  const audited = await createAuditOrderWorld(t, url)
  const { world, messageLog, now, owner, at, party, seed, cosigned, order, give, opened } = audited
  const { said, answers, documents, post, roomOf, database, people } = audited

  await t.test('answered at once, with what stood below the seed, and nothing secret', async (t) => {
    const one = give(order())
    const room = roomOf()
    await room.run()
    t.match(answers, [
      { outcome: 'answered', order: orderHash(one), seed, matched: 3, server, signer: 'DEV/GOV/1000' },
    ])
    const { payload, checks } = await opened(one)
    t.same(
      payload?.records.map((row) => row.index),
      [1, 2, 4],
      'records of the party alone',
    )
    t.equal(payload?.bundles.length, 2)
    t.match(checks.slice(0, 2), [
      { what: 'Signature', state: 'good' },
      { what: 'Sample', state: 'good', why: /3 records are in scope/ },
    ])
    // The records of this test are no REST messages. The judge must report this for the right records and
    // report nothing else.
    t.match(checks.slice(5), [
      { state: 'bad', why: /FORMAT_FAILURE Record/ },
      { why: /FORMAT_FAILURE Record/ },
    ])
    t.match(
      checks.find(({ what }) => what === 'Seed'),
      { state: 'warn' },
      'no witnesses were named',
    )
    t.match(
      (await opened(one, documents.at(-1), witnesses)).checks.find(({ what }) => what === 'Seed'),
      { state: 'good', why: /registry.example/ },
    )
    const padded = addCosignature(seed, 'somebody', witness.privateKey, new Date(now))
    const forged = signed({ ...answers[0], seed: padded }, AUDIT_DOCUMENT.answer, owner, ocspFor(owner))
    t.match(
      (await opened(one, forged, witnesses)).checks.filter(({ state }) => state === 'bad'),
      [
        { what: 'Sample', why: /no other line/ },
        { what: 'Seed', why: /no other line/ },
      ],
      'lines that no witness wrote could be tried until they suit',
    )
    const entries = await auditOf(world.ask)
    t.match(
      entries.slice(0, 2).map(({ operation }) => operation),
      ['answerAuditOrder', 'receiveAuditOrder'],
    )
    await room.run()
    t.equal(answers.length, 1, 'once')
    t.match(await room.store.list({ offset: 0, limit: 9 }), [{ state: 'answered', matched: 3 }])
  })

  await t.test('an authority with that right sees secret records; a contract narrows it', async (t) => {
    const authorities = [{ name: 'DPA', certificateSha256: dpa.certificate.sha256, secret: true }]
    const one = give(order())
    await roomOf({ authorities }).run()
    t.match(answers, [{ matched: 4 }])
    const failed = give(order())
    const room = roomOf({
      authorities,
      messageLog: {
        ...messageLog,
        window: () => Promise.reject(new Fault('database_error', { what: 'record 5' })),
      },
    })
    await t.rejects(room.run(), { code: 'database_error' })
    for (const role of ['XROAD_CONTENT_AUDITOR', 'XROAD_SECRECY_AUDITOR'])
      for (const { id } of [one, failed])
        t.match(
          (await world.ask('GET', `/audit-orders/${id}`, undefined, { role })).body,
          { matched: null, drawn: null, error: null },
          `${role} sees no figure of records that nobody here may see`,
        )
    const entry = (await auditOf(world.ask)).find(({ operation }) => operation === 'answerAuditOrder')
    t.same(entry?.data, { case: 'DP-1' }, 'nor does the audit log have one')
    await roomOf({ authorities }).run()
    const open = await room.store.list({ offset: 0, limit: 9, state: 'answered' })
    const ordinary = open.find(({ clearance }) => Number(clearance) === 0)!
    t.match(
      (await world.ask('GET', `/audit-orders/${ordinary.id}`, undefined, { role: 'XROAD_CONTENT_AUDITOR' }))
        .body,
      { matched: 3, drawn: [Number, Number] },
    )
    give(order({ scope: { contract: CONTRACT, from: iso(now - DAY), to: iso(now + DAY) } }))
    await roomOf({ authorities }).run()
    t.match(answers, [{ matched: 4 }])
  })

  await t.test('purpose, endpoint and version narrow it, and what says neither is counted', async (t) => {
    const period = { from: iso(now - DAY), to: iso(now + DAY) }
    const matched = async (scope: object): Promise<unknown> => {
      const one = give(order({ version: 2, scope: { ...period, ...scope } }))
      await roomOf().run()
      const { payload, checks } = await opened(one)
      t.match(
        checks.find(({ what }) => what === 'Scope'),
        { state: 'good' },
      )
      const all = checks.find(({ what }) => what === 'Is this all')!
      return [payload!.records.map(({ index }) => index), payload!.coverage, all.state]
    }
    // The third record is under the contract but names no circumstances.
    const left = { inPeriod: 4, unsaid: 1, firstUnsaid: 3, lastUnsaid: 3 }
    t.same(await matched({ purposes: ['Tax assessment', 'x'] }), [[1, 2, 4], left, 'warn'])
    t.same(await matched({ endpoints: ['GET /persons/*'] }), [[1, 2, 4], left, 'warn'])
    const none = { inPeriod: 4, unsaid: 0 }
    const of = { parties: ['DEV/GOV/5678'], purposes: ['Tax assessment'] }
    t.same(await matched(of), [[1, 2, 4], none, 'good'], 'it is of another party')
    t.same(await matched({ contract: `${CONTRACT}/1` }), [[1, 2, 3, 4], none, 'good'])
    t.same(await matched({ contract: `${CONTRACT}/2` }), [[], none, 'good'])
    t.same(await matched({ purposes: ['Tax'] }), [[], left, 'warn'])
  })

  await t.test('a form that this server does not know is refused, and shown as that', async (t) => {
    for (const newer of [{ version: 3, scope: { from: iso(now), days: ['Monday'] } }, { more: 1 }]) {
      const one = give({ ...order(), ...newer } as never)
      await roomOf().run()
      const reason = 'version' in newer ? /newer form.*update/ : /no field/
      t.match(answers, [{ outcome: 'refused', reason, order: orderHash(one), matched: 0 }])
      t.match((await world.ask('GET', `/audit-orders/${one.id}`)).body, {
        ...{ state: 'refused', scope: null, legalBasis: null, sample: null, case: 'DP-1' },
      })
    }
  })

  await t.test('the seed is found below however many newer tree heads', async (t) => {
    const log = await openDatabase(world.logUrl)
    t.teardown(() => log.close())
    const heads = tablesOf<IndexTables>(log)
    const newer = Array.from({ length: 600 }, (_, at) => ({
      ...{ size: 10_000 + at, root: Buffer.alloc(32), time: iso(now), note: 'newer' },
    }))
    await heads.insertInto('checkpoint').values(newer).execute()
    give(order())
    await roomOf().run()
    await heads.deleteFrom('checkpoint').where('note', '=', 'newer').execute()
    t.match(answers, [{ outcome: 'answered', matched: 3 }])
  })

  await t.test(
    'of a large body no more is read than there is room for, and what fits still fits',
    async (t) => {
      const bytes = randomBytes(16 * 1024 * 1024)
      const body = await spoolBody(messageLog, bytes)
      const of = { ...at, ...party('2222') }
      const { index: large } = await messageLog.append(await signedRecord({ ...of, body }))
      const { index: small } = await messageLog.append(await signedRecord(of))
      await messageLog.timeStampNow()
      const its = await cosigned()
      let read = 0
      const closed: Promise<unknown>[] = []
      const container = async (index: number) => {
        const parts = await messageLog.container(index)
        for (const attachment of parts.attachments) {
          const { open } = attachment
          attachment.open = () => {
            const source = open()
            closed.push(new Promise((ended) => source.once('close', ended)))
            source.on('data', (chunk: Buffer) => (read += chunk.length))
            return source
          }
        }
        return parts
      }
      const scope = { parties: ['DEV/GOV/2222'], from: iso(now - DAY), to: iso(now + DAY) }
      const one = give(order({ scope }), dpa, its)
      await roomOf({ messageLog: { ...messageLog, container } }).run()
      const { payload } = await opened(one)
      t.match(payload?.bundles, [
        { index: large, without: /no room/ },
        { index: small, bundle: /^UEs/ },
      ])
      await Promise.all(closed)
      t.equal(closed.length, 1)
      t.ok(read < bytes.length / 2, `${read} octets were read`)
    },
  )

  await t.test('an answer is never larger than the registry takes: first evidence gives way', async (t) => {
    const body = await spoolBody(messageLog, randomBytes(1024 * 1024))
    const of = { ...at, ...party('3333') }
    const { index: large } = await messageLog.append(await signedRecord({ ...of, body }))
    const { index: small } = await messageLog.append(await signedRecord(of))
    await messageLog.timeStampNow()
    const its = await cosigned()
    const scope = { parties: ['DEV/GOV/3333'], from: iso(now - DAY), to: iso(now + DAY) }
    /** Makes the log return very many records with long ids. */
    const listOf = (bytes: number): Promise<void> => {
      const window: typeof messageLog.window = async (q) => {
        const found = await messageLog.window(q)
        const rows = found.rows.map((row) =>
          Number(row.idx) === small ? { ...row, query_id: 'q'.repeat(bytes) } : row,
        )
        return { ...found, rows }
      }
      return roomOf({ messageLog: { ...messageLog, window } }).run()
    }
    const one = give(order({ scope }), dpa, its)
    await listOf(4_000_000)
    t.ok(documents.at(-1)!.length < AUDIT_LIMITS.answerBytes, `${documents.at(-1)!.length} octets`)
    const { payload } = await opened(one)
    t.match(payload?.bundles, [
      { index: large, without: /no room/ },
      { index: small, bundle: /^UEs/ },
    ])
    give(order({ scope }), dpa, its)
    await listOf(4_500_000)
    t.match(answers, [{ outcome: 'refused', reason: /too long/ }])
  })

  await t.test('an order that the registry had in time is answered late, not refused', async (t) => {
    const late = order({ createdAt: iso(now - 2 * DAY), deadline: iso(now - DAY) })
    give(late, dpa, seed, iso(now - 1.5 * DAY))
    await roomOf().run()
    t.match(answers, [{ outcome: 'answered', order: orderHash(late), matched: 3 }])
  })

  await t.test('what is wrong is refused, and says why', async (t) => {
    for (const [what, one, by, its, why] of [
      ["a stranger's", order(), stranger, seed, /not signed by the key/],
      [
        'past its deadline',
        order({ createdAt: iso(now - 2 * DAY), deadline: iso(now - DAY) }),
        dpa,
        seed,
        /is over/,
      ],
      ['for others', order({ servers: ['DEV/GOV/1/x'] }), dpa, seed, /other servers/],
      ['another instance', order({ instance: 'EE' }), dpa, seed, /instance EE/],
      ['an altered seed', order(), dpa, seed.replace(/\n\d+\n/, '\n5\n'), /signed state/],
      ['a seed with more lines', order(), dpa, signNote(seed, 'x', witness.privateKey), /no other line/],
    ] as const) {
      give(one, by, its)
      await roomOf().run()
      t.match(
        answers.map(({ sealed: _, ...rest }) => rest),
        [{ outcome: 'refused', reason: why, order: orderHash(one), matched: 0 }],
        what,
      )
    }
    said.listed = [{ order: '{"payload":"","signatures":[]}', receivedAt: iso(now), seed }]
    answers.length = 0
    await roomOf().run()
    t.same(answers, [], 'what cannot be read ends no run')
  })

  await t.test('where people have to agree it waits for them', async (t) => {
    const room = roomOf({ needsApproval: true })
    const caller = { kind: 'person' as const, id: 'p', name: 'Ada', roles: [] }
    people.set('p', { state: 'active', roles: [] })
    const one = give(order())
    await room.run()
    t.same(answers, [])
    t.match(await room.store.get(one.id), { state: 'waiting' })
    await room.run()
    t.same(said.named, [orderHash(one)], 'the registry need not send it again')
    await room.approve(one.id, caller)
    await t.rejects(room.refuse(one.id, 'late', caller), { code: 'conflict' })
    await room.run()
    t.match(answers, [{ outcome: 'answered' }])
    t.match(await room.store.get(one.id), { state: 'answered', decided_by: 'Ada' })
    const two = give(order())
    await room.run()
    await room.refuse(two.id, 'The court has stopped this.', caller)
    await room.run()
    t.match(answers, [{ outcome: 'refused', reason: 'The court has stopped this.' }])
    await t.rejects(room.approve(randomUUID(), caller), { code: 'not_found' })
  })

  await t.test(
    'a registry that was restored is told again, and its old orders hide no new one',
    async (t) => {
      const one = give(order())
      const room = roomOf()
      await room.run()
      const listed = said.listed
      await room.run()
      t.equal(answers.length, 1, 'not at once')
      await room.run()
      t.ok(said.named?.includes(orderHash(one)), 'meanwhile it is named as known')
      const longAgo = () =>
        tablesOf<{ audit_order: AuditOrderRow }>(database)
          .updateTable('audit_order')
          .set({ answered_at: iso(now - 2 * 3_600_000) })
          .where('id', '=', one.id)
          .execute()
      await longAgo()
      await roomOf().run()
      t.match(answers, [{ outcome: 'answered' }, { outcome: 'answered', sample: answers[0]!.sample }])
      await longAgo()
      said.listed = [{ ...listed[0]!, seed: await cosigned() }]
      const later = roomOf()
      await later.run()
      t.equal(answers.length, 2, 'nobody draws twice')
      t.match(await later.store.get(one.id), { state: 'answered', error: /another seed/ })
      await later.run()
      t.ok(said.named?.includes(orderHash(one)))
    },
  )

  await t.test('what was answered when the clocks were ahead is told again all the same', async (t) => {
    const one = give(order())
    const room = roomOf({ clock: () => now + said.aheadMs })
    await room.run()
    await tablesOf<{ audit_order: AuditOrderRow }>(database)
      .updateTable('audit_order')
      .set({ answered_at: iso(now + 1000 * DAY) })
      .where('id', '=', one.id)
      .execute()
    said.aheadMs = 1000 * DAY
    await room.run()
    t.equal(answers.length, 1, 'answered just now')
    said.aheadMs = 0
    await room.run()
    t.notOk(said.named?.includes(orderHash(one)), 'they were put right')
    t.equal(answers.length, 2)
  })

  await t.test('a registry that does not answer is asked again', async (t) => {
    const one = give(order())
    const room = roomOf()
    said.isDown = true
    await t.rejects(room.run(), { code: 'registration_unavailable' })
    said.isDown = false
    let [at, asked] = [now, 0]
    let answer = new Fault('registration_unavailable')
    const failing = roomOf({
      clock: () => at,
      post: async (path, document) => {
        if (!path.endsWith('/answers')) return post(path, document)
        asked += 1
        throw answer
      },
    })
    await t.rejects(failing.run(), { code: 'registration_unavailable' })
    await failing.run()
    t.equal(asked, 1, 'not with each run')
    at += 60_000
    answer = new Fault('registration_refused', { what: 'too large' })
    await t.rejects(failing.run(), { code: 'registration_refused' })
    for (let minutes = 1; minutes <= 3; minutes++) {
      at += 60_000
      await failing.run().catch(() => undefined)
    }
    t.equal(asked, 3, 'after twice as long each time')
    t.match(await room.store.get(one.id), { state: 'due', error: /./ })
    const taken = roomOf({
      post: async (path, document) =>
        path.endsWith('/answers')
          ? Promise.reject(new Fault('registration_refused', { what: 'conflict: answered already' }))
          : post(path, document),
    })
    await taken.run()
    t.match(
      await room.store.get(one.id),
      { state: 'answered', error: null },
      'it had been taken before a crash',
    )
  })
})
