/**
 * Marks of a node and those of all nodes: apart on disk, the higher one for what is fetched, and certificates
 * under their anchor alone.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { publicationStamp } from '#core/configuration/directory-parts.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { durableFiles } from './durable-files.ts'
import type { InstanceCopy } from './instance-copy.ts'
import { createKeptMarks } from './kept-marks.ts'
import { marksBytes } from './marks.ts'
import { SHARED_MARKS_FILE } from './shared-marks.ts'

const certificate = Buffer.from('certificate')

function anchorOf(name: string, downloadUrl = 'http://registry/internalconf'): ConfigurationAnchor {
  const generatedAt = new Date(0)
  return { generatedAt, instance: 'DEV', sources: [{ downloadUrl, verificationCerts: [Buffer.from(name)] }] }
}

function copyOf(publishedAt: number): InstanceCopy {
  const source = { internalVerificationCerts: [certificate], externalVerificationCerts: [] }
  const copy: unknown = {
    instance: 'DEV',
    directory: { parts: [{ location: `/V3/${publicationStamp(new Date(publishedAt))}/shared-params.xml` }] },
    packed: { few: { sources: [source] } },
  }
  return copy as InstanceCopy
}

function newNode(t: Test) {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-marks-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const share = (number: number, forgotten = 0): void =>
    writeFileSync(
      path.join(directory, SHARED_MARKS_FILE),
      marksBytes({
        marks: new Map([
          [
            'DEV',
            {
              mark: {
                ...{ publishedAt: number, statement: undefined, logHead: undefined },
                suspensions: { number, digest: 'x' },
              },
              learnedCertificates: [],
            },
          ],
        ]),
        ...{ passed: undefined, forgotten, anchor: undefined },
      }),
    )
  return { directory, share, open: () => createKeptMarks({ directory, files: durableFiles }) }
}

t.test('a node that starts twice in an outage uses its own copy twice', async (t) => {
  const node = newNode(t)
  const first = await node.open()
  first.learnUnder(anchorOf('anchor'))
  first.raise([copyOf(1000)])
  await first.persist()
  const own = first.of('DEV')!.mark.publishedAt
  node.share(9_000_000)
  for (let start = 0; start < 3; start++) {
    const marks = await node.open()
    t.equal(marks.onDisk().get('DEV')?.mark.publishedAt, own, 'what its copy is judged by')
    t.equal(marks.of('DEV')?.mark.publishedAt, 9_000_000, 'what is fetched')
    marks.raise([copyOf(1000)])
    marks.notePassed(start)
    await marks.persist()
  }
})

t.test('a mark that another node raises counts at once, and an order to forget once', async (t) => {
  const node = newNode(t)
  const marks = await node.open()
  node.share(5)
  t.equal(marks.of('DEV'), undefined)
  await marks.follow()
  t.equal(marks.of('DEV')?.mark.publishedAt, 5)
  node.share(4)
  await marks.follow()
  t.equal(marks.of('DEV')?.mark.publishedAt, 5, 'never lower')
  node.share(2, 1)
  t.equal(await marks.mustForget(), true)
  marks.forget(anchorOf('anchor'), { withHistory: true })
  await marks.follow()
  t.equal(marks.of('DEV')?.mark.publishedAt, 2)
  t.equal(await marks.mustForget(), false)
})

t.test('certificates that were learned under another anchor are not trusted', async (t) => {
  const node = newNode(t)
  const marks = await node.open()
  marks.learnUnder(anchorOf('old anchor'))
  marks.raise([copyOf(1000)])
  await marks.persist()
  const same = await node.open()
  same.learnUnder(anchorOf('old anchor'))
  t.same(same.onDisk().get('DEV')?.learnedCertificates, [certificate])
  const other = await node.open()
  other.learnUnder(anchorOf('new anchor'))
  t.same(other.onDisk().get('DEV')?.learnedCertificates, [])
  t.same(other.of('DEV')?.learnedCertificates, [])
  const proxy = 'http://proxy/DEV/conf'
  const next = await node.open()
  next.learnUnder(anchorOf('certificate', proxy))
  t.same(next.onDisk().get('DEV')?.learnedCertificates, [certificate], 'the next key of a proxy is no reason')
})
