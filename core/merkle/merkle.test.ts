import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import golden from '#schemas/golden/merkle/log.json' with { type: 'json' }
import {
  addCosignature,
  addSignature,
  memberSignatureLine,
  noteName,
  parseCheckpoint,
  signNote,
  verifyCosignature,
  verifyMemberSignature,
  verifyNote,
  writeCheckpoint,
} from './checkpoint.ts'
import { createCompactRange } from './compact-range.ts'
import { EMPTY_ROOT, leafHash, nodeHash } from './hash.ts'
import { commit, type LeafFields, leafForm, openCommitment } from './leaf-form.ts'
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from './proofs.ts'
import { parseNote } from './signed-note.ts'

const hex = (value: string): Buffer => Buffer.from(value, 'hex')
const { tree, checkpoint } = golden
const goldenLeaves = tree.inputs.map((input) => leafHash(hex(input)))

/** A store of leaves that returns hashes of complete subtrees only, as tiles do. */
const nodesOf =
  (leaves: readonly Buffer[]) =>
  (level: number, index: number): Buffer => {
    if ((index + 1) * 2 ** level > leaves.length) throw new Error('no such complete subtree')
    const read = nodesOf(leaves)
    return level === 0
      ? (leaves[index] as Buffer)
      : nodeHash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
  }

/** The root as RFC 9162 defines it. */
function slowRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length < 2) return leaves[0] ?? EMPTY_ROOT
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(slowRoot(leaves.slice(0, k)), slowRoot(leaves.slice(k)))
}

function holds(act: () => void): boolean {
  try {
    act()
    return true
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_proof') return false
    throw thrown
  }
}

void t.test('known answers of the RFC 6962 reference tree', async (t) => {
  const range = createCompactRange()
  t.equal(range.root().toString('hex'), tree.emptyRoot)
  for (const [i, leaf] of goldenLeaves.entries()) {
    range.append(leaf)
    t.equal(range.root().toString('hex'), tree.roots[i], `root of ${i + 1}`)
  }
  const root = (size: number): Buffer => hex(tree.roots[size - 1] as string)
  for (const { size, index, proof } of tree.inclusion) {
    const made = await inclusionProof(size, index, nodesOf(goldenLeaves.slice(0, size)))
    t.strictSame(
      made.map((node) => node.toString('hex')),
      proof,
      `leaf ${index} of ${size}`,
    )
    verifyInclusion({ size, index, leaf: goldenLeaves[index] as Buffer, proof: made, root: root(size) })
  }
  for (const { first, second, proof } of tree.consistency) {
    const made = await consistencyProof(first, second, nodesOf(goldenLeaves.slice(0, second)))
    t.strictSame(
      made.map((node) => node.toString('hex')),
      proof,
      `${first} to ${second}`,
    )
    verifyConsistency({ first, second, firstRoot: root(first), secondRoot: root(second), proof: made })
  }
})

const leavesOf = (size: number): Buffer[] =>
  Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${i}`)))

void t.test('any tree: the edge, its proofs, and no other ones', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({ min: 1, max: 140 })
        .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.integer({ min: 1, max: size }))),
      fc.nat(),
      async ([size, index, first], seed) => {
        const leaves = leavesOf(size)
        const hashAt = async (level: number, at: number) => nodesOf(leaves)(level, at)
        const half = createCompactRange()
        for (const leaf of leaves.slice(0, first)) half.append(leaf)
        const firstRoot = half.root()
        const range = createCompactRange({ size: half.size, peaks: half.peaks })
        for (const leaf of leaves.slice(first)) range.append(leaf)
        const root = range.root()
        if (!root.equals(slowRoot(leaves)) || !firstRoot.equals(slowRoot(leaves.slice(0, first))))
          return false

        const proof = await inclusionProof(size, index, hashAt)
        const included = { size, index, leaf: leaves[index] as Buffer, proof, root }
        const chain = await consistencyProof(first, size, hashAt)
        const grown = { first, second: size, firstRoot, secondRoot: root, proof: chain }
        verifyInclusion(included)
        verifyConsistency(grown)

        const flip = (hash: Buffer): Buffer => {
          const bytes = Buffer.from(hash)
          bytes[seed % 32] = (bytes[seed % 32] as number) ^ (1 << (seed % 8))
          return bytes
        }
        const oneFlipped = (hashes: Buffer[]): Buffer[] =>
          hashes.map((hash, i) => (i === seed % hashes.length ? flip(hash) : hash))
        const wrong: (() => void)[] = [
          () => verifyInclusion({ ...included, leaf: flip(included.leaf) }),
          () => verifyInclusion({ ...included, root: flip(root) }),
          () => verifyInclusion({ ...included, proof: [...proof, root] }),
          () => verifyInclusion({ ...included, index: size }),
          () => verifyInclusion({ ...included, index: -1 }),
          () => verifyInclusion({ ...included, index: index + 0.5 }),
          () => verifyInclusion({ ...included, leaf: included.leaf.subarray(1) }),
          () => verifyConsistency({ ...grown, firstRoot: flip(firstRoot) }),
          () => verifyConsistency({ ...grown, secondRoot: flip(root) }),
          () => verifyConsistency({ ...grown, proof: [...chain, root] }),
          () => verifyConsistency({ ...grown, first: size + 1 }),
        ]
        if (proof.length > 0) {
          wrong.push(() => verifyInclusion({ ...included, proof: oneFlipped(proof) }))
          wrong.push(() => verifyInclusion({ ...included, proof: proof.slice(1) }))
          wrong.push(() => verifyInclusion({ ...included, proof: proof.slice(0, -1) }))
          wrong.push(() => verifyInclusion({ ...included, index: index === 0 ? size - 1 : index - 1 }))
        }
        if (chain.length > 0) {
          wrong.push(() => verifyConsistency({ ...grown, proof: oneFlipped(chain) }))
          wrong.push(() => verifyConsistency({ ...grown, proof: chain.slice(1) }))
          wrong.push(() => verifyConsistency({ ...grown, proof: chain.slice(0, -1) }))
        }
        return wrong.every((act) => !holds(act))
      },
    ),
    { numRuns: 120 },
  )
})

void t.test('edges and limits', async (t) => {
  const leaf = leafHash(Buffer.alloc(0))
  t.strictSame(await consistencyProof(0, 5, () => leaf), [])
  verifyConsistency({ first: 0, second: 5, firstRoot: EMPTY_ROOT, secondRoot: leaf, proof: [] })
  t.notOk(
    holds(() => verifyConsistency({ first: 0, second: 5, firstRoot: leaf, secondRoot: leaf, proof: [] })),
  )
  t.notOk(
    holds(() =>
      verifyConsistency({ first: 0, second: 0, firstRoot: EMPTY_ROOT, secondRoot: leaf, proof: [] }),
    ),
  )
  t.notOk(
    holds(() => verifyConsistency({ first: 1, second: 1, firstRoot: leaf, secondRoot: leaf, proof: [leaf] })),
  )
  const huge = 2 ** 53 - 1
  const proof = await inclusionProof(huge, 2 ** 52, () => leaf)
  t.equal(proof.length, 53, 'no leaf is deeper')
  t.notOk(holds(() => verifyInclusion({ size: huge, index: 2 ** 52, leaf, proof, root: leaf })))
  t.notOk(holds(() => verifyInclusion({ size: 2 ** 53, index: 0, leaf, proof: [], root: leaf })))
  await t.rejects(
    inclusionProof(3, 3, () => leaf),
    RangeError,
  )
  await t.rejects(
    consistencyProof(4, 3, () => leaf),
    RangeError,
  )
  for (const edge of [
    { size: 1, peaks: [] },
    { size: 2, peaks: [leaf, leaf] },
    { size: -1, peaks: [] },
    { size: 1.5, peaks: [leaf] },
    { size: 1, peaks: [leaf.subarray(1)] },
  ]) {
    t.throws(() => createCompactRange(edge), { code: 'log_inconsistent' })
  }
  const range = createCompactRange({ size: 3, peaks: [leaf, leaf] })
  const { peaks } = range
  range.append(leaf)
  t.equal(peaks.length, 2, 'peaks once read stay as they are')
  t.throws(() => range.append(Buffer.alloc(31)), TypeError)
  t.throws(() => nodeHash(Buffer.alloc(33), Buffer.alloc(31)), { code: 'invalid_proof' })
})

void t.test('leaf form and commitments', async (t) => {
  for (const { fields, form, leafHash: expected } of golden.leaves) {
    t.equal(leafForm(fields as LeafFields), form)
    t.equal(canonicalJson(fields), form, 'RFC 8785')
    t.equal(leafHash(Buffer.from(form)).toString('hex'), expected)
  }
  for (const { label, content, digest, key, commitment } of golden.commitments) {
    const made = commit(label as 'body', hex(golden.salt), hex(digest))
    t.equal(made.toString('base64'), commitment, content)
    t.strictSame(openCommitment(hex(key), hex(digest)), made)
  }
  const any = fc.string({ unit: 'binary' })
  const fields = fc.record({
    version: fc.constant(1 as const),
    kind: fc.constant('reply' as const),
    direction: fc.constant('' as const),
    time: any,
    outcome: any,
    logLevel: fc.constant('none' as const),
    contract: any,
    parties: any,
    message: any,
    body: any,
    signature: any,
    fields: fc.constant('' as const),
    answers: any,
  })
  fc.assert(fc.property(fields, (value) => leafForm(value) === canonicalJson(value)))
  t.throws(() => leafForm({ ...(golden.leaves[0]?.fields as LeafFields), contract: '\ud800' }), TypeError)
})

const logKey = createPrivateKey(checkpoint.log.privateKey)
const witnessKey = createPrivateKey(checkpoint.witness.privateKey)
const publicOf = (key: KeyObject): KeyObject => createPublicKey(key)

void t.test('checkpoints: our bytes are those of the golden vectors', async (t) => {
  const text = writeCheckpoint({
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: hex(checkpoint.root),
  })
  t.equal(text, checkpoint.text)
  const signed = signNote(text, checkpoint.log.name, logKey)
  t.equal(signed, `${text}\n${checkpoint.log.line}`)
  const cosigned = addCosignature(
    signed,
    checkpoint.witness.name,
    witnessKey,
    new Date(checkpoint.witness.time),
  )
  t.equal(cosigned, signed + checkpoint.witness.line)
  t.equal(cosigned + checkpoint.members[0]?.line, checkpoint.note)
  const read = parseCheckpoint(checkpoint.note)
  t.match(read, { origin: checkpoint.origin, size: 3, root: hex(checkpoint.root), extensions: [] })
  t.ok(verifyNote(read.note, checkpoint.log.name, publicOf(logKey)))
  t.strictSame(verifyCosignature(read.note, checkpoint.witness.name, publicOf(witnessKey)), {
    time: new Date(checkpoint.witness.time),
  })
  for (const { name, spki, line } of checkpoint.members) {
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
    t.ok(verifyMemberSignature(parseNote(signed + line), name, key), `${key.asymmetricKeyType}`)
    t.notOk(verifyMemberSignature(parseNote(signed), name, key))
    t.throws(() => verifyMemberSignature({ ...parseNote(signed + line), text: `${text}x\n` }, name, key), {
      code: 'malformed_checkpoint',
    })
  }
  t.notOk(verifyNote(read.note, 'another', publicOf(logKey)), 'a line of an unknown name is passed over')
  t.notOk(verifyNote(read.note, checkpoint.log.name, publicOf(witnessKey)), 'and one of an unknown key')
  t.equal(verifyCosignature(read.note, checkpoint.log.name, publicOf(logKey)), undefined)
})

void t.test('notes of others', async (t) => {
  // The example of golang.org/x/mod/sumdb/note, key
  // PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW.
  const note = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`
  const x = Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64')
    .subarray(1)
    .toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  t.ok(verifyNote(parseNote(note), 'PeterNeumann', key))
  t.throws(() => verifyNote(parseNote(note.replace('problem is', 'problem was')), 'PeterNeumann', key), {
    code: 'malformed_checkpoint',
  })
  const two =
    '\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n'
  const c2sp = parseCheckpoint(
    `example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n${two}`,
  )
  t.match(c2sp, { origin: 'example.com/behind-the-sofa', size: 20_852_163 })
  t.equal(
    c2sp.note.signatures[1]?.signature.readBigUInt64BE(0),
    1_679_315_147n,
    'the time of the C2SP example',
  )
})

void t.test('hostile checkpoints', async (t) => {
  const good = checkpoint.note
  const [, size, root] = good.split('\n') as [string, string, string]
  const line = `\u2014 a ${Buffer.alloc(68).toString('base64')}\n`
  const refused: [string, string][] = [
    ['no signature', checkpoint.text],
    ['an empty signature block', `${checkpoint.text}\n`],
    ['no final line end', good.slice(0, -1)],
    ['an empty origin', good.slice(good.indexOf('\n'))],
    ['a size with a zero before', good.replace(`\n${size}\n`, `\n0${size}\n`)],
    ['a negative size', good.replace(`\n${size}\n`, '\n-1\n')],
    ['a size that is no safe integer', good.replace(`\n${size}\n`, '\n9007199254740993\n')],
    ['a huge size', good.replace(`\n${size}\n`, `\n${'9'.repeat(40)}\n`)],
    ['a root that is short', good.replace(root, Buffer.alloc(31).toString('base64'))],
    ['a root that is not padded', good.replace(root, root.slice(0, -1))],
    [
      'a root with other last bits',
      good.replace(root, `${root.slice(0, -2)}${root.at(-2) === 'B' ? 'C' : 'B'}=`),
    ],
    ['a root in URL form', good.replace(root, Buffer.alloc(32, 255).toString('base64url'))],
    ['an empty extension line', good.replace('\n\n', '\n\n\n')],
    ['CR LF', good.replaceAll('\n', '\r\n')],
    ['a NUL', good.replace('DEV', 'D\0V')],
    ['a lone surrogate', good.replace('DEV', 'D\ud800V')],
    ['a hyphen for the dash', good.replaceAll('\u2014', '-')],
    ['a line without a name', `${good}\u2014 ${Buffer.alloc(68).toString('base64')}\n`],
    ['a name with a plus', `${good}${line.replace(' a ', ' a+b ')}`],
    ['a name with a no-break space', `${good}${line.replace(' a ', ' a\u00a0b ')}`],
    ['a signature of a key id only', `${good}\u2014 a AAAAAA==\n`],
    ['text among the signatures', `${good}text\n${line}`],
    ['too many signatures', good + line.repeat(65)],
    ['too long', good.replace('\n\n', `\n${'x'.repeat(70_000)}\n\n`)],
    ['many extension lines', good.replace('\n\n', `\n${'x\n'.repeat(17)}\n`)],
    ['nothing', ''],
  ]
  for (const [what, source] of refused)
    t.throws(() => parseCheckpoint(source), { code: 'malformed_checkpoint' }, what)
  t.strictSame(parseCheckpoint(good.replace('\n\n', '\next 1\next 2\n\n')).extensions, ['ext 1', 'ext 2'])
  t.equal(
    parseCheckpoint(good + line.repeat(16)).note.signatures.length,
    19,
    'sixteen and more must be taken',
  )

  const bytes = Buffer.from(good)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << bit)
      try {
        const read = parseCheckpoint(changed.toString())
        const valid = verifyNote(read.note, checkpoint.log.name, publicOf(logKey))
        return !valid || read.note.text === checkpoint.text
      } catch (thrown) {
        return thrown instanceof Fault && thrown.code === 'malformed_checkpoint'
      }
    }),
    { numRuns: 1_000 },
  )
  t.throws(() => writeCheckpoint({ origin: 'a\nb', size: 0, root: EMPTY_ROOT }), TypeError)
  t.throws(() => writeCheckpoint({ origin: 'a', size: -1, root: EMPTY_ROOT }), TypeError)
  t.throws(() => signNote('a\n', 'a b', logKey), TypeError)
  t.equal(noteName('DEV/COM/1+2'), 'DEV/COM/1%2B2')
})

void t.test('a member signs with what it has', async (t) => {
  const text = writeCheckpoint({ origin: 'a', size: 0, root: EMPTY_ROOT, extensions: ['x'] })
  const note = signNote(text, 'a', logKey)
  for (const { publicKey, privateKey } of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ]) {
    const signature = sign('sha512', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const full = addSignature(note, memberSignatureLine('DEV/GOV/1', publicKey, signature))
    t.ok(verifyMemberSignature(parseNote(full), 'DEV/GOV/1', publicKey), `${publicKey.asymmetricKeyType}`)
    t.ok(verifyNote(parseNote(full), 'a', publicOf(logKey)))
    signature[5] = (signature[5] as number) ^ 1
    const forged = parseNote(addSignature(note, memberSignatureLine('DEV/GOV/1', publicKey, signature)))
    t.throws(() => verifyMemberSignature(forged, 'DEV/GOV/1', publicKey), { code: 'malformed_checkpoint' })
  }
})
