/**
 * A log with witnesses on both databases: cosignatures, outages, and the three attacks that only a witness
 * can detect.
 */
import path from 'node:path'
import t, { type Test } from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { judgeWitnesses, parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createOwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { asSent } from '#test/as-sent.ts'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, SERVER, signedRecord } from '../../message-log/fixture.ts'
import type { Tables } from '../../message-log/tables.ts'
import { verifyStored } from '../verification/checks/verify-stored.ts'
import { readPolicy } from './policy.ts'
import { createWitnessedLog, silent } from './witness-room-fixture.ts'

t.test('the log grows under its witnesses, and goes on without them', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await database.close()
    const world = await createWitnessedLog(t, url)
    const { registry, partner, policyText } = world
    const size = await world.grow(5)
    t.match(world.witnesses.witnessed(), { records: size, lateSince: null })
    t.same(world.witnesses.health(), { ok: true })
    const policy = parseWitnessPolicy(policyText)
    const proof = await world.log().proof(2)
    t.ok(
      judgeWitnesses(parseCheckpoint(proof.checkpoint).note, policy).met,
      'a proof brings the cosignatures',
    )

    await partner.stop()
    const later = await world.grow(3)
    t.match(world.witnesses.witnessed(), { records: size, lateSince: String })
    t.match(world.witnesses.state(), [
      { label: 'registry', size: later, lastError: null },
      { label: 'partner', size, lastError: /partner|127(?:\.\d+){3}/ },
    ])
    t.ok(
      judgeWitnesses(parseCheckpoint((await world.log().proof(2)).checkpoint).note, policy).met,
      'the older head has both',
    )
    await partner.start()
    await world.witnesses.submit()
    t.match(world.witnesses.witnessed(), { records: later, lateSince: null })

    // The witness's answer was lost: the witness knows a larger size than the log has noted.
    const tables = await openDatabase(url)
    await tablesOf<Tables>(tables).deleteFrom('cosignature').where('size', '=', later).execute()
    await world.witnesses.submit()
    t.match(world.witnesses.witnessed(), { records: later }, 'it gets it again')
    // All answers were lost: the log starts with size 0, and the witness tells it the size that it knows.
    await tablesOf<Tables>(tables).deleteFrom('cosignature').execute()
    const last = await world.grow(2)
    t.match(world.witnesses.witnessed(), { records: last })
    t.same(await world.log().witnesses.contradictions(), [])
    t.match(await registry.store.log('DEV/GOV/1234/ss1'), { size: last })

    const stored = { databaseUrl: url, keyFolder: world.options.keyFolder }
    const report = await verifyStored(stored, { witnessPolicy: policyText })
    t.match(report, { ok: true, witnessed: last, cosignatures: 2 })
    const row = await tablesOf<Tables>(tables).selectFrom('cosignature').selectAll().executeTakeFirstOrThrow()
    const forge = (line: string) =>
      tablesOf<Tables>(tables)
        .updateTable('cosignature')
        .set({ line })
        .where('witness', '=', row.witness)
        .execute()
    await forge(row.line.replace(/.{6}$/, 'AAAA=='))
    t.match(await verifyStored(stored, { witnessPolicy: policyText }), {
      ok: false,
      problems: [{ index: last - 1, what: /malformed_checkpoint/ }],
    })
    await forge(row.line)
    await tablesOf<Tables>(tables)
      .updateTable('cosignature')
      .set({ size: last - 1 })
      .where('witness', '=', row.witness)
      .execute()
    t.match(await verifyStored(stored, {}), {
      ok: false,
      problems: [{ what: /a cosignature of no checkpoint/ }],
    })
    await tables.close()
  }),
)

t.test('three attacks with database and log key: each is seen by the witnesses, and proven', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await database.close()
    const world = await createWitnessedLog(t, url)
    await world.grow(4)
    const restoreYesterday = await world.backup()
    const size = await world.grow(20)
    const expectSeen = async (t: Test, kind: string) => {
      const found = await world.log().witnesses.contradictions()
      t.same(found.map((one) => [one.witness, one.kind]).sort(), [
        ['partner.example', kind],
        ['registry.example', kind],
      ])
      const [own, known] = [found[0]!.own_note, found[0]!.known_note].map(parseCheckpoint)
      t.equal(known!.size, size, 'the witness has the head that the log signed')
      t.equal(own!.origin, known!.origin)
      t.match(asSent(world.witnesses.health()), { ok: true, reason: /another history/ })
      t.equal(world.witnesses.contradictions(), 2)
      t.ok(world.witnesses.witnessed().records < size, 'nothing after it is witnessed')
      const { problems } = await verifyStored({ databaseUrl: url, keyFolder: world.options.keyFolder }, {})
      t.same(problems, [], 'the log itself shows nothing')
      await world.witnesses.submit()
      t.equal((await world.log().witnesses.contradictions()).length, 2, 'each is kept once')
    }
    const restoreToday = await world.backup()

    await t.test("yesterday's database", async (t) => {
      await world.attack(restoreYesterday)
      await world.grow(2)
      await expectSeen(t, 'rollback')
    })
    await t.test("yesterday's database, grown beyond", async (t) => {
      await world.attack(restoreYesterday)
      await world.grow(40)
      await expectSeen(t, 'fork')
    })
    await t.test('the end cut off', async (t) => {
      await world.attack(async () => {
        await restoreToday()
        await world.truncate(size - 3)
      })
      await world.grow(1)
      await expectSeen(t, 'rollback')
    })
    await t.test('all of it written anew and signed with the stolen key', async (t) => {
      await world.attack(world.erase)
      await world.grow(size + 10)
      await expectSeen(t, 'fork')
    })
    await t.test('and the true log goes on', async (t) => {
      await world.attack(restoreToday)
      const now = await world.grow(1)
      t.match(world.witnesses.witnessed(), { records: now, lateSince: null })
      t.same(await world.log().witnesses.contradictions(), [])
    })
  }),
)

t.test('a witness that hangs holds up neither the others nor the round', async (t) => {
  const world = await createWitnessedLog(t, `sqlite:${path.join(logFolder(t), 'log.db')}`)
  await world.grow(2)
  const hang: AskWitness = () => new Promise(() => undefined)
  const policy = readPolicy(world.policyText, { server: SERVER, own: [] })
  const witnesses = createOwnWitnesses({
    policy,
    log: world.log().witnesses,
    transport: (url) => (url === world.partner.url ? hang : createWitnessClient(url)),
    statement: () => Promise.reject(new Error('the log is known')),
    clock: Date.now,
    logger: silent,
  })
  for (let round = 0; round < 2; round++) {
    await world.log().append(await signedRecord())
    await world.log().checkpointNow()
    await witnesses.submit()
    t.match(witnesses.state(), [
      { label: 'registry', size: world.log().size() },
      { label: 'partner', size: 3 },
    ])
  }
})

t.test(
  'who comes while a witness is asked with an older checkpoint gets the newest one witnessed',
  async (t) => {
    const world = await createWitnessedLog(t, `sqlite:${path.join(logFolder(t), 'log.db')}`)
    await world.grow(2)
    const held = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    let asked = 0
    const witnesses = createOwnWitnesses({
      policy: readPolicy(world.policyText, { server: SERVER, own: [] }),
      log: world.log().witnesses,
      transport: (url) => async (question) => {
        if (++asked === 2) reached.resolve()
        await held.promise
        return createWitnessClient(url)(question)
      },
      statement: () => Promise.reject(new Error('the log is known')),
      clock: Date.now,
      logger: silent,
    })
    const next = async (): Promise<void> => {
      await world.log().append(await signedRecord())
      await world.log().checkpointNow()
    }
    await next()
    const first = witnesses.submit()
    await reached.promise
    await next()
    const second = witnesses.submit()
    held.resolve()
    await Promise.all([first, second])
    t.match(witnesses.witnessed(), { records: world.log().size(), lateSince: null })
  },
)

t.test('witnesses that lie or lost their memory prove nothing against the log', async (t) => {
  const world = await createWitnessedLog(t, `sqlite:${path.join(logFolder(t), 'log.db')}`)
  await world.grow(3)
  const { registry } = world
  const before = await registry.store.log('DEV/GOV/1234/ss1')
  await registry.store.advance('DEV/GOV/1234/ss1', () => ({ write: { tree: { ...before!, size: 99 } } }))
  await world.grow(1)
  await registry.store.advance('DEV/GOV/1234/ss1', () => ({
    write: { tree: { ...before!, size: 1, root: Buffer.alloc(32) } },
  }))
  await world.grow(1)
  const found = await world.log().witnesses.contradictions()
  t.same(
    found.map(({ witness, kind }) => [witness, kind]),
    [
      ['registry.example', 'unproven'],
      ['registry.example', 'witness-rollback'],
    ],
  )
})

t.test('a policy needs a witness from outside, and addresses', async (t) => {
  const world = await createWitnessedLog(t, `sqlite:${path.join(logFolder(t), 'log.db')}`)
  const { policyText } = world
  const read =
    (text: string, own: string[] = []) =>
    () =>
      readPolicy(text, { server: SERVER, own })
  t.ok(read(policyText, ['registry'])())
  t.throws(read(policyText, ['registry', 'partner']), { code: 'invalid_configuration' })
  t.throws(read(policyText.replace('both 2', 'both any'), ['registry']), { code: 'invalid_configuration' })
  t.throws(read(policyText, ['stranger']), { code: 'invalid_configuration' })
  t.throws(read(policyText.replace('quorum both', 'quorum none')), { code: 'invalid_configuration' })
  t.throws(read(policyText.replace(/ http:\S+/, '')), { code: 'invalid_configuration' })
  t.throws(read(policyText.replace(/http:\S+/, 'peer:DEV/GOV')), { code: 'invalid_configuration' })
  const ownServer = policyText.replace(/http:\S+/, 'peer:DEV/GOV/1234/ss2').replace('both 2', 'both any')
  t.throws(
    read(ownServer),
    { code: 'invalid_configuration' },
    "a server of the log's own member is not outside",
  )
})
