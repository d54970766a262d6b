/**
 * The log on both stores: what is appended can be read and proved; log levels, time-stamps, erasure, search.
 */
import { createPublicKey, hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { parseCheckpoint, verifyMemberSignature, verifyNote } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { openCommitment } from '#core/merkle/leaf-form.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { verifyHashChain } from '#core/signature/hash-chain.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { heldMemory } from '#platform/held-memory.ts'
import type { Fault } from '#schemas/fault.ts'
import { subsystemOf } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import type { SearchRow } from '../reading/index/search-filter.ts'
import {
  CLIENT,
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  PEER,
  SERVICE,
  signedRecord,
  signer,
  spoolBody,
  type TestLogOptions,
  usableAgain,
} from './fixture.ts'
import { readLogKeys } from './keys/log-keys.ts'

const codeOf = (thrown: unknown): string => (thrown as Fault).code

/** Bodies of more than 64 KiB have no room in memory beside this. */
const A_LOT = 1e9

async function bytesOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray())
}

/** A log on this store with all dependencies. */
async function freshLog(t: Test, url: string, changes: Partial<TestLogOptions> = {}) {
  const { stamp, memberSigner } = await signer()
  const options = { ...logOptions(logFolder(t), url), stamp, signer: memberSigner, ...changes }
  return { log: await openTestLog(t, options), options }
}

await eachDatabase(t, async (_database, t, url) => {
  await t.test('everything that belongs to one exchange', async (t) => {
    const { log, options } = await freshLog(t, url)
    const { authority, memberSigner } = await signer()
    const large = randomBytes(200_000)
    const body = await spoolBody(log, large)
    const request = await signedRecord({ body, extra: { userId: 'EE1234', method: 'POST' } })
    const logged = await log.append(request)
    const small = await spoolBody(log, Buffer.from('{"name":"x"}'))
    const answer = await signedRecord({
      kind: 'reply',
      direction: 'out',
      outcome: 'ok',
      ids: request.ids,
      answers: logged.index,
      body: small,
    })
    const reply = await log.append(answer)
    t.equal(reply.index, logged.index + 1)

    await t.test('the record is opened again as it was', async (t) => {
      const stored = await log.read(logged.index)
      t.equal(stored.leaf.toString('hex'), logged.leaf.toString('hex'))
      t.ok(leafHash(Buffer.from(stored.form)).equals(logged.leaf))
      t.ok(stored.message?.equals(request.message as Buffer))
      t.ok(stored.signatures?.equals(request.signature!.signatures))
      t.match(stored.metadata, { ...request.ids, client: 'DEV/GOV/5678/tax', extra: { method: 'POST' } })
      const answered = JSON.parse((await log.read(reply.index)).form) as { answers: string }
      t.equal(answered.answers, logged.leaf.toString('base64'))
    })

    await t.test(
      'time-stamps: one for a single record, a batch for several, tokens are leaves',
      async (t) => {
        t.equal(await log.timeStampNow(), 1)
        t.equal(log.oldestUnstamped(), undefined)
        const { timeStamp } = await log.read(logged.index)
        t.ok(timeStamp?.hashChainResult !== undefined)
        const token = { token: timeStamp!.token, tsaCertificates: [authority.tsa] }
        verifyTimeStampToken({ ...token, data: timeStamp!.hashChainResult! })
        const container = await log.container(logged.index)
        verifyHashChain({
          result: container.timestampHashChainResult!,
          chain: container.timestampHashChain!,
          parts: [
            {
              name: '/META-INF/signatures.xml',
              digest: () => hash('sha512', container.signatures, 'buffer'),
            },
          ],
        })
        const third = await log.append(await signedRecord())
        t.ok(log.oldestUnstamped() instanceof Date)
        t.equal(await log.timeStampNow(), 1)
        const single = await log.container(third.index)
        t.equal(single.timestampToken, undefined)
        const checked = await checkSignature(single.signatures)
        verifyTimeStampToken({
          token: checked.timeStampToken!,
          data: checked.signatureValue,
          tsaCertificates: [authority.tsa],
        })
        t.equal(await log.timeStampNow(), 0)
      },
    )

    await t.test('the container verifies with its body', async (t) => {
      const container = await log.container(logged.index)
      const attachment = await bytesOf(container.attachments[0]!.open())
      t.ok(attachment.equals(large))
      const parts = [
        ['/message.xml', container.message],
        ['/attachment1', attachment],
      ] as const
      const signature = await checkSignature(container.signatures)
      checkCoverage({
        signature,
        parts: parts.map(([name, bytes]) => ({ name, digest: () => hash('sha512', bytes, 'buffer') })),
        hashChainResult: container.hashChainResult,
        hashChain: container.hashChain,
      })
    })

    await t.test('checkpoint and proof', async (t) => {
      const proof = await log.proof(logged.index)
      const checkpoint = parseCheckpoint(proof.checkpoint)
      t.equal(log.treeHead(), proof.checkpoint)
      verifyInclusion({
        size: checkpoint.size,
        index: logged.index,
        leaf: leafHash(Buffer.from(proof.form)),
        proof: proof.path,
        root: checkpoint.root,
      })
      const logKey = createPublicKey(readLogKeys(options.keyFolder).checkpointKey)
      t.ok(verifyNote(checkpoint.note, 'DEV/GOV/1234/ss1', logKey))
      t.ok(verifyMemberSignature(checkpoint.note, 'DEV/GOV/1234', memberSigner.publicKey))
      const form = JSON.parse(proof.form) as Record<string, string>
      for (const label of ['parties', 'message', 'body'] as const) {
        const { key, digest } = proof.openings[label]!
        t.equal(openCommitment(key, digest).toString('base64'), form[label])
      }
      t.ok(proof.openings.message!.digest.equals(hash('sha512', request.message!, 'buffer')))
    })

    await t.test('search by query id, only for its parties; listing by pages', async (t) => {
      const rows = await log.findExchange(request.ids.id, CLIENT)
      t.match(rows, [
        { idx: logged.index, kind: 'request' },
        { idx: reply.index, answers: logged.index },
      ])
      t.equal((await log.findExchange(request.ids.id, subsystemOf(SERVICE))).length, 2)
      t.equal((await log.findExchange(request.ids.id, { ...CLIENT, subsystemCode: 'other' })).length, 0)
      const page = await log.list({ limit: 2 })
      const next = await log.list({ limit: 2, before: page.at(-1)!.idx })
      t.equal(new Set([...page, ...next].map(({ idx }) => idx)).size, 3)
      const day = { from: request.time.toISOString(), to: new Date(Date.now() + 60_000).toISOString() }
      const all = await log.list({ ...day, limit: 9 })
      const paged: typeof all = []
      for (let one = all.slice(0, 1); one.length > 0; ) {
        paged.push(...one)
        one = await log.list({ ...day, limit: 1, before: one[0]!.idx })
      }
      t.same(paged, all, 'by time, a record a page')
      t.match(all.slice(-2), [{ idx: reply.index }, { idx: logged.index }])
      t.same(await log.list({ to: day.from, limit: 9 }), [])
    })

    await t.test('erasure: content and body are gone, signature, proof and stamp stay', async (t) => {
      const order = { mode: 'LEAF_ONLY', case: '7/2026', reason: 'request of the person' } as const
      const { erased } = await log.retention.erase({ index: logged.index, ...order })
      const { erasureIndex } = erased[0]!
      const stored = await log.read(logged.index)
      t.ok(stored.erased)
      t.equal(stored.message, undefined)
      t.ok(stored.timeStamp)
      const proof = await log.proof(logged.index)
      t.same(proof.openings, {})
      t.ok(parseCheckpoint(proof.checkpoint).size > 0)
      await t.rejects(log.container(logged.index), { code: 'not_found' })
      await t.rejects(log.retention.erase({ index: logged.index, ...order }), { code: 'conflict' })
      await t.rejects(log.retention.erase({ index: erasureIndex, ...order }), { code: 'invalid_input' })
      t.same(
        erased.map(({ index }) => index),
        [logged.index, reply.index],
        'both records of the exchange',
      )
      t.same(await log.findExchange(request.ids.id, CLIENT), [])
      const ids = { ...request.ids, id: 'erased before it was indexed' }
      const fresh = await log.append({ ...request, ids, body: undefined, replayKey: Buffer.from(ids.id) })
      await log.retention.erase({ index: fresh.index, ...order })
      t.same(await log.findExchange(ids.id, CLIENT), [])
      const files = readdirSync(options.bodyFolder, { recursive: true, withFileTypes: true })
      t.equal(files.filter((file) => file.isFile()).length, 0)
    })
  })

  await t.test('after the log was closed and opened again', async (t) => {
    const keyFolder = path.join(logFolder(t), 'keys')
    const open = () => freshLog(t, url, { keyFolder })
    // The database of this test has records whose keys are elsewhere: opening it must fail.
    await t.rejects(open(), { code: 'log_keys_missing' })
  })
})

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const { stamp } = await signer()
  const options: TestLogOptions = { ...logOptions(folder, url), stamp }

  await t.test('levels: digest keeps no content, none keeps ids only', async (t) => {
    const log = await openTestLog(t, options)
    const body = await spoolBody(log, randomBytes(100_000))
    const digest = await log.append(await signedRecord({ body, logLevel: 'digest' }))
    await body.discard()
    const stored = await log.read(digest.index)
    t.equal(stored.message ?? stored.bodyFile, undefined)
    t.ok(stored.signatures)
    const { openings } = await log.proof(digest.index)
    t.ok(openings.body?.digest.equals(body.sha512))
    const none = await log.append(await signedRecord({ logLevel: 'none' }))
    const bare = await log.read(none.index)
    t.equal(bare.signatures ?? bare.message ?? bare.metadata?.client, undefined)
    t.ok(bare.metadata?.id)
    t.equal((JSON.parse(bare.form) as { message: string }).message, '')
    await log.close()
  })

  await t.test('a large body that no record keeps goes when it was passed on', async (t) => {
    t.teardown(heldMemory.reserve(A_LOT))
    const log = await openTestLog(t, options)
    const files = (): number =>
      readdirSync(options.bodyFolder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
        .length
    const before = files()
    const large = async () => ({
      body: await spoolBody(log, randomBytes(100_000)),
      logLevel: 'digest' as const,
    })
    const asked = await signedRecord(await large())
    const { index } = await log.append(asked)
    t.equal((await bytesOf(asked.body!.open())).length, 100_000, 'it is sent on')
    t.equal(files(), before + 1, 'and may have to be once more')
    const reply = { kind: 'reply', outcome: 'ok', answers: index, ...(await large()) } as const
    await log.append(await signedRecord(reply))
    t.equal((await bytesOf(reply.body.open())).length, 100_000)
    await until('the end of both bodies', (saw) => saw(files()) === before)
    await log.append(await signedRecord({ ...(await large()), outcome: 'access_denied' }))
    await until('the end of the body', (saw) => saw(files()) === before)
    await log.close()
  })

  await t.test('it goes as well when the exchange is closed late, by another hand', async (t) => {
    t.teardown(heldMemory.reserve(A_LOT))
    const started = once(process, 'worker')
    const log = await openTestLog(t, options)
    const [worker] = (await started) as [Worker]
    await log.recover()
    const files = (): number => readdirSync(path.join(options.bodyFolder, 'incoming', 'node1')).length
    const before = files()
    const begin = async (): Promise<number> => {
      const body = await spoolBody(log, randomBytes(200_000))
      return (await log.append(await signedRecord({ body, logLevel: 'none' }))).index
    }
    const [refused, underWay] = [await begin(), await begin()]
    await worker.terminate()
    const closing = await signedRecord({ kind: 'refusal', outcome: 'network_error', answers: refused })
    await t.rejects(log.append(closing), { code: 'logging_failed' })
    await usableAgain(log)
    t.equal(files(), before + 2, 'nobody has closed them')
    t.equal(await log.closeAbandoned(), 1)
    await until('the end of one body', (saw) => saw(files()) <= before + 1)
    t.equal(files(), before + 1, 'the one under way may still be sent')
    await log.append(await signedRecord({ kind: 'refusal', outcome: 'network_error', answers: underWay }))
    await until('the end of the body', (saw) => saw(files()) === before)
    await log.close()
  })

  await t.test('a signature document of a batch is stored once, others as differences', async (t) => {
    const log = await openTestLog(t, options)
    const first = await signedRecord()
    const { signature } = first
    const shared = await Promise.all([
      log.append(first),
      log.append({ ...(await signedRecord()), signature }),
      log.append(await signedRecord()),
    ])
    await log.append({ ...(await signedRecord()), signature })
    for (const { index } of shared.slice(0, 2)) {
      t.ok((await log.read(index)).signatures?.equals(signature!.signatures))
    }
    await log.timeStampNow()
    for (const { index } of shared) t.ok((await log.read(index)).timeStamp)
    await log.close()
  })

  await t.test('unusable when the oldest signature without a time-stamp is too old', async (t) => {
    let now = Date.now()
    const log = await openTestLog(t, { ...options, clock: () => now })
    await log.timeStampNow()
    await log.append(await signedRecord())
    log.checkUsable()
    now += 4 * 3_600_000 + 60_000
    t.throws(() => log.checkUsable(), { code: 'timestamping_failed' })
    await log.close()
    const again = await openTestLog(t, { ...options, clock: () => now })
    t.throws(
      () => again.checkUsable(),
      { code: 'timestamping_failed' },
      'counted from the log, not from memory',
    )
    await again.timeStampNow()
    again.checkUsable()
    await again.close()
  })

  await t.test('no plaintext in the database file', async (t) => {
    if (!url.startsWith('sqlite:')) return t.pass('looked at on the embedded store')
    const log = await openTestLog(t, options)
    const message = Buffer.from(
      `GET /r1/persons/38001010000-${randomBytes(8).toString('hex')} HTTP/1.1\r\n\r\n`,
    )
    await log.append(await signedRecord({ message, extra: { userId: 'EE38001010000' } }))
    await log.maintain()
    await log.close()
    const file = readFileSync(url.slice('sqlite:'.length))
    t.notOk(file.includes('38001010000'))
    t.ok(file.includes('DEV/GOV/5678/tax'))
  })
})

t.test('answering something that is not there is refused alone', async (t) => {
  const log = await openTestLog(t, logOptions(logFolder(t)))
  const [bad, good] = await Promise.allSettled([
    log.append(await signedRecord({ kind: 'reply', answers: 999, peer: PEER })),
    log.append(await signedRecord()),
  ])
  t.equal(codeOf((bad as PromiseRejectedResult).reason), 'not_found')
  t.equal(good.status, 'fulfilled')
})

await eachDatabase(t, async (_database, t, url) => {
  const { search, close } = await openTestDatabase(url)
  t.teardown(close)
  // At the edges of the index's blocks and of a query's range.
  const indexes = [0, 5, 32_767, 32_768, 2_097_151, 2_097_152, 3_000_000]
  const size = 3_000_001
  const row = (idx: number, query_id: string): SearchRow => ({
    idx,
    // The later the record, the older its time: clocks are set.
    time: new Date(4_000_000 - idx).toISOString(),
    kind: 'request',
    direction: 'in',
    outcome: '',
    query_id,
    request_id: '',
    client: '',
    service: '',
    peer: '',
    answers: null,
    ...{ terms: 0, keep_days: null, secrecy: 0, user_hash: null, party_hash: null },
  })
  await search.add(
    indexes.flatMap((idx) => [row(idx, 'wanted'), row(idx + 10_000, 'other')]),
    { from: 0, to: size, others: [] },
  )
  const indexesOf = (rows: SearchRow[]): number[] => rows.map(({ idx }) => idx)
  t.same(indexesOf(await search.byQueryId('wanted', size)), indexes, 'oldest first, from every block')
  t.same(await search.byQueryId('absent', size), [])
  const newest = indexesOf(await search.list({ queryId: 'wanted', limit: 3 }, size))
  t.same(newest, indexes.slice(-3).reverse())
  const before = await search.list({ queryId: 'wanted', limit: 9, before: newest.at(-1)! }, size)
  t.same(indexesOf(before), indexes.slice(0, -3).reverse())
  const byTime = await search.list({ queryId: 'wanted', limit: 9, from: '1970' }, size)
  t.same(indexesOf(byTime), indexes, 'by time')
})
