/**
 * The transparency log for everybody, over HTTP: checkpoints that the witness of another registry cosigns,
 * proofs and tiles from which a stranger recomputes the tree, and the page about it.
 */
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { parseTlogProof, verifyTlogProof } from '#core/merkle/tlog-proof.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { judgeWitnesses, parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { makeWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { authority } from '#test/fakes/request-world.ts'
import { hasLitewitness, startLitewitness } from '#test/litewitness.ts'
import { until } from '#test/until.ts'
import { LANGUAGES, textsIn } from './page/texts.ts'

const NAME = 'registry.example/log'
const textOf = async (node: Node, at: string): Promise<string> => {
  const reply = await node.get(at)
  if (reply.status !== 200) throw new Error(`${at}: ${reply.status} ${reply.bytes.toString()}`)
  return reply.bytes.toString()
}

void t.test('a log that another registry witnesses', async (t) => {
  const [world, others] = [registryWorld(t), registryWorld(t)]
  const plain = await world.start()
  t.equal((await plain.get('/log/checkpoint')).status, 404, 'nothing without publicLog')
  t.equal((await plain.get('/history')).status, 404)
  await setUp(plain, authority)
  await plain.stop()
  const first = await world.start({ settings: { publicLog: { name: NAME } } })
  const logKey = (await textOf(first, '/log/key')).trim()
  const verifier = parseVerifierKey(logKey, 'log')
  t.equal(verifier.name, NAME)
  const alone = await until('a checkpoint', async () => {
    const reply = await first.get('/log/checkpoint')
    return reply.status === 200 ? parseCheckpoint(reply.bytes.toString()) : undefined
  })
  t.equal(alone.note.signatures.length, 1)
  t.match(await textOf(first, '/history'), /No witness is set up/)
  await first.stop()

  // Also against quantum computers: a key that its operator chose.
  makeWitnessKey(path.join(others.directory, WITNESS_KEY_FILE), 'ml-dsa-44')
  const witness = await others.start({ settings: { witness: { name: 'other.example/w', logs: [logKey] } } })
  const witnessKey = (await textOf(witness, '/witness/key')).trim()
  const policyText = `witness other ${witnessKey} ${witness.settings.publicUrl}/witness\nquorum other\n`
  const witnessPolicyFile = path.join(world.directory, 'policy')
  writeFileSync(witnessPolicyFile, policyText)
  const settings = { publicLog: { name: NAME, witnessPolicyFile } }
  const node = await world.start({ settings })
  const policy = parseWitnessPolicy(policyText)
  t.equal(policy.witnesses[0]!.publicKey.asymmetricKeyType, 'ml-dsa-44')
  const cosigned = await until('a cosigned checkpoint', async () => {
    const read = parseCheckpoint(await textOf(node, '/log/checkpoint'))
    return judgeWitnesses(read.note, policy).met ? read : undefined
  })
  t.ok(cosigned.size >= alone.size)
  const today = new Date(world.clock.now).toISOString().slice(0, 10)
  t.equal(parseCheckpoint(await textOf(node, `/log/days/${today}`)).origin, NAME)

  // A stranger recomputes the tree from the tiles, and finds each entry in it.
  const { size } = cosigned
  const hashes = Buffer.from((await node.get(`/log/tile/0/000.p/${size}`)).bytes)
  const bundle = (await node.get(`/log/tile/entries/000.p/${size}`)).bytes
  const tree = createCompactRange()
  let at = 0
  for (let index = 0; index < size; index++) {
    const length = bundle.readUInt16BE(at)
    const entry = bundle.subarray(at + 2, at + 2 + length)
    at += 2 + length
    const leaf = leafHash(entry)
    t.ok(leaf.equals(hashes.subarray(index * 32, index * 32 + 32)), `entry ${index}`)
    tree.append(leaf)
    const proof = parseTlogProof((await node.get(`/log/proof/${index}`)).bytes)
    verifyTlogProof(proof, leaf, verifier)
    t.same(proof.extra, entry)
  }
  t.ok(tree.root().equals(cosigned.root) && at === bundle.length)
  const missing = [
    '/log/proof/999999',
    '/log/proof/-1',
    '/log/proof/x',
    `/log/tile/0/000.p/${size + 50}`,
    '/log/tile/0/000',
  ]
  for (const one of [
    ...missing,
    '/log/tile/2/000',
    '/log/days/2020-01-01',
    '/log/days/x',
    `/log/tile/${'x'.repeat(500)}`,
  ])
    t.equal((await node.get(one)).status, 404, one)

  const page = await node.get('/history?lang=et')
  t.match(page.headers, {
    'content-type': /^text\/html/,
    'content-security-policy': /^default-src 'none'; style-src 'sha256-/,
  })
  for (const part of [
    '<html lang="et">',
    textsIn('et').quorumYes,
    textsIn('et').lasting,
    'other.example/w',
    logKey.replaceAll('+', '+'),
  ])
    t.ok(page.bytes.toString().includes(part), part)
  t.match(await textOf(node, '/history?lang=%3Cscript%3E'), /<html lang="en">/)
  for (const [language] of LANGUAGES)
    t.same(Object.keys(textsIn(language)), Object.keys(textsIn('en')), language)

  // The witness remembers: a log of the same name that began anew gets no cosignature.
  const known = await textOf(witness, `/witness/${hash('sha256', NAME, 'hex')}/checkpoint`)
  t.equal(parseCheckpoint(known).size, size)
  await node.stop()
  const refused: [string, string, RegExp][] = [
    ['no quorum', policyText.replace('quorum other', 'quorum none'), /another operator/],
    ['no address', policyText.replace(/ http\S+/, ''), /no address/],
    ['ourselves', policyText.replace(/ http\S+/, ` ${node.settings.publicUrl}/witness`), /another operator/],
  ]
  for (const [what, text, why] of refused) {
    writeFileSync(witnessPolicyFile, text)
    const start = world.start({ settings: { ...settings, publicUrl: node.settings.publicUrl } })
    await t.rejects(start, { code: 'invalid_configuration', message: why }, what)
  }
  await witness.stop()
})

void t.test('a witness that others wrote', async (t) => {
  if (!hasLitewitness()) {
    t.pass('litewitness is not here', { skip: 'litewitness needs Go: scripts/test/outside-tools.sh' })
    return
  }
  const world = registryWorld(t)
  const first = await world.start({ settings: { publicLog: { name: NAME } } })
  await setUp(first, authority)
  const logKey = (await textOf(first, '/log/key')).trim()
  const { url, verifierKey } = await startLitewitness(t, { origin: NAME, key: logKey })
  await first.stop()
  const policyText = `witness lite ${verifierKey} ${url}\nquorum lite\n`
  const witnessPolicyFile = path.join(world.directory, 'policy')
  writeFileSync(witnessPolicyFile, policyText)
  let size = 0
  // The second time it proves that the log grew from what the witness knows.
  for (const round of ['from nothing', 'from what it knows']) {
    const node = await world.start({ settings: { publicLog: { name: NAME, witnessPolicyFile } } })
    const read = await until('its cosignature', async () => {
      // Time goes by until a publication and then a head are due.
      world.clock.now += 20_000
      const reply = await node.get('/log/checkpoint')
      if (reply.status !== 200) return undefined
      const one = parseCheckpoint(reply.bytes.toString())
      return one.size > size && judgeWitnesses(one.note, parseWitnessPolicy(policyText)).met ? one : undefined
    })
    t.ok(read.size > size, round)
    t.notOk((await textOf(node, '/history?lang=et')).includes(textsIn('et').lasting), 'its key is Ed25519')
    size = read.size
    await node.must('POST', '/member-classes', { code: `C${size}`, description: 'grown' })
    await node.stop()
  }
})
