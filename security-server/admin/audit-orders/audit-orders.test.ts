/** Audit orders at a server, on both stores: taken, judged, decided, answered; and what the authority finds when it opens the answer. */
import { randomBytes, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { orderHash } from '#core/audit-order/read-order.ts'
import { newRecipient } from '#core/hpke/hpke.ts'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { AUDIT_DOCUMENT, type AuditAnswer, type AuditOrder } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { openAudit } from '#scripts/audit-order/open.ts'
import { eachDatabase } from '#test/databases.ts'
import { ocspFor, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { authority as ca } from '#test/fakes/request-world.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { SERVER, signedRecord, spoolBody } from '../../message-log/fixture.ts'
import type { Tables } from '../../message-log/tables.ts'
import { auditOf, createAdminWorld } from '../admin-fixture.ts'
import type { AdminRooms } from '../rooms.ts'
import { createAuditOrders } from './create-audit-orders.ts'

const dpa = await signingParty(ca, 'DEV/GOV/9999')
const stranger = await signingParty(ca, 'DEV/GOV/8888')
const registry = await signingParty(ca, 'DEV/GOV/7777')
const recipient = newRecipient()
const DAY = 86_400_000
const server = idText(SERVER)
const iso = (ms: number): string => new Date(ms).toISOString()
const signed = (document: unknown, type: string, by: Party, ocsp: Buffer[] = []): string =>
  writeSignedJson(document, type, [{ certificates: [by.certificate], ocspResponses: ocsp, key: by.key }])

await eachDatabase(t, async (_database, t: Test, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {})
  const { messageLog, database, keys } = world
  let { now } = world.world
  const owner = await signingParty(world.world.authority, 'DEV/GOV/1234')
  const clock = (): number => now
  const at = { time: new Date(now - 1000) }
  const party = (memberCode: string) => ({
    client: { instance: 'DEV', memberClass: 'GOV', memberCode, subsystemCode: 'tax' },
  })
  for (const code of ['5678', '5678', '4321', '5678'])
    await messageLog.append(
      await signedRecord({
        ...at,
        ...party(code),
        outcome: 'x',
        contract: 'c0ffee00-0000-4000-8000-000000000000/1',
      }),
    )
  await messageLog.append(await signedRecord({ ...at, ...party('5678'), outcome: 'x', secrecy: 1 }))
  await messageLog.timeStampNow()
  const seed = (await messageLog.checkpointNow())!
  await messageLog.append(await signedRecord({ ...at, ...party('5678'), outcome: 'x' }))

  const order = (more: Partial<AuditOrder> = {}): AuditOrder => ({
    ...{
      id: randomUUID(),
      createdAt: iso(now),
      instance: 'DEV',
      authority: 'DPA',
      case: 'DP-1',
      legalBasis: 'section 40',
    },
    ...{
      deadline: iso(now + DAY),
      servers: [server],
      sample: 2,
      recipient: recipient.publicKey.toString('base64'),
    },
    scope: { parties: ['DEV/GOV/5678'], from: iso(now - DAY), to: iso(now + DAY) },
    ...more,
  })
  const base = { index: world.world.configuration! }
  const index = {
    ...base.index,
    shared: {
      ...base.index.shared,
      sources: [
        { address: '', internalVerificationCerts: [registry.certificate.der], externalVerificationCerts: [] },
      ],
    },
    privateParameters: { managementService: { authCertRegServiceCert: Buffer.alloc(1) } },
  }
  const snapshot = { index, statementIndex: 1, verificationFiles: () => [] }
  let listed: { order: string; seed: string; receivedAt: string }[] = []
  const answers: AuditAnswer[] = []
  const documents: string[] = []
  let isDown = false
  const post = async (path: string, document: string): Promise<Buffer> => {
    if (isDown) throw new Fault('registration_unavailable')
    if (path.endsWith('/answers')) {
      documents.push(document)
      answers.push(readSignedJson(Buffer.from(document), AUDIT_DOCUMENT.answer, 8e6).document as AuditAnswer)
      return Buffer.from('{}')
    }
    const { id } = readSignedJson(Buffer.from(document), AUDIT_DOCUMENT.query).document as { id: string }
    const list = { instance: 'DEV', server, answers: id, generatedAt: iso(now), orders: listed }
    return Buffer.from(signed(list, AUDIT_DOCUMENT.list, registry))
  }
  const audit = createAuditLog({ database, clock })
  const roomOf = (more: Partial<Parameters<typeof createAuditOrders>[0]> = {}) =>
    createAuditOrders({
      ...{ server: SERVER, clock, database, audit, post, messageLog, needsApproval: false },
      keys: {
        ...keys,
        signJson: async ({ document, type }: { document: unknown; type: string }) =>
          signed(document, type, owner, ocspFor(owner)),
      } as unknown as AdminRooms['keys'],
      globalConfiguration: { current: () => snapshot } as unknown as AdminRooms['globalConfiguration'],
      authorities: [{ name: 'DPA', certificateSha256: dpa.certificate.sha256, secret: false }],
      log: createLog({ name: 'test', level: 'silent' }),
      ...more,
    })
  const give = (one: AuditOrder, by = dpa, its = seed): AuditOrder => {
    listed = [{ order: signed(one, AUDIT_DOCUMENT.order, by), receivedAt: iso(now), seed: its }]
    answers.length = 0
    return one
  }
  const opened = (one: AuditOrder) =>
    openAudit({
      order: one,
      answer: Buffer.from(documents.at(-1)!),
      keys: {
        certificate: dpa.certificate,
        signingKey: dpa.key,
        recipientKey: recipient.privateKey,
        recipient: recipient.publicKey,
      },
      configuration: { indexes: new Map([['DEV', base.index]]), origin: 'the test' },
      witnesses: undefined,
      now: new Date(now),
    })

  await t.test('answered at once, with what stood below the seed, and nothing secret', async (t) => {
    const one = give(order())
    const room = roomOf()
    await room.run()
    t.match(answers, [
      { outcome: 'answered', order: orderHash(one), seed, matched: 3, server, signer: 'DEV/GOV/1234' },
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
    // What this test logs are no REST messages: the judge says so of the right records, and of nothing else.
    t.match(checks.slice(3), [
      { state: 'bad', why: /FORMAT_FAILURE Record/ },
      { why: /FORMAT_FAILURE Record/ },
    ])
    t.match(
      checks.find(({ what }) => what === 'Seed'),
      { state: 'warn' },
      'no witnesses were named',
    )
    const said = await auditOf(world.ask)
    t.match(
      said.slice(0, 2).map(({ operation }) => operation),
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
    const said = (await auditOf(world.ask)).find(({ operation }) => operation === 'answerAuditOrder')
    t.same(said?.data, { case: 'DP-1' }, 'nor does the audit log have one')
    await roomOf({ authorities }).run()
    const open = await room.store.list({ offset: 0, limit: 9, state: 'answered' })
    const ordinary = open.find(({ clearance }) => Number(clearance) === 0)!
    t.match(
      (await world.ask('GET', `/audit-orders/${ordinary.id}`, undefined, { role: 'XROAD_CONTENT_AUDITOR' }))
        .body,
      { matched: 3, drawn: [Number, Number] },
    )
    const contract = 'c0ffee00-0000-4000-8000-000000000000'
    give(order({ scope: { contract, from: iso(now - DAY), to: iso(now + DAY) } }))
    await roomOf({ authorities }).run()
    t.match(answers, [{ matched: 4 }])
  })

  await t.test('the seed is found below however many newer tree heads', async (t) => {
    const log = await openDatabase(world.logUrl)
    t.teardown(() => log.close())
    const heads = tablesOf<Tables>(log)
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
      const its = (await messageLog.checkpointNow())!
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
      ['an altered seed', order(), dpa, seed.replace(/\n\d+\n/, '\n5\n'), /tree head/],
    ] as const) {
      give(one, by, its)
      await roomOf().run()
      t.match(
        answers.map(({ sealed: _, ...rest }) => rest),
        [{ outcome: 'refused', reason: why, order: orderHash(one), matched: 0 }],
        what,
      )
    }
    listed = [{ order: '{"payload":"","signatures":[]}', receivedAt: iso(now), seed }]
    answers.length = 0
    await roomOf().run()
    t.same(answers, [], 'what cannot be read ends no run')
  })

  await t.test('where people have to agree it waits for them', async (t) => {
    const room = roomOf({ needsApproval: true })
    const caller = { kind: 'person' as const, id: 'p', name: 'Ada', roles: [] }
    const one = give(order())
    await room.run()
    t.same(answers, [])
    t.match(await room.store.get(one.id), { state: 'waiting' })
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

  await t.test('a registry that does not answer is asked again', async (t) => {
    const one = give(order())
    const room = roomOf()
    isDown = true
    await t.rejects(room.run(), { code: 'registration_unavailable' })
    isDown = false
    const failing = roomOf({
      post: async (path, document) =>
        path.endsWith('/answers')
          ? Promise.reject(new Fault('registration_unavailable'))
          : post(path, document),
    })
    await t.rejects(failing.run(), { code: 'registration_unavailable' })
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
    now += 1
  })
})
