/**
 * Evidence records of a log: one a day, renewed in time with one time-stamp for many, with failures at any
 * point; on both stores.
 */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { signerOf } from '#certs/keys.ts'
import { PROFILES } from '#certs/profiles.ts'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { stampedNote } from '#core/evidence-bundle/stamped-note.ts'
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import { readEvidenceRecord } from '#core/evidence-record/read-evidence-record.ts'
import { verifyEvidenceRecord } from '#core/evidence-record/verify-evidence-record.ts'
import { parseCheckpoint, signNote } from '#core/merkle/checkpoint.ts'
import { writeTstInfo } from '#core/timestamp/tst-info.ts'
import { writeToken } from '#core/timestamp/write-token.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { databaseSource } from '../../features/verification/checks/database-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import {
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  SERVER,
  signedRecord,
  signer,
  type TestLogOptions,
} from '../fixture.ts'

const DAY = 86_400_000
const YEAR = 365 * DAY
const START = Date.UTC(2027, 0, 4)

/** An authority whose certificate is valid for two years. */
async function authority(from: number) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name: [string, string][] = [['CN', `TSA ${from}`]]
  const certificate: Certificate = await issueCertificate({
    ...{ subject: name, publicKey, profile: PROFILES.tsa, issuer: { name, publicKey, privateKey } },
    ...{ notBefore: new Date(from - DAY), notAfter: new Date(from + 2 * YEAR) },
  })
  let serial = 0n
  const stamp = (imprint: Buffer, time: number, digest: 'SHA-256' | 'SHA-384' | 'SHA-512'): Buffer =>
    writeToken({
      content: writeTstInfo({
        digest,
        imprint,
        policy: '1.2.3',
        serialNumber: ++serial,
        time: new Date(time),
      }),
      ...{
        certificate,
        includeCertificates: [certificate],
        digest: 'SHA-256' as const,
        sign: signerOf(privateKey),
      },
    })
  return { certificate, stamp }
}

t.test('one a day, renewed before its end', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    let now = START
    let by: Awaited<ReturnType<typeof authority>> | 'down' = await authority(START)
    const first = by
    let asked = 0
    const options: TestLogOptions = {
      ...logOptions(logFolder(t), url),
      clock: () => now,
      evidenceRecords: { ends: { ...ALGORITHM_ENDS, 'SHA-512': '2030-06-30', 'P-256': '2060-12-31' } },
      async stamp(imprint, digest = 'SHA-512') {
        if (by === 'down') throw new Fault('timestamping_failed')
        asked++
        return {
          token: by.stamp(imprint, now, digest),
          certificates: [by.certificate.der],
          ocspResponses: [],
        }
      },
    }
    let log = await openTestLog(t, options)
    const known: Certificate[] = [first.certificate]
    const all = async () => {
      const stored = await openTestDatabase(url, { readOnly: true })
      const rows = await stored.evidenceRecords.due('9999', 1000)
      await stored.close()
      return rows
        .sort((a, b) => Number(a.size) - Number(b.size))
        .map(({ record, note, renew_at: due }) => {
          const data = stampedNote(note, idText(SERVER))
          const proof = verifyEvidenceRecord({
            record,
            data,
            tsaCertificates: known,
            ends: options.evidenceRecords!.ends!,
          })
          return { ...proof, due: Date.parse(due), chains: readEvidenceRecord(record).chains }
        })
    }
    t.equal(await log.keepEvidenceRecords(), 0)
    for (let day = 0; day < 3; day++) {
      await log.append(await signedRecord())
      for (let hour = 0; hour < 24; hour += 8) {
        await log.keepEvidenceRecords()
        now += 8 * 3_600_000
      }
    }
    const daily = await all()
    t.equal(daily.length, 3)
    t.same(
      daily.map(({ end }) => end.time),
      Array(3).fill(START + 2 * YEAR),
    )
    t.same(
      daily.map(({ due }) => due),
      Array(3).fill(START + 2 * YEAR - 90 * DAY),
    )

    // The authority still has the same certificate: another time-stamp would add nothing, so it is asked once
    // a day.
    now = START + 2 * YEAR - 80 * DAY
    asked = 0
    t.equal(await log.keepEvidenceRecords(), 0)
    t.equal(await log.keepEvidenceRecords(), 0)
    t.same([asked, (await all())[0]!.stamps.length], [1, 1])

    by = 'down'
    now += 2 * DAY
    await t.rejects(log.keepEvidenceRecords(), { code: 'timestamping_failed' })
    await log.append(await signedRecord())
    t.equal((await all()).length, 3, 'the log goes on without it')

    // A process that ends here loses nothing: a due renewal stays due.
    await log.close()
    log = await openTestLog(t, options)
    const second = await authority(now)
    by = second
    known.push(second.certificate)
    asked = 0
    t.equal(await log.keepEvidenceRecords(), 3)
    t.equal(asked, 2, 'one for the day, one for all that were due')
    const renewed = await all()
    t.same(
      renewed.map(({ stamps }) => stamps.length),
      [2, 2, 2, 1],
    )
    t.same(
      renewed.map(({ since }) => since.getTime()).slice(0, 3),
      daily.map(({ since }) => since.getTime()),
    )
    t.same(new Set(renewed[0]!.chains.map(({ stamps }) => stamps.at(-1)!.lists.length)), new Set([2]))
    t.equal(
      renewed[0]!.end.time,
      Date.parse('2030-06-30T23:59:59.999Z'),
      'the digest ends before the certificate',
    )

    const third = await authority(Date.UTC(2030, 3, 1))
    by = third
    known.push(third.certificate)
    now = Date.UTC(2030, 3, 15)
    t.equal(await log.keepEvidenceRecords(), 4)
    const rehashed = await all()
    t.same(
      rehashed.map(({ chains }) => chains.length).slice(0, 4),
      [2, 2, 2, 2],
      'a new tree by another digest',
    )
    t.same(
      rehashed[0]!.stamps.map(({ digest }) => digest),
      ['SHA-512', 'SHA-512', 'SHA-384'],
    )
    t.equal(rehashed[0]!.since.getTime(), daily[0]!.since.getTime())
    t.equal(parseCertificate(third.certificate.der).notAfter.getTime(), rehashed[0]!.end.time)

    // Two nodes renew the same record: one of the results is stored completely.
    const stored = await openTestDatabase(url)
    const [row] = await stored.evidenceRecords.due('9999', 1)
    const { note: _note, ...columns } = row!
    await stored.evidenceRecords.replace(Buffer.from('another'), { ...columns, record: Buffer.from('late') })
    await stored.close()
    t.equal((await all()).length, rehashed.length)

    const index = (await log.append(await signedRecord())).index
    const covering = await log.evidenceRecord(index)
    t.ok(covering !== undefined && covering.size > index, 'made when a bundle asks for it')
    by = 'down'
    t.equal(await log.evidenceRecord((await log.append(await signedRecord())).index), undefined)
    await log.close()

    const check = async () => {
      const log = await openTestDatabase(url)
      try {
        const { evidenceRecords, problems } = await verifyLog(await databaseSource(log, () => undefined), {
          tsaCertificates: known,
        })
        return { evidenceRecords, wrong: problems.filter(({ what }) => what.includes('evidence')) }
      } finally {
        await log.close()
      }
    }
    const count = (await all()).length
    t.strictSame(
      await check(),
      { evidenceRecords: count, wrong: [] },
      'the verification of the log reads them',
    )
    const again = await openTestDatabase(url)
    const [one, two] = await again.evidenceRecords.after(-1, 2)
    const { note: _text, ...kept } = two!
    await again.evidenceRecords.replace(two!.record, { ...kept, record: one!.record })
    await again.close()
    t.match(await check(), { evidenceRecords: count, wrong: [{ index: Number(two!.size) - 1 }] })
  }),
)

t.test('of two nodes that sign the same size the kept tree head is stamped', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const { memberSigner } = await signer()
    const by = await authority(START)
    const stamped: string[] = []
    const log = await openTestLog(t, {
      ...logOptions(logFolder(t), url),
      clock: () => START,
      signer: {
        ...memberSigner,
        // While this node signs, another one has signed the same size: no two signatures of such a key are
        // equal.
        async sign(data) {
          const [size, root] = data.toString().split('\n').slice(1, 3) as [string, string]
          const note = signNote(`${data}`, 'other', generateKeyPairSync('ed25519').privateKey)
          const other = await openTestDatabase(url)
          const time = new Date(START).toISOString()
          await other.tree.putCheckpoint({
            size: Number(size),
            root: Buffer.from(root, 'base64'),
            note,
            time,
          })
          await other.close()
          stamped.push(note)
          return memberSigner.sign(data)
        },
      },
      stamp: async (imprint, digest = 'SHA-512') => ({
        token: by.stamp(imprint, START, digest),
        ...{ certificates: [by.certificate.der], ocspResponses: [] },
      }),
    })
    await log.append(await signedRecord())
    t.equal(await log.checkpointNow(), stamped[0], 'what is told is what is kept')
    await log.keepEvidenceRecords()
    await log.close()
    const stored = await openTestDatabase(url, { readOnly: true })
    const [row] = await stored.evidenceRecords.after(-1, 1)
    await stored.close()
    const data = stampedNote(row!.note, idText(SERVER))
    t.equal(row!.note, stamped[0])
    t.doesNotThrow(() =>
      verifyEvidenceRecord({ record: row!.record, data, tsaCertificates: [by.certificate] }),
    )
  }),
)

t.test('over tree heads that a quorum of witnesses cosigned', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const by = await authority(START)
    let now = START
    let stamps = 0
    const log = await openTestLog(t, {
      ...logOptions(logFolder(t), url),
      clock: () => now,
      stamp: async (imprint, digest = 'SHA-512') => {
        stamps++
        return {
          token: by.stamp(imprint, now, digest),
          ...{ certificates: [by.certificate.der], ocspResponses: [] },
        }
      },
    })
    let cosigning: string[] = ['one', 'two']
    const cosign = async (): Promise<void> => {
      const note = await log.witnesses.newestCheckpoint()
      const { size } = parseCheckpoint(note!)
      const time = new Date(now).toISOString()
      for (const witness of cosigning)
        await log.witnesses.putCosignature({ size, witness, time, line: `${witness} cosigned` })
    }
    let asked = 0
    log.witnesses.useQuorum({
      submit: async () => {
        asked++
        await cosign()
      },
      isMetBy: (witnesses) => ['one', 'two'].every((name) => witnesses.includes(name)),
    })
    const logged = async (): Promise<number> => (await log.append(await signedRecord())).index
    const sizeFor = async (index: number): Promise<number | undefined> =>
      (await log.evidenceRecord(index))?.size

    const first = await logged()
    await log.checkpointNow()
    await cosign()
    await logged()
    t.equal(await sizeFor(first), first + 1, 'the head that was cosigned, and not the newest one')
    t.same([stamps, asked], [1, 0])

    const third = await logged()
    t.equal(await sizeFor(third), third + 1, 'the newest one is cosigned for it')
    t.same([stamps, asked], [2, 1])

    cosigning = ['one']
    const alone = await logged()
    t.equal(await sizeFor(alone), alone + 1, 'with too few of them the time is proved all the same')
    const later = await logged()
    t.equal(await sizeFor(alone), alone + 1)
    t.same([stamps, asked], [3, 2], 'and neither the authority nor they are asked for it again')

    cosigning = ['one', 'two']
    await cosign()
    t.equal(await sizeFor(alone), later + 1, 'until they cosigned a later one')
    t.equal(await sizeFor(first), first + 1)
    t.equal(stamps, 4)

    cosigning = []
    now += DAY
    await logged()
    await log.keepEvidenceRecords()
    t.equal(stamps, 5, 'a day has its record without them too')
    await log.close()
  }),
)
