import fc from 'fast-check'
import t from 'tap'
import * as F from '#core/signature/signature-fixture.ts'
import { codeOf } from '#core/signature/signature-fixture.ts'
import { MIME_TYPE } from './container.ts'
import { readContainer } from './read-container.ts'
import { extraField, type ZipRecipe, zip64Field, zipOf } from './zip-fixture.ts'

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
    ...hiddenThings(more),
    ['no mimetype', base.slice(1)],
    ['another media type', [{ name: 'mimetype', data: 'text/plain' }, ...base.slice(1)]],
    ['no message', [base[0]!, base[2]!]],
    ['empty message', [base[0]!, { name: 'message.xml' }, base[2]!]],
    ['no signature', base.slice(0, 2)],
    ['half a hash chain', more({ name: 'sig-hashchain.xml', data: 'x' })],
    ['many entries', [...base, ...Array.from({ length: 1_200 }, (_, number) => ({ name: `x${number}` }))]],
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

  for (const [why, recipe] of soundForms()) t.equal(await read(more(recipe)), 'accepted', why)
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

const WIDE = 0xffffffff
const zip64End = (start: number, size: number, change: (bytes: Buffer) => void = () => undefined): Buffer => {
  const bytes = Buffer.alloc(76)
  bytes.write('PK\x06\x06', 'latin1')
  bytes.writeBigUInt64LE(44n, 4)
  for (const at of [24, 32]) bytes.writeBigUInt64LE(3n, at)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  bytes.writeBigUInt64LE(BigInt(start), 48)
  bytes.write('PK\x06\x07', 56, 'latin1')
  bytes.writeBigUInt64LE(BigInt(start + size), 64)
  bytes.writeUInt32LE(1, 72)
  change(bytes)
  return bytes
}

/** ZIP files with content that some readers see and others do not. */
function hiddenThings(
  more: (recipe: ZipRecipe) => ZipRecipe[],
): [why: string, entries: ZipRecipe[], o?: Parameters<typeof zipOf>[1]][] {
  const one = (recipe: Omit<ZipRecipe, 'name'>): ZipRecipe[] =>
    more({ name: 'attachment1', data: 'abc', ...recipe })
  const wide = { size: WIDE, packed: WIDE }
  const unix = 0x0314
  const link = { made: unix, attributes: (0o120777 << 16) >>> 0 }
  return [
    ['ZIP64 sizes of nothing in the local header', one({ local: { ...wide, extra: zip64Field(0, 0) } })],
    ['another ZIP64 size in the local header', one({ local: { ...wide, extra: zip64Field(3, 2) } })],
    ['half the ZIP64 sizes', one({ local: { ...wide, extra: zip64Field(3) } })],
    ['one size marked', one({ local: { size: WIDE, extra: zip64Field(3, 3) } })],
    ['marked sizes without ZIP64', one({ local: wide })],
    ['ZIP64 sizes beside plain ones', one({ local: { extra: zip64Field(0, 0) } })],
    ['ZIP64 sizes in the directory beside plain ones', one({ central: { extra: zip64Field(0, 0) } })],
    ['a ZIP64 number too many', one({ central: { size: WIDE, extra: zip64Field(3, 0) } })],
    [
      'two ZIP64 fields',
      one({ central: { size: WIDE, extra: Buffer.concat([zip64Field(3), zip64Field(0)]) } }),
    ],
    [
      'a long descriptor without ZIP64',
      one({
        deflate: true,
        local: { flags: 8, crc: 0, size: 0, packed: 0 },
        central: { flags: 8 },
        descriptor: Buffer.concat([
          Buffer.from('504b0708c2412435', 'hex'),
          Buffer.from('05000000000000000300000000000000', 'hex'),
        ]),
      }),
    ],
    ['a directory that says it is shorter', one({}), { end: (end) => end.writeUInt32LE(46, 12) }],
    ['a directory that says it is longer', one({}), { end: (end) => end.writeUInt32LE(4_000, 12) }],
    ['entries on another disk', one({}), { end: (end) => end.writeUInt16LE(1, 8) }],
    ['a directory on another disk', one({}), { end: (end) => end.writeUInt16LE(1, 6) }],
    ['an entry on another disk', one({ central: { disk: 1 } })],
    ['a ZIP64 end that is not needed', more({ name: 'META-INF/' }).slice(0, 3), { zip64End }],
    [
      'a ZIP64 end of another directory',
      more({ name: 'META-INF/' }).slice(0, 3),
      {
        zip64End: (start, size) => zip64End(start, size, (bytes) => bytes.writeBigUInt64LE(1n, 40)),
        end: (end) => end.writeUInt32LE(WIDE, 12),
      },
    ],
    ['a comment with text', one({}), { comment: 'paid in full' }],
    ['a comment with the end of another directory', one({}), { comment: zipOf([]).toString('latin1') }],
    ['a comment on an entry', one({ central: { comment: 'paid in full' } })],
    ['a symbolic link', one({ central: link })],
    ['a symbolic link made on macOS', one({ central: { ...link, made: 0x1314 } })],
    ['a symbolic link made on DOS', one({ central: { ...link, made: 20 } })],
    ['a device', one({ central: { made: unix, attributes: (0o020666 << 16) >>> 0 } })],
    [
      'a program with rights of its owner',
      one({ central: { made: unix, attributes: (0o104755 << 16) >>> 0 } }),
    ],
    ['a folder by its attributes', one({ central: { made: unix, attributes: (0o040755 << 16) >>> 0 } })],
    ['a folder of DOS', one({ central: { attributes: 0x10 } })],
    ['a label of a disk', one({ central: { attributes: 0x08 } })],
    ['a link of NTFS', one({ central: { made: 0x0a14, attributes: 0x400 } })],
    ['made by VMS', one({ central: { made: 0x0214 } })],
    ['attributes of records', one({ central: { internal: 2 } })],
    ['an unknown version', one({ local: { version: 63 }, central: { version: 63 } })],
    ['unknown flags', one({ local: { flags: 0x20 }, central: { flags: 0x20 } })],
    ['text for a time', one({ central: { extra: extraField(0x5455, Buffer.from('\x01paid in full')) } })],
    ['text for times of NTFS', one({ local: { extra: extraField(0x000a, Buffer.from('paid in full')) } })],
    [
      'text for an owner',
      one({ central: { extra: extraField(0x7875, Buffer.from('\x01\x0cpaid in full')) } }),
    ],
    ['packed data of no bytes', more({ name: 'attachment1', deflate: true, packed: Buffer.alloc(0) })],
    [
      'a stored entry whose size stands behind it',
      more({
        name: 'attachment1',
        local: { flags: 8 },
        central: { flags: 8 },
        descriptor: Buffer.from('504b0708000000000000000000000000', 'hex'),
      }),
    ],
  ]
}

/** Forms that writers of large files and repacking tools produce. */
function soundForms(): [why: string, recipe: ZipRecipe][] {
  const one = { name: 'attachment1', data: 'abc' }
  const wide = { size: WIDE, packed: WIDE, version: 45 }
  const time = extraField(0x5455, Buffer.from('0300000000', 'hex'))
  const times = extraField(0x5455, Buffer.from('030000000000000000', 'hex'))
  const owner = extraField(0x7875, Buffer.from('0104e803000004e8030000', 'hex'))
  const ntfs = extraField(0x000a, Buffer.from(`0000000001001800${'00'.repeat(24)}`, 'hex'))
  return [
    [
      'sizes in ZIP64 form',
      { ...one, local: { ...wide, extra: zip64Field(3, 3) }, central: { ...wide, extra: zip64Field(3, 3) } },
    ],
    [
      'sizes in ZIP64 form behind a stream',
      {
        ...one,
        deflate: true,
        local: { flags: 8, crc: 0, size: 0, packed: 0 },
        central: { ...wide, flags: 8, extra: zip64Field(3, 5) },
        descriptor: Buffer.concat([
          Buffer.from('504b0708c2412435', 'hex'),
          Buffer.from('05000000000000000300000000000000', 'hex'),
        ]),
      },
    ],
    [
      'packed again by Info-ZIP',
      {
        ...one,
        local: { extra: Buffer.concat([times, owner]) },
        central: {
          extra: Buffer.concat([time, owner]),
          made: 0x031e,
          internal: 1,
          attributes: (0o100644 << 16) >>> 0,
        },
      },
    ],
    [
      'times of NTFS',
      { ...one, local: { extra: ntfs }, central: { extra: ntfs, made: 0x0a14, attributes: 0x20 } },
    ],
  ]
}
