import fc from 'fast-check'
import t from 'tap'
import * as F from '#core/signature/signature-fixture.ts'
import { codeOf } from '#core/signature/signature-fixture.ts'
import { MIME_TYPE } from './container.ts'
import { readContainer } from './read-container.ts'
import { type ZipRecipe, zipOf } from './zip-fixture.ts'

t.test('hostile ZIP files', async (t) => {
  const base: ZipRecipe[] = [
    { name: 'mimetype', data: MIME_TYPE },
    { name: 'message.xml', data: F.REQUEST, deflate: true },
    { name: 'META-INF/signatures.xml', data: '<a/>', deflate: true },
  ]
  const read = (
    entries: ZipRecipe[],
    o: Parameters<typeof zipOf>[1] = {},
    limits: Parameters<typeof readContainer>[1] = {},
  ) => codeOf(() => readContainer(zipOf(entries, o), limits))
  t.equal(await read(base), 'accepted')
  t.equal(await read([...base].reverse(), { comment: `mimetype=${MIME_TYPE}` }), 'accepted', 'any order')
  t.equal(await read([...base, { name: 'META-INF/' }]), 'accepted', 'the directory entry of other writers')
  t.equal(
    await read([{ ...base[0]!, deflate: true }, ...base.slice(1)]),
    'accepted',
    'deflated mimetype, as X-Road writes it',
  )

  const junk = Buffer.from('hidden')
  const descriptor = (size: number): Buffer => {
    const bytes = Buffer.alloc(16)
    bytes.write('PK\x07\x08', 'latin1')
    bytes.writeUInt32LE(size, 12)
    return bytes
  }
  const more = (recipe: ZipRecipe): ZipRecipe[] => [...base, recipe]
  const refused: [why: string, entries: ZipRecipe[], o?: Parameters<typeof zipOf>[1]][] = [
    ['bytes before', base, { before: junk }],
    ['bytes between', [base[0]!, { ...base[1]!, gap: junk }, base[2]!]],
    ['bytes before the directory', base, { beforeDirectory: junk }],
    ['bytes behind', base, { behind: junk }],
    ['bytes behind packed data', [base[0]!, { ...base[1]!, packedTail: junk }, base[2]!]],
    ['an entry behind packed data', [base[0]!, { ...base[1]!, packedTail: zipOf([base[1]!]) }, base[2]!]],
    [
      'one byte behind packed data of nothing',
      more({ name: 'attachment1', deflate: true, packedTail: Buffer.of(0) }),
    ],
    ['an entry that no directory lists', base, { beforeDirectory: zipOf([base[1]!]).subarray(0, 200) }],
    ['long comment', base, { comment: 'x'.repeat(1000) }],
    ['same name twice', more({ name: 'message.xml', data: 'other' })],
    ['same name in another case', more({ name: 'Message.XML', data: 'other' })],
    ['parent directory', more({ name: '../evil' })],
    ['absolute name', more({ name: '/etc/passwd' })],
    ['backslash', more({ name: 'a\\b' })],
    ['drive', more({ name: 'C:evil' })],
    ['deep path', more({ name: 'a/b/c' })],
    ['not ASCII', more({ name: 'attachment\u0661' })],
    ['zero byte', more({ name: 'message.xml\0' })],
    ['line end', more({ name: 'message.xml\n' })],
    ['directory with content', more({ name: 'META-INF/', data: 'x' })],
    ['another name in the local header', more({ name: 'attachment1', local: { name: 'attachment2' } })],
    ['another checksum in the local header', more({ name: 'attachment1', data: 'x', local: { crc: 1 } })],
    ['another size in the local header', more({ name: 'attachment1', data: 'x', local: { size: 2 } })],
    ['other flags in the local header', more({ name: 'attachment1', local: { flags: 0x800 } })],
    ['wrong checksum', more({ name: 'attachment1', data: 'x', local: { crc: 1 }, central: { crc: 1 } })],
    ['encrypted', more({ name: 'attachment1', local: { flags: 1 }, central: { flags: 1 } })],
    [
      'smaller than declared',
      more({ name: 'attachment1', data: 'x', deflate: true, local: { size: 9 }, central: { size: 9 } }),
    ],
    [
      'larger than declared',
      more({ name: 'attachment1', data: 'xxxxxx', deflate: true, local: { size: 1 }, central: { size: 1 } }),
    ],
    ['two entries of one place', more({ name: 'attachment1', data: 'x', central: { offset: 0 } })],
    [
      'Unicode path',
      more({ name: 'attachment1', central: { extra: Buffer.from('757005000100000000', 'hex') } }),
    ],
    ['unknown extra field', more({ name: 'attachment1', local: { extra: Buffer.from('fecaffff', 'hex') } })],
    ['cut extra field', more({ name: 'attachment1', local: { extra: Buffer.from('0100', 'hex') } })],
    [
      'descriptor that disagrees',
      more({
        name: 'attachment1',
        local: { flags: 8, crc: 0, size: 0 },
        central: { flags: 8 },
        descriptor: descriptor(7),
      }),
    ],
    ['no mimetype', base.slice(1)],
    ['another media type', [{ name: 'mimetype', data: 'text/plain' }, ...base.slice(1)]],
    ['no message', [base[0]!, base[2]!]],
    ['empty message', [base[0]!, { name: 'message.xml' }, base[2]!]],
    ['no signature', base.slice(0, 2)],
    ['half a hash chain', more({ name: 'sig-hashchain.xml', data: 'x' })],
    ['many entries', [...base, ...Array.from({ length: 200 }, (_, number) => ({ name: `x${number}` }))]],
    ['no entries', []],
  ]
  for (const [why, entries, o] of refused) t.equal(await read(entries, o), 'malformed_container', why)
  t.equal(
    await read(
      more({ name: 'attachment1', data: Buffer.alloc(1_000_000), deflate: true }),
      {},
      { attachmentBytes: 1000 },
    ),
    'malformed_container',
    'bomb',
  )
  t.equal(await read(base, {}, { documentBytes: 10 }), 'malformed_container')
  const two = ['attachment1', 'attachment2'].map((name) => ({ name, data: Buffer.alloc(600), deflate: true }))
  t.equal(await read([...base, ...two], {}, { attachmentBytes: 1200 }), 'accepted')
  t.equal(await read([...base, ...two], {}, { attachmentBytes: 1199 }), 'malformed_container', 'all together')
  const stray = ['hashchain.xml', 'other'].map((name) => ({ name, data: Buffer.alloc(600), deflate: true }))
  const documentBytes = base.reduce((sum, { data = '' }) => sum + Buffer.byteLength(data), 1200)
  t.equal(await read([...base, ...stray], {}, { documentBytes }), 'accepted')
  t.equal(await read([...base, ...stray], {}, { documentBytes: documentBytes - 1 }), 'malformed_container')
  t.same((await readContainer(zipOf(more({ name: 'readme.txt', data: 'x' })))).unknown, ['readme.txt'])

  const bytes = zipOf(base)
  for (let length = 0; length < bytes.length; length++) {
    t.equal(
      await codeOf(() => readContainer(bytes.subarray(0, length))),
      'malformed_container',
      `cut at ${length}`,
    )
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
      const code = await codeOf(() => readContainer(Buffer.from(noise)))
      return code === 'malformed_container'
    }),
  )
})
