/**
 * Audit orders at a real registry, on both databases: each is filed once, handed out only after it has a
 * seed, answered once or overdue.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { makeSeed } from '#core/audit-order/make-seed.ts'
import { orderHash } from '#core/audit-order/read-order.ts'
import { sealPayload } from '#core/audit-order/seal-answer.ts'
import { newRecipient } from '#core/hpke/recipient-key.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { AUDIT_DOCUMENT, AUDIT_LIMITS, type AuditOrder, type AuditOrderList } from '#schemas/audit-order.ts'
import { LOG_KEY_TYPE } from '#schemas/log-key.ts'
import { headOf, ocspFor, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, type Reply, registryWorld } from '#test/fakes/registry-world.ts'
import { authority as ca, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { answerState } from './rules.ts'

const dpa = await signingParty(ca, 'DEV/GOV/9999')
const authorities = [{ name: 'DPA', certificateSha256: dpa.certificate.sha256 }]
const recipient = newRecipient()
const DAY = 86_400_000
const SS1 = `${OWNER}/SS1`
const SS2 = `${GUEST}/SS1`

const iso = (ms: number): string => new Date(ms).toISOString()
const orderAt = (now: number, more: Partial<AuditOrder> = {}): AuditOrder => ({
  ...{ id: randomUUID(), createdAt: iso(now), instance: 'DEV', authority: 'DPA', case: 'DP-1' },
  ...{ legalBasis: 'section 40', deadline: iso(now + DAY), servers: [SS1, SS2], sample: 1 },
  scope: { from: iso(now - 30 * DAY), to: iso(now) },
  recipient: recipient.publicKey.toString('base64'),
  ...more,
})
const signed = (document: object, type: string, by: Party, ocsp: Buffer[] = []): Buffer =>
  Buffer.from(
    writeSignedJson(document, type, [{ certificates: [by.certificate], ocspResponses: ocsp, key: by.key }]),
  )
const filed = (order: object, by = dpa): Buffer => signed(order, AUDIT_DOCUMENT.order, by)

await eachRegistryDatabase(t, async (database, t: Test, url) => {
  const isSqlite = database.dialect === 'sqlite'
  const world = registryWorld(t, isSqlite ? undefined : url)
  const witness = { name: 'registry.example/w1' }
  const settings = { auditAuthorities: authorities, witness }
  const node: Node = await world.start({ registration: true, settings })
  await setUp(node, ca)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:5678:SS1', address: 'ss2.example' })
  const logs: Record<string, ReturnType<typeof createTestLog>> = {
    [SS1]: createTestLog(SS1),
    [SS2]: createTestLog(SS2),
  }
  const submit = async (path: string, body: Buffer | string): Promise<Response> => {
    const method = { method: 'POST', body: new Uint8Array(Buffer.from(body)) }
    const reply = await fetch(`${node.settings.publicUrl}/witness${path}`, method)
    if (!reply.ok) throw new Error(`${path} ${reply.status} ${await reply.text()}`)
    return reply
  }
  const sizes = new Map<string, number>()
  /**
   * The witness cosigns the head of this size, and we return the seed that results. `more` is a line that
   * somebody else appended.
   */
  const cosign = async (server: string, size: number, more = ''): Promise<string> => {
    const log = logs[server]!
    const bytes = await log.submission(sizes.get(server) ?? 0, size)
    await submit('/add-checkpoint', Buffer.concat([bytes, Buffer.from(more)]))
    sizes.set(server, size)
    return makeSeed((await node.get(`/witness/${log.originHash}/checkpoint`)).bytes.toString())
  }
  const at = (): number => world.clock.now
  const file = (bytes: Buffer): Promise<Reply> => node.call('POST', '/audit-orders', bytes)
  const speak = (path: string, type: string, more: object, by = owner, signer = OWNER): Promise<Reply> => {
    const document = { ...headOf(signer, at()), server: `${signer}/SS1`, ...more }
    return node.register(`/registration/v1/audit-orders/${path}`, signed(document, type, by, ocspFor(by)))
  }
  const listed = async (by = owner, signer = OWNER, more: object = {}): Promise<AuditOrderList> => {
    const reply = await speak('lists', AUDIT_DOCUMENT.query, more, by, signer)
    if (reply.status !== 200) throw new Error(reply.bytes.toString())
    return readSignedJson(reply.bytes, AUDIT_DOCUMENT.list).document as AuditOrderList
  }
  const order = orderAt(at())
  const shown = async () => (await node.must('GET', `/audit-orders/${order.id}`)) as { servers: object[] }
  const answerOf = (seed: string, more: object = {}) => {
    const payload = {
      version: 1 as const,
      order: orderHash(order),
      server: SS1,
      seed,
      records: [],
      bundles: [],
    }
    const sealed = sealPayload(payload, order)
    return { order: payload.order, outcome: 'answered', seed, matched: 0, sample: [], sealed, ...more }
  }

  for (const [by, signer] of [
    [owner, OWNER],
    [guest, GUEST],
  ] as const) {
    const server = `${signer}/SS1`
    const statement = { ...headOf(signer, at()), server, logKey: logs[server]!.verifierKey }
    await submit('/log-keys', signed(statement, LOG_KEY_TYPE, by, ocspFor(by)))
  }

  await t.test('an order is taken once, from the authority whose key is pinned', async (t) => {
    world.clock.now = Math.ceil(at() / 1000) * 1000 + 100
    await cosign(SS1, 3)
    world.clock.now += 100
    const reply = await file(filed(order))
    t.match(reply, {
      status: 201,
      body: { case: 'DP-1', servers: [{ state: 'WAITING', hasSeed: false }, {}] },
    })
    t.equal((await file(filed(order))).status, 409, 'once')
    const suspension = { kind: 'server', subject: 'DEV:GOV:1234:SS1', reason: 'It was taken over.' }
    const { id } = (await node.must('POST', '/suspensions', suspension)) as { id: number }
    for (const [path, type, more] of [
      ['lists', AUDIT_DOCUMENT.query, {}],
      ['answers', AUDIT_DOCUMENT.answer, answerOf('a'.repeat(64))],
    ] as const)
      t.match(await speak(path, type, more), { status: 403, body: { type: 'suspended' } }, path)
    t.equal((await node.call('DELETE', `/suspensions/${id}`)).status, 204)
    t.equal((await file(filed({ ...order, sample: 2 }))).status, 409, 'its id is used up')
    for (const [what, bytes, type] of [
      ['a stranger', filed(orderAt(at()), guest), 'audit_order_refused'],
      ['past its deadline', filed(orderAt(at() - 2 * DAY)), 'audit_order_refused'],
      ['a server nobody knows', filed(orderAt(at(), { servers: ['DEV/GOV/1/x'] })), 'not_found'],
      [
        'a huge scope',
        filed(orderAt(at(), { scope: { from: iso(0), to: iso(at()) } })),
        'audit_order_refused',
      ],
      ['no order', Buffer.from('{}'), 'malformed_signature'],
    ] as const)
      t.match((await file(bytes)).body, { type }, what)
  })

  let [seed, later] = ['', '']
  await t.test('a server hears of it when a checkpoint was cosigned after the order came', async (t) => {
    t.same((await listed()).orders, [], 'the checkpoint of before could be known to who ordered')
    world.clock.now += 100
    await cosign(SS1, 3)
    t.same((await listed()).orders, [], 'so could this one: within one second it is the same once more')
    world.clock.now += 1000
    const foreign = `\u2014 somebody ${Buffer.alloc(76, 1).toString('base64')}\n`
    seed = await cosign(SS1, 3, foreign)
    t.notMatch(seed, /somebody/)
    // A server that learned of the order elsewhere might now try several checkpoints before it asks.
    for (const size of [3, 3, 5, 9]) {
      world.clock.now += 1000
      later = await cosign(SS1, size, foreign)
      t.not(later, seed)
    }
    t.match((await listed()).orders, [{ seed, order: /payload/ }], 'the first head counts')
    world.clock.now += 1000
    await cosign(SS1, 12)
    t.match((await listed()).orders, [{ seed }], 'it stays the same')
    t.same((await listed(guest, GUEST)).orders, [], 'the other server has shown none')
    t.match(await shown(), { servers: [{ id: 'DEV:GOV:1234:SS1', hasSeed: true }, { hasSeed: false }] })
    const wrong = await speak('lists', AUDIT_DOCUMENT.query, { server: SS2 })
    t.match(wrong.body, { type: 'access_denied' }, "for another's server nobody asks")
  })

  await t.test('one answer, of this order and seed, by the owner of the server', async (t) => {
    const send = (more: object, by = owner, signer = OWNER) =>
      speak('answers', AUDIT_DOCUMENT.answer, more, by, signer)
    for (const [what, more, type] of [
      ['an altered seed', answerOf(later), 'audit_answer_wrong'],
      ['another order', answerOf(seed, { order: 'ab'.repeat(32) }), 'audit_answer_wrong'],
      ['neither sealed nor refused', answerOf(seed, { sealed: undefined }), 'audit_answer_wrong'],
    ] as const)
      t.match((await send(more)).body, { type }, what)
    t.not((await send(answerOf(seed), guest)).status, 200, 'by another key')
    t.equal((await send(answerOf(seed))).status, 200)
    t.match((await send(answerOf(seed))).body, { type: 'conflict' }, 'once')
    t.same((await listed()).orders, [])
    t.match(await shown(), { servers: [{ state: 'ANSWERED', matched: 0 }, { state: 'WAITING' }] })
    const path = `/audit-orders/${order.id}/answers`
    const kept = await node.call('GET', `${path}/DEV:GOV:1234:SS1`)
    t.match(readSignedJson(kept.bytes, AUDIT_DOCUMENT.answer).document, { order: orderHash(order) })
    t.equal((await node.call('GET', `${path}/DEV:GOV:5678:SS1`)).status, 404)
  })

  const second = orderAt(at(), { servers: [SS2], case: 'DP-2', deadline: iso(at() + 60_000) })
  await t.test('a refusal that comes late ends nothing', async (t) => {
    t.equal((await file(filed(second))).status, 201)
    world.clock.now += 61_000
    const its = await cosign(SS2, 4)
    t.match((await listed(guest, GUEST)).orders, [{ seed: its }, { seed: its }])
    const refusal = {
      order: orderHash(second),
      outcome: 'refused',
      reason: 'we were away',
      sealed: undefined,
    }
    const late = { ...answerOf(its), ...refusal }
    t.equal((await speak('answers', AUDIT_DOCUMENT.answer, late, guest, GUEST)).status, 200)
    t.match(await node.must('GET', `/audit-orders/${second.id}`), {
      servers: [{ state: 'OVERDUE', reason: 'we were away' }],
    })
    t.match(await node.must('GET', '/audit-orders?state=overdue'), [{ id: second.id }])
    t.same(await node.must('GET', '/audit-orders?state=complete'), [])
    t.equal((await listed(guest, GUEST)).orders.length, 1, 'nor is it asked again')
  })

  await t.test('what a server says it has keeps back nothing else', async (t) => {
    const page = AUDIT_LIMITS.listed
    const many = Array.from({ length: page + 1 }, (_, nth) =>
      orderAt(at(), { servers: [SS1], case: 'DP-3', deadline: iso(at() + (10 + nth) * DAY) }),
    )
    for (const one of many) t.equal((await file(filed(one))).status, 201)
    world.clock.now += 1000
    await cosign(SS1, 13)
    const hashes = many.map(orderHash)
    const given = async (has?: string[]): Promise<string[]> => {
      const { orders } = await listed(owner, OWNER, { ...(has && { has }) })
      return orders.map((one) =>
        orderHash(readSignedJson(Buffer.from(one.order), AUDIT_DOCUMENT.order).document as AuditOrder),
      )
    }
    t.same(await given(), hashes.slice(0, page))
    t.same(await given(hashes.slice(0, page)), hashes.slice(page))
    t.same(
      await given([...hashes.slice(1), 'ab'.repeat(32)]),
      hashes.slice(0, 1),
      'and one that nobody knows',
    )
    for (const has of [
      [],
      ['x'],
      [hashes[0], hashes[0]],
      'ab'.repeat(32),
      Array.from({ length: 201 }, (_, nth) => nth.toString(16).padStart(64, '0')),
    ])
      t.match((await speak('lists', AUDIT_DOCUMENT.query, { has })).body, { type: 'invalid_contract' })
  })

  await t.test('who does not answer is overdue; who answers afterwards was late', async (t) => {
    t.match(await node.must('GET', '/audit-orders?state=waiting&q=dp-1'), [{ id: order.id }])
    world.clock.now += DAY + 1000
    t.match(await shown(), { servers: [{ state: 'ANSWERED' }, { state: 'OVERDUE' }] })
    t.match(await node.must('GET', '/audit-orders?state=overdue'), [{ id: second.id }, { id: order.id }])
    t.same(await node.must('GET', '/audit-orders?state=complete'), [])
    const late = { outcome: 'answered', answered_at: iso(at()) }
    t.equal(answerState(late, order.deadline, iso(at())), 'LATE')
    const refused = { ...late, outcome: 'refused' }
    t.equal(answerState(refused, order.deadline, iso(at())), 'OVERDUE', 'a refusal has to come in time too')
    t.equal(answerState({ ...refused, answered_at: order.deadline }, order.deadline, iso(at())), 'REFUSED')
  })
})
