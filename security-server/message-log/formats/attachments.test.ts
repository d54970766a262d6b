/**
 * SOAP attachments in the log, on both stores: kept as one body, each proved by itself, at every level and
 * after erasure.
 */
import { hash, randomBytes } from 'node:crypto'
import path from 'node:path'
import type { Readable } from 'node:stream'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import {
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  signedRecord,
  signer,
  spoolAttachments,
} from '../fixture.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { openRecord, openRemainder } from '../records/open-record.ts'
import { SECTION } from './content.ts'

const bytesOf = async (stream: Readable): Promise<Buffer> =>
  Buffer.concat((await stream.toArray()) as Buffer[])
const ORDER = { mode: 'PROOF_KEPT', case: '1', reason: 'a test' } as const

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const { stamp, memberSigner } = await signer()
  const options = { ...logOptions(folder, url), stamp, signer: memberSigner }
  const problems = async (): Promise<unknown[]> => {
    const source = await openLogSource({
      databaseUrl: options.databaseUrl,
      keyFolder: options.keyFolder,
      bodyFolder: options.bodyFolder,
    })
    try {
      return (await verifyLog(source.source)).problems
    } finally {
      await source.close()
    }
  }
  const sizes = [[5], [0, 10, 0], [60_000, 3_000, 1_000], [64 * 1024, 64 * 1024 + 1, 0, 200_000, 1]]
  const log = await openTestLog(t, options)
  const kept: { index: number; files: Buffer[] }[] = []

  await t.test('each attachment comes back, from the middle of a body too', async (t) => {
    for (const size of sizes) {
      const files = size.map((one) => randomBytes(one))
      const { index } = await log.append(await signedRecord({ body: await spoolAttachments(log, files) }))
      kept.push({ index, files })
    }
    for (const { index, files } of kept) {
      const { attachments } = await log.container(index)
      t.strictSame(
        attachments.map(({ name }) => name),
        files.map((_file, i) => `attachment${i + 1}`),
      )
      for (const [i, one] of attachments.entries()) {
        t.ok((await bytesOf(one.open())).equals(files[i]!), `${index} ${i}`)
        t.equal(one.size, files[i]!.length)
      }
    }
  })

  await t.test('what keeps digests alone keeps no name of a file', async (t) => {
    const files = [randomBytes(10), randomBytes(100_000)]
    const body = await spoolAttachments(log, files)
    const { index } = await log.append(await signedRecord({ body, logLevel: 'digest' }))
    await log.timeStampNow()
    await log.checkpointNow()
    await log.retention.erase({ ...ORDER, index: kept[3]!.index })
    const database = await openTestDatabase(options.databaseUrl, { readOnly: true })
    const { byId } = readLogKeys(path.join(folder, 'keys'))
    const find = (id: string) => byId.get(id)
    const told = [
      openRecord(await database.records.get(index), find),
      openRemainder(await database.records.remainder(kept[3]!.index), find),
    ]
    await database.database.close()
    for (const opened of told) {
      const section = opened!.sections[SECTION.attachments]!.toString()
      t.notMatch(section, /secret|filename/)
      t.match(section, /^\[\[\d+,"/)
    }
    const proof = await log.proof(kept[3]!.index)
    t.ok(proof.openings.body?.digest.equals(hash('sha512', Buffer.concat(kept[3]!.files), 'buffer')))
  })

  await t.test('the log verifies, and a wrong cut does not', async (t) => {
    const body = await spoolAttachments(log, [Buffer.from('ab'), Buffer.from('c')])
    const right = await signedRecord({ body })
    const wrong = await spoolAttachments(log, [Buffer.from('a'), Buffer.from('bc')])
    await log.timeStampNow()
    await log.checkpointNow()
    await log.close()
    t.strictSame(await problems(), [])
    const again = await openTestLog(t, options)
    const { index } = await again.append({ ...right, body: { ...body, attachments: wrong.attachments! } })
    const lying = {
      ...body,
      attachments: [
        { ...body.attachments![0]!, size: 1 },
        { ...body.attachments![1]!, size: 2 },
      ],
    }
    const other = await signedRecord({ body: lying })
    const second = await again.append(other)
    await again.checkpointNow()
    await again.close()
    const found = (await problems()) as { index?: number }[]
    t.strictSame(
      found.map(({ index: one }) => one),
      [index, second.index],
      JSON.stringify(found),
    )
  })
})
