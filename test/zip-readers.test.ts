/**
 * One container, one content: when readContainer accepts a file, then Python, Java (by directory and as a
 * stream), Info-ZIP's unzip and the second verifier see the same content or refuse it. Every byte that is no
 * content is changed in several ways.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ATTACHMENT, MIME_TYPE } from '#core/container/container.ts'
import { readContainer } from '#core/container/read-container.ts'
import { extraField, type ZipRecipe, zip64Field, zipOf } from '#core/container/zip-fixture.ts'
import { findProgram, SHORT_LIVED_JAVA, skipFor } from './outside-tools.ts'

const FOLDER = path.join(import.meta.dirname, 'zip-readers')
const TIMES = extraField(0x5455, Buffer.from('0100000000', 'hex'))
const WIDE = { size: 0xffffffff, packed: 0xffffffff, version: 45 }
const COMMENT = `mimetype=${MIME_TYPE}`

/**
 * ZIP files as different writers make them: stored, compressed, with a data descriptor, with a folder, with
 * and without ZIP64 sizes.
 */
function base(isLarge: boolean): Buffer {
  const file = { made: 0x033f, attributes: (0o100664 << 16) >>> 0 }
  const recipes: ZipRecipe[] = [
    { name: 'mimetype', data: MIME_TYPE },
    { name: 'message.xml', data: '<a/>', deflate: true, local: { extra: TIMES }, central: { extra: TIMES } },
    { name: 'META-INF/', central: { made: 0x033f, attributes: ((0o040755 << 16) | 0x10) >>> 0 } },
    { name: 'META-INF/signatures.xml', data: '<b/>', deflate: true, central: file },
    {
      name: 'attachment1',
      data: 'abc',
      deflate: true,
      local: { flags: 8, crc: 0, size: 0, packed: 0 },
      central: { ...file, flags: 8 },
      descriptor: Buffer.from('504b0708c24124350500000003000000', 'hex'),
    },
  ]
  const large: ZipRecipe = {
    name: 'attachment2',
    data: 'abcd',
    local: { ...WIDE, extra: zip64Field(4, 4) },
    central: { ...WIDE, ...file, extra: zip64Field(4, 4) },
  }
  return zipOf(isLarge ? [recipes[0]!, recipes[1]!, recipes[3]!, large] : recipes, { comment: COMMENT })
}

/** Each byte changed alone, and each byte of a local header together with its twin in the directory. */
function* mutations(bytes: Buffer): Generator<Buffer> {
  const twins = twinsIn(bytes)
  for (let at = 0; at < bytes.length; at++) {
    const old = bytes[at]!
    for (const value of new Set([0, 1, old ^ 1, old ^ 0x80, (old + 1) & 0xff, 0xff])) {
      if (value === old) continue
      const changed = Buffer.from(bytes)
      changed[at] = value
      yield changed
      const twin = twins.get(at)
      if (twin === undefined) continue
      const both = Buffer.from(changed)
      both[twin] = value
      yield both
    }
  }
}

/** The position in the local header of each byte of a directory entry (from version to extra field). */
function twinsIn(bytes: Buffer): Map<number, number> {
  const twins = new Map<number, number>()
  const end = bytes.length - 22 - COMMENT.length
  for (let at = bytes.readUInt32LE(end + 16); at < end; ) {
    const local = bytes.readUInt32LE(at + 42)
    const [name, extra] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)]
    for (let i = 0; i < 26; i++) twins.set(at + 6 + i, local + 4 + i)
    for (let i = 0; i < name + extra; i++) twins.set(at + 46 + i, local + 30 + i)
    at += 46 + name + extra
  }
  return twins
}

/** The content of the file according to readContainer; undefined when it refuses. */
async function seenByUs(bytes: Buffer): Promise<string | undefined> {
  try {
    const container = await readContainer(bytes)
    const { message, signatures, attachments, unknown } = container
    return [
      `message.xml=${hash('sha256', message)}`,
      `META-INF/signatures.xml=${hash('sha256', signatures)}`,
      ...attachments.map(({ name, size }) => `${name}=${size}`),
      ...unknown,
    ].join(' ')
  } catch {
    return undefined
  }
}

/** The same for the output of another reader, which names each entry with its digest. */
function seenBy(printed: string, sizes: ReadonlyMap<string, number>): string {
  const entries = new Map(printed.split(' ').map((pair) => pair.split('=') as [string, string]))
  entries.delete('mimetype')
  entries.delete('META-INF/')
  const take = (name: string): string => {
    const said = `${name}=${entries.get(name)}`
    entries.delete(name)
    return said
  }
  const attachments = [...entries.keys()].filter((name) => ATTACHMENT.test(name)).sort()
  return [
    take('message.xml'),
    take('META-INF/signatures.xml'),
    ...attachments.map((name) => `${name}=${sizes.get(take(name).split('=')[1]!)}`),
    ...entries.keys(),
  ].join(' ')
}

/** Each prints a line of three columns per file: the reader, the file, its entries or "refused". */
const READERS: [needs: string, run: (folder: string) => string][] = [
  ['python3', (folder) => execFileSync('python3', [path.join(FOLDER, 'list_zips.py'), folder], OUTPUT)],
  [
    'javac',
    (folder) =>
      execFileSync('java', [...SHORT_LIVED_JAVA, path.join(FOLDER, 'ListZips.java'), folder], OUTPUT),
  ],
  ['unzip', unzipAll],
]
const OUTPUT = { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 } as const

function unzipAll(folder: string): string {
  return readdirSync(folder)
    .map((file) => {
      const place = path.join(folder, `${file}.d`)
      mkdirSync(place)
      const { status } = spawnSync('unzip', ['-q', '-o', path.join(folder, file), '-d', place])
      // 1 is a warning: everything was written.
      return ['unzip', file, status === 0 || status === 1 ? filesIn(place).join(' ') : 'refused'].join('\t')
    })
    .join('\n')
}

function filesIn(place: string): string[] {
  return readdirSync(place, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = path.join(place, name)
    const stat = lstatSync(file)
    if (stat.isDirectory()) return []
    return [`${name}=${stat.isFile() ? hash('sha256', readFileSync(file)) : 'no file'}`]
  })
}

t.test('what is accepted is the same to every reader', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-zips-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const accepted = new Map<string, string>()
  let tried = 0
  for (const [name, whole] of [
    ['whole', base(false)],
    ['large', base(true)],
  ] as const) {
    for (const bytes of [whole, ...mutations(whole)]) {
      const file = `${name}-${tried++}.zip`
      const seen = await seenByUs(bytes)
      if (seen === undefined) t.not(bytes, whole, 'what nobody changed is accepted')
      else {
        accepted.set(file, seen)
        writeFileSync(path.join(folder, file), bytes)
      }
    }
  }
  t.ok(tried > 4_000, `${tried} files`)
  t.ok(accepted.size > 20, `${accepted.size} accepted`)
  for (const [program, run] of READERS) {
    if (findProgram([program]) === undefined) skipFor(t, `${program} is missing`)
    else compare(t, run(folder), accepted)
  }
})

function compare(t: Test, printed: string, accepted: ReadonlyMap<string, string>): void {
  const sizes = new Map(['', 'abc', 'abcd'].map((text) => [hash('sha256', text), text.length]))
  const lines = printed.trim().split('\n')
  for (const line of lines) {
    const [reader, file, entries] = line.split('\t') as [string, string, string]
    const said = entries === 'refused' ? entries : seenBy(entries, sizes)
    if (said !== accepted.get(file) && said !== 'refused')
      t.equal(said, accepted.get(file), `${reader}: ${file}`)
  }
  t.ok(lines.length >= accepted.size, `${lines.length} readings compared`)
  const whole = lines.filter((line) => line.includes('\twhole-0.zip\t'))
  t.ok(whole.length > 0 && whole.every((line) => line.includes('mimetype=')), 'what nobody changed is read')
}
