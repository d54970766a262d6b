/**
 * Proofs of one entry as a file (tlog-proof), tiles, and cosignatures of both types: as specified, and
 * hostile ones.
 */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import {
  addCosignature,
  isCosignature,
  parseCheckpoint,
  signNote,
  verifyCosignature,
  writeCheckpoint,
} from './checkpoint.ts'
import { createCompactRange } from './compact-range.ts'
import { leafHash, nodeHash } from './hash.ts'
import { inclusionProof } from './proofs.ts'
import { parseNote } from './signed-note.ts'
import { bundleOf, hasTile, parseTilePath, tileOf } from './tiles.ts'
import {
  isTlogProof,
  MAX_TLOG_PROOF_BYTES,
  parseTlogProof,
  verifyTlogProof,
  writeTlogProof,
} from './tlog-proof.ts'
import { parseVerifierKey, writeVerifierKey } from './verifier-key.ts'
import { judgeWitnesses, parseWitnessPolicy } from './witness-policy.ts'

const ORIGIN = 'registry.example/log'
const log = generateKeyPairSync('ed25519')
const leaves = Array.from({ length: 11 }, (_, at) => leafHash(Buffer.from(`entry ${at}`)))

function hashAt(level: number, index: number): Buffer {
  return level === 0
    ? leaves[index]!
    : nodeHash(hashAt(level - 1, index * 2), hashAt(level - 1, index * 2 + 1))
}

function noteOf(size: number, more: { origin?: string; key?: typeof log; root?: Buffer } = {}): string {
  const tree = createCompactRange()
  for (const leaf of leaves.slice(0, size)) tree.append(leaf)
  const { origin = ORIGIN, key = log, root = tree.root() } = more
  return signNote(writeCheckpoint({ origin, size, root }), origin, key.privateKey)
}

void t.test('the proof of one entry as one file', async (t) => {
  const verifier = { name: ORIGIN, publicKey: log.publicKey }
  const fileOf = async (index: number, note: string, size = 11) =>
    writeTlogProof({ index, hashes: await inclusionProof(size, index, hashAt), note })
  for (let index = 0; index < leaves.length; index++) {
    const file = Buffer.from(await fileOf(index, noteOf(11)))
    t.ok(isTlogProof(file))
    verifyTlogProof(parseTlogProof(file), leaves[index]!, verifier)
  }
  const good = await fileOf(6, noteOf(11))
  const extra = good.replace('\n', '\nextra aGVsbG8=\n')
  t.same(parseTlogProof(Buffer.from(extra)).extra, Buffer.from('hello'))
  const [, , , firstHash] = good.split('\n')
  const malformed: [string, string][] = [
    ['empty', ''],
    ['only its first line', 'c2sp.org/tlog-proof@v1\n'],
    ['another version', good.replace('@v1', '@v2')],
    ['no index', good.replace('index 6\n', '')],
    ['a leading zero', good.replace('index 6', 'index 06')],
    ['a negative index', good.replace('index 6', 'index -6')],
    ['an index that no number holds', good.replace('index 6', 'index 9999999999999999')],
    ['two indexes', good.replace('index 6\n', 'index 6\nindex 6\n')],
    ['extra data twice', extra.replace('\n', '\nextra aGVsbG8=\n')],
    ['extra data that is no base64', good.replace('\n', '\nextra ?\n')],
    ['huge extra data', good.replace('\n', `\nextra ${'AAAA'.repeat(2000)}\n`)],
    ['a cut hash', good.replace(firstHash!, firstHash!.slice(0, -4))],
    ['a thousand hashes', good.replace(firstHash!, Array(1000).fill(firstHash).join('\n'))],
    ['carriage returns', good.replaceAll('\n', '\r\n')],
    ['cut in the checkpoint', good.slice(0, -40)],
    ['two checkpoints', `${good}\n${noteOf(11)}`],
    ['huge', `${good}${'x'.repeat(MAX_TLOG_PROOF_BYTES)}`],
  ]
  for (const [what, text] of malformed)
    t.throws(() => parseTlogProof(Buffer.from(text)), { code: 'malformed_checkpoint' }, what)
  t.throws(() => parseTlogProof(Buffer.concat([Buffer.from(good), Buffer.of(0xff)])), {
    code: 'malformed_checkpoint',
  })
  for (let length = 0; length < good.length; length += 7)
    t.throws(() => parseTlogProof(Buffer.from(good.slice(0, length))), { code: 'malformed_checkpoint' })

  const other = generateKeyPairSync('ed25519')
  const refused: [string, string, string][] = [
    [
      'another origin under our key',
      await fileOf(6, noteOf(11, { origin: 'other.example' })),
      'untrusted_checkpoint',
    ],
    ['another key with our name', await fileOf(6, noteOf(11, { key: other })), 'untrusted_checkpoint'],
    ['a smaller tree than the index', await fileOf(6, noteOf(5)), 'invalid_proof'],
    ['a smaller tree', await fileOf(6, noteOf(9)), 'invalid_proof'],
    [
      'the same size with another root',
      await fileOf(6, noteOf(11, { root: Buffer.alloc(32, 1) })),
      'invalid_proof',
    ],
    [
      'the proof of another entry',
      (await fileOf(7, noteOf(11))).replace('index 7', 'index 6'),
      'invalid_proof',
    ],
    ['a hash twice', good.replace(`${firstHash}\n`, `${firstHash}\n${firstHash}\n`), 'invalid_proof'],
    ['a hash less', good.replace(`${firstHash}\n`, ''), 'invalid_proof'],
    ['an edited size', good.replace(`${ORIGIN}\n11\n`, `${ORIGIN}\n12\n`), 'malformed_checkpoint'],
  ]
  for (const [what, text, code] of refused)
    t.throws(() => verifyTlogProof(parseTlogProof(Buffer.from(text)), leaves[6]!, verifier), { code }, what)
})

void t.test('cosignatures of both types', async (t) => {
  const note = noteOf(11)
  const [classic, later] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ml-dsa-44')]
  const [w1, w2] = ['w1.example', 'w2.example'] as [string, string]
  const at = new Date('2026-11-29T12:00:00Z')
  const cosigned = addCosignature(addCosignature(note, w1, classic.privateKey, at), w2, later.privateKey, at)
  const { note: read } = parseCheckpoint(cosigned)
  t.same(verifyCosignature(read, w1, classic.publicKey), { time: at })
  t.same(verifyCosignature(read, w2, later.publicKey), { time: at })
  t.same(read.signatures.map(isCosignature), [false, true, true])
  t.equal(read.signatures[2]!.signature.length, 8 + 2420)
  const keyText = writeVerifierKey({ name: w2, publicKey: later.publicKey }, 'witness')
  t.equal(writeVerifierKey(parseVerifierKey(keyText, 'witness'), 'witness'), keyText)
  t.throws(() => parseVerifierKey(keyText, 'log'), { code: 'invalid_input' })
  t.throws(() => parseVerifierKey(`${keyText.slice(0, -8)}AAAAAAA=`, 'witness'), { code: 'invalid_input' })
  t.throws(() => parseVerifierKey(keyText.slice(0, -400), 'witness'), { code: 'invalid_input' })
  const classicText = writeVerifierKey({ name: w1, publicKey: classic.publicKey }, 'witness')
  const policy = parseWitnessPolicy(
    `witness a ${classicText}\nwitness b ${keyText}\ngroup g all a b\nquorum g\n`,
  )
  t.match(judgeWitnesses(read, policy), { met: true, witnesses: [{ label: 'a' }, { label: 'b' }] })

  const line = read.signatures[2]!
  const under = (text: string, more: Partial<typeof line> = {}) => ({
    text,
    signatures: [{ ...line, ...more }],
  })
  const forged: [string, ReturnType<typeof under>][] = [
    ['another tree', under(parseNote(noteOf(10)).text)],
    ['another log', under(parseNote(noteOf(11, { origin: 'other.example' })).text)],
    ['cut', under(read.text, { signature: line.signature.subarray(0, -1) })],
    ['longer', under(read.text, { signature: Buffer.concat([line.signature, Buffer.of(0)]) })],
    [
      'another time',
      under(read.text, { signature: Buffer.concat([Buffer.alloc(8, 1), line.signature.subarray(8)]) }),
    ],
    [
      'a time beyond all times',
      under(read.text, { signature: Buffer.concat([Buffer.alloc(8, 255), line.signature.subarray(8)]) }),
    ],
    ['no checkpoint at all', under('hello\n')],
  ]
  for (const [what, one] of forged)
    t.throws(() => verifyCosignature(one, w2, later.publicKey), { code: 'malformed_checkpoint' }, what)
  t.equal(verifyCosignature(read, w2, generateKeyPairSync('ml-dsa-44').publicKey), undefined, 'another key')
  t.same(
    verifyCosignature(under(`${read.text}an extension\n`), w2, later.publicKey),
    { time: at },
    'not covered',
  )
  t.throws(() => addCosignature(note, 'w'.repeat(256), later.privateKey, at), TypeError)
  t.throws(() => addCosignature(note, w1, generateKeyPairSync('ed448').privateKey, at), TypeError)
})

void t.test('tiles', async (t) => {
  t.same(parseTilePath('0/000'), { level: 0, index: 0, width: 256 })
  t.same(parseTilePath('63/x123/x456/789.p/17'), { level: 63, index: 123_456_789, width: 17 })
  t.same(parseTilePath('entries/x001/002'), { level: undefined, index: 1002, width: 256 })
  for (const path of [
    ...[
      '',
      '0',
      '0/00',
      '64/000',
      '00/000',
      '0/1000',
      '0/x000/001',
      '0/000.p/256',
      '0/000.p/0',
      '0/000.p/01',
    ],
    ...['entries', 'data/000', '0/000/', '0/000.p', '../0/000', `0${'/x001'.repeat(6)}/000`],
  ])
    t.equal(parseTilePath(path), undefined, path)
  t.ok(hasTile({ level: 0, index: 0, width: 11 }, 11) && hasTile({ level: 1, index: 0, width: 1 }, 256))
  t.notOk(hasTile({ level: 0, index: 0, width: 12 }, 11) || hasTile({ level: 1, index: 0, width: 1 }, 255))
  t.same(tileOf(leaves.slice(0, 2)), Buffer.concat(leaves.slice(0, 2)))
  t.throws(() => tileOf([Buffer.alloc(31)]), TypeError)
  t.same(bundleOf([Buffer.from('ab'), Buffer.alloc(0)]), Buffer.from([0, 2, 0x61, 0x62, 0, 0]))
  t.throws(() => bundleOf([Buffer.alloc(65_536)]), TypeError)
})
