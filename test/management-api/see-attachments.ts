/**
 * Attachments in what auditors are told of a record: the size for all of them, digests, names and types for
 * readers of the content.
 */
import { hash } from 'node:crypto'
import type { Test } from 'tap'
import { signedRecord, spoolAttachments } from '#security-server/message-log/fixture.ts'
import type { AdminWorld } from './admin-fixture.ts'

const FILES = [Buffer.from('one'), Buffer.alloc(0), Buffer.from([0xff, 0, 0x0a])]
const WHY = 'case=2026-18&reason=complaint'

export async function seeAttachments(t: Test, { ask, messageLog }: AdminWorld): Promise<void> {
  const told = FILES.map((bytes, i) => ({
    name: `attachment${i + 1}`,
    ...{ size: bytes.length, sha512: hash('sha512', bytes, 'base64') },
  }))
  const record = async (files: Buffer[], change: object = {}): Promise<number> => {
    const body = await spoolAttachments(messageLog, files)
    return (await messageLog.append(await signedRecord({ body, ...change }))).index
  }
  const read = async (index: number, role = 'XROAD_AUDITOR') =>
    (await ask('GET', `/message-log/records/${index}`, undefined, { role })).body
  const content = async (index: number) =>
    ask('GET', `/message-log/records/${index}/content?${WHY}`, undefined, { role: 'XROAD_CONTENT_AUDITOR' })

  const index = await record(FILES)
  const sizes = told.map(({ sha512: _, ...one }) => one)
  t.strictSame((await read(index))['attachments'], sizes, 'a digest tells which of few files it is')
  t.strictSame((await read(index, 'XROAD_CONTENT_AUDITOR'))['attachments'], told)
  const { body } = await ask('GET', `/message-log/exchanges/${index}`, undefined, { role: 'XROAD_AUDITOR' })
  const [seen] = body['records'] as { attachments: unknown }[]
  t.strictSame(seen!.attachments, sizes)
  t.notMatch(JSON.stringify(body), /secret0|Content-Disposition/)
  t.strictSame((await content(index)).body['body'], Buffer.concat(FILES).toString('base64'))
  t.strictSame(
    (await content(index)).body['attachments'],
    told.map((one, i) => ({
      ...one,
      headers: [{ name: 'Content-Disposition', value: `attachment; filename="secret${i}.pdf"` }],
    })),
  )

  const large = await record([Buffer.alloc(70_000), Buffer.from('one')])
  t.match((await content(large)).body, {
    ...{ body: null, bodyBytes: 70_003 },
    attachments: [{ size: 70_000 }, { size: 3, headers: [{ name: 'Content-Disposition' }] }],
  })
  const digests = await record(FILES, { logLevel: 'digest' })
  t.strictSame(
    (await read(digests, 'XROAD_CONTENT_AUDITOR'))['attachments'],
    told,
    'digests are what this level keeps',
  )
  t.equal((await content(digests)).status, 404)
  const { index: whole } = await messageLog.append(await signedRecord())
  t.strictSame((await read(whole))['attachments'], [])
  t.strictSame((await content(whole)).body['attachments'], [])
}
