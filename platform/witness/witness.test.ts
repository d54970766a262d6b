/**
 * A witness on both databases: what it cosigns and refuses, concurrent submissions, a kill before the answer,
 * malicious input.
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readCosignature } from '#core/merkle/add-checkpoint.ts'
import { parseCheckpoint, signNote, verifyCosignature, verifyNote } from '#core/merkle/checkpoint.ts'
import { parseNote } from '#core/merkle/signed-note.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachDatabase } from '#test/databases.ts'
import { createWitness, type WitnessRooms } from './create-witness.ts'
import { witnessRoutes } from './routes.ts'
import { createWitnessStore, witnessMigrations } from './store.ts'
import { createTestLog, ORIGIN } from './witness-fixture.ts'
import { makeWitnessKey, openWitnessKey } from './witness-key.ts'

const NAME = 'witness.example/w1'
const NOW = Date.parse('2026-06-01T12:00:00Z')

function folder(t: Test): string {
  const made = mkdtempSync(path.join(tmpdir(), 'concordat-witness-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function openTestWitness(t: Test, database: Database, more: Partial<WitnessRooms> = {}) {
  await migrate(database, witnessMigrations)
  const store = createWitnessStore(database)
  const file = path.join(folder(t), 'witness-key.pem')
  const key = await openWitnessKey({ file, name: NAME, store })
  const contradictions: [string, boolean][] = []
  const witness = createWitness({
    store,
    key,
    clock: () => NOW,
    accepts: async (origin) => origin === ORIGIN,
    readStatement: async (bytes) => JSON.parse(bytes.toString()) as { origin: string; logKey: string },
    onContradiction: (...said) => contradictions.push(said),
    ...more,
  })
  const learn = ({ origin, verifierKey: logKey }: { origin: string; verifierKey: string }) =>
    witness.addLogKey(Buffer.from(JSON.stringify({ origin, logKey })))
  return {
    witness,
    store,
    file,
    contradictions,
    learn,
    verifier: parseVerifierKey(key.verifierKey, 'witness'),
  }
}

t.test('who hears of a tree head hears of it in its transaction', (t) =>
  eachDatabase(t, async (database, t) => {
    const heard: [number | undefined, number][] = []
    let fails = false
    const store = createWitnessStore(database, async (_transaction, { tree, known }) => {
      heard.push([known?.size, tree.size])
      if (fails) throw new Error('it cannot be written')
    })
    const { witness, learn } = await openTestWitness(t, database, { store })
    const log = createTestLog()
    await learn(log)
    await witness.addCheckpoint(await log.submission(0, 5))
    fails = true
    await t.rejects(log.submission(5, 9).then(witness.addCheckpoint), { message: 'it cannot be written' })
    t.same(await witness.addCheckpoint(await log.submission(9, 9)), { size: 5 }, 'and nothing was cosigned')
    t.same(heard, [
      [undefined, 5],
      [5, 9],
    ])
  }),
)

t.test('a log grows under a witness, and no other history passes', (t) =>
  eachDatabase(t, async (database, t) => {
    const { witness, store, contradictions, learn, verifier } = await openTestWitness(t, database)
    const log = createTestLog()
    const add = witness.addCheckpoint
    await t.rejects(log.submission(0, 5).then(add), { code: 'unknown_log' }, 'its key is not known yet')
    await learn(log)
    const answer = await add(await log.submission(0, 5))
    const { note } = parseCheckpoint(log.checkpoint(5))
    t.ok('cosignature' in answer)
    const { line, time } = readCosignature((answer as { cosignature: string }).cosignature, note, verifier)
    t.equal(time.getTime(), NOW)
    t.equal(`${line}\n`, (answer as { cosignature: string }).cosignature)
    t.same(await add(await log.submission(0, 9)), { size: 5 }, 'the size that it knows')
    t.same(await add(await log.submission(3, 9)), { size: 5 })
    t.ok('cosignature' in (await add(await log.submission(5, 9))))
    t.ok('cosignature' in (await add(await log.submission(9, 9))), 'the same again, as after a lost answer')
    const kept = parseNote(await witness.checkpoint(log.originHash))
    t.ok(verifyCosignature(kept, NAME, verifier.publicKey), 'its own line')
    t.ok(verifyNote(kept, ORIGIN, parseVerifierKey(log.verifierKey, 'log').publicKey), 'and that of the log')
    await t.rejects(witness.checkpoint('00'.repeat(32)), { code: 'not_found' })

    t.same(await add(await log.submission(5, 7)), { size: 9 }, 'a log that was cut off hears of it')
    await t.rejects(log.submission(9, 7).then(add), { code: 'malformed_checkpoint' })
    t.same(contradictions, [])
    await t.rejects(log.submission(9, 12, 'two').then(add), { code: 'inconsistent_checkpoint' })
    t.same(
      await add(await log.submission(9, 9, 'two')),
      { size: 9 },
      'another root of the size that it knows',
    )
    t.same(await add(await log.submission(9, 9, 'two')), { size: 9 })
    t.same(contradictions, [
      [ORIGIN, false],
      [ORIGIN, true],
      [ORIGIN, true],
    ])
    const refusals = await store.refusals(10)
    t.same(
      refusals.map(({ is_fork }) => is_fork),
      [1, 0],
      'each is kept once',
    )
    t.ok(refusals[0]!.submission.equals(await log.submission(9, 9, 'two')), 'as it came')
    t.equal(await store.countForks(), 1)
    for (let i = 0; i < 40; i++)
      await log
        .submission(9, 20 + i, 'two')
        .then(add)
        .catch(() => undefined)
    t.equal(
      (await store.refusals(100)).length,
      17,
      'what is kept is bounded, and a proven fork does not count with the rest',
    )
    t.match(await store.log(ORIGIN), { size: 9 }, 'nothing of it moved the log')
    t.ok('cosignature' in (await add(await log.submission(9, 13))), 'the true history goes on')
  }),
)

t.test('of submissions at the same time one wins for each old size', (t) =>
  eachDatabase(t, async (database, t) => {
    const { witness, store, learn } = await openTestWitness(t, database)
    const log = createTestLog()
    await learn(log)
    await witness.addCheckpoint(await log.submission(0, 4))
    const sizes = Array.from({ length: 24 }, (_, i) => 5 + i)
    const answers = await Promise.all(
      sizes.map(async (size) => ({
        size,
        answer: await witness.addCheckpoint(await log.submission(4, size)),
      })),
    )
    const won = answers.filter(({ answer }) => 'cosignature' in answer)
    t.equal(won.length, 1)
    t.match(await store.log(ORIGIN), { size: won[0]!.size }, 'what is stored is what was cosigned')
    for (const { answer } of answers) if ('size' in answer) t.equal(answer.size, won[0]!.size)
  }),
)

t.test('killed between what it stores and what it answers, a witness stands by what it stored', (t) =>
  eachDatabase(t, async (database, t, url) => {
    const { witness, store, file, learn } = await openTestWitness(t, database)
    const log = createTestLog()
    await learn(log)
    const submission = path.join(path.dirname(file), 'submission')
    writeFileSync(submission, await log.submission(0, 6))
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'witness-child.ts'), url, file, submission],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    t.equal(signal, 'SIGKILL')
    t.equal(said, '', 'nothing left')
    t.match(await store.log(ORIGIN), { size: 6 }, 'what it would have said is durable')
    t.same(await witness.addCheckpoint(await log.submission(0, 8)), { size: 6 }, 'the log learns where it is')
    t.same(
      await witness.addCheckpoint(await log.submission(6, 6, 'two')),
      { size: 6 },
      'and no other root of it',
    )
    t.ok(
      'cosignature' in (await witness.addCheckpoint(await log.submission(6, 6))),
      'and gets its cosignature',
    )
  }),
)

t.test('keys: made once, never replaced, a bounded number of each log', (t) =>
  eachDatabase(t, async (database, t) => {
    const { witness, store, file, learn } = await openTestWitness(t, database)
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.equal((await openWitnessKey({ file, name: NAME, store })).verifierKey, witness.verifierKey)
    await t.rejects(openWitnessKey({ file, name: 'another.example', store }), {
      code: 'invalid_configuration',
    })
    rmSync(file)
    await t.rejects(
      openWitnessKey({ file, name: NAME, store }),
      { code: 'invalid_configuration' },
      'a lost key',
    )
    t.notOk(existsSync(file))
    makeWitnessKey(file)
    await t.rejects(
      openWitnessKey({ file, name: NAME, store }),
      { code: 'invalid_configuration' },
      'a new key',
    )
    const logs = Array.from({ length: 10 }, () => createTestLog())
    for (const log of logs) await learn(log)
    t.equal((await store.keys(ORIGIN)).length, 8)
    const other = createTestLog('DEV/GOV/9/ss9')
    await t.rejects(learn(other), { code: 'unknown_log' }, 'a log that is not accepted')
    await t.rejects(learn({ origin: ORIGIN, verifierKey: other.verifierKey }), { code: 'invalid_input' })
  }),
)

t.test('over HTTP: the answers of C2SP, and hostile submissions', (t) =>
  eachDatabase(t, async (database, t) => {
    const { witness, store, learn } = await openTestWitness(t, database)
    const app = createHttpService({ name: 'test', log: createLog({ name: 'test', level: 'silent' }) })
    t.teardown(() => app.close())
    witnessRoutes(app, { prefix: '/witness', witness })
    const log = createTestLog()
    await learn(log)
    const post = (payload: Buffer | string, url = '/witness/add-checkpoint') =>
      app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'text/plain' } })
    const good = await log.submission(0, 5)
    const first = await post(good)
    t.equal(first.statusCode, 200)
    t.match(first.body, /^\u2014 witness\.example\/w1 [A-Za-z0-9+/=]+\n$/)
    const outdated = await post(await log.submission(0, 6))
    t.match(outdated, { statusCode: 409, body: '5\n', headers: { 'content-type': 'text/x.tlog.size' } })
    const other = await post(await log.submission(5, 5, 'two'))
    t.match(other, { statusCode: 409, body: '5\n' }, 'another root of the known size is a conflict')
    t.equal((await post(await log.submission(5, 8, 'two'))).statusCode, 422)
    t.equal((await post(await log.submission(9, 7))).statusCode, 400)
    const stranger = createTestLog('DEV/GOV/9/ss9')
    t.equal((await post(await stranger.submission(0, 1))).statusCode, 404)
    t.equal((await post(await createTestLog().submission(5, 6))).statusCode, 403, 'another key of that name')
    const forged = (await log.submission(5, 6))
      .toString()
      .replace(/(.)(.{6})\n$/, (_, c: string, rest: string) => `${c === 'A' ? 'B' : 'A'}${rest}\n`)
    t.equal((await post(forged)).statusCode, 403, 'a forged line of a known key')
    t.equal((await app.inject(`/witness/${log.originHash}/checkpoint`)).statusCode, 200)
    t.equal((await app.inject('/witness/..%2f/checkpoint')).statusCode, 404)
    t.equal((await app.inject('/witness/key')).body, `${witness.verifierKey}\n`)
    t.equal((await post('x'.repeat(80_000))).statusCode, 413)
    t.equal((await post('')).statusCode, 400)
    const { privateKey } = generateKeyPairSync('ed25519')
    const text = good.toString()
    const hostile = [
      text.replace('old 0', 'old 00'),
      text.replace('old 0', 'old -1'),
      text.replace('old 0', 'old 9007199254740993'),
      text.replace('old 0', 'old  0'),
      text.replace('old 0\n', 'old 0\r\n'),
      text.replace('old 0\n', `old 0\n${'A'.repeat(44)}\n`),
      text.replace('old 0\n', `old 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}`),
      text.replace('\n5\n', '\n05\n'),
      text.replace('\n5\n', '\n9007199254740993\n'),
      text.slice(0, -1),
      text.slice(text.indexOf('\n\n') + 2),
      `old 0\n\n${signNote('\n5\nAAAA\n', 'x', privateKey)}`,
      `${text}\u0000`,
      `old 0\n\n${ORIGIN}\n5\n${Buffer.alloc(32).toString('base64')}\n\n`,
    ]
    for (const one of hostile) t.equal((await post(one)).statusCode, 400, JSON.stringify(one.slice(0, 20)))
    t.equal(
      (await post(Buffer.concat([good.subarray(0, 8), Buffer.of(0xff), good.subarray(8)]))).statusCode,
      400,
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(await log.submission(5, 8))
        const place = at % bytes.length
        bytes[place] = bytes[place]! ^ change
        const { statusCode } = await post(bytes)
        // A change in the base64 of a foreign line, or in a part without meaning, is no forgery.
        if (statusCode === 200) throw new Error(`a change at ${place} passed`)
        if (statusCode >= 500) throw new Error(`${statusCode} for a change at ${place}`)
      }),
      { numRuns: 100 },
    )
    t.match(await store.log(ORIGIN), { size: 5 })
  }),
)

t.test('texts that are no verifier key of that kind', async (t) => {
  t.throws(() => parseVerifierKey('a+b', 'log'), { code: 'invalid_input' })
  const { verifierKey } = createTestLog()
  t.throws(() => parseVerifierKey(verifierKey, 'witness'), { code: 'invalid_input' }, 'a key of another kind')
  t.throws(() => parseVerifierKey(verifierKey.replace('ss1', 'ss2'), 'log'), { code: 'invalid_input' })
})
