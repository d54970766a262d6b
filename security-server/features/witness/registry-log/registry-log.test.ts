/**
 * A security server as a witness of the registry's log, at a real registry over HTTP, with the log's key
 * replaced meanwhile.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import {
  addCosignature,
  addSignature,
  parseCheckpoint,
  signNote,
  verifyNote,
  writeCheckpoint,
} from '#core/merkle/checkpoint.ts'
import { parseVerifierKey, writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { judgeWitnesses, parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createWitnessStore, witnessMigrations } from '#platform/witness/store.ts'
import { openWitnessKey } from '#platform/witness/witness-key.ts'
import {
  LOG_CONTRADICTION_TYPE,
  LOG_COSIGNATURE_TYPE,
  type LogCosignature,
  witnessClaim,
} from '#schemas/log-cosignature.ts'
import { headOf, ocspFor } from '#test/fakes/management-requests.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createPostDocument } from '../../../global-configuration/registration/client.ts'
import { CONTRADICTIONS_PATH, ORIGIN, PATH } from './lying-registry-fixture.ts'
import { folder, NAME, nodeOf } from './witness-node-fixture.ts'

void t.test('the registry publishes who cosigned, through a change of its key', async (t) => {
  const world = registryWorld(t)
  const first = await world.start({ registration: true, settings: { publicLog: { name: ORIGIN } } })
  await setUp(first, authority)
  await publish(first)
  const globalConfiguration = await world.reader(await anchorOf(first))
  await globalConfiguration.refresh()
  const database = await openDatabase(`sqlite:${path.join(folder(t), 'server.db')}`)
  t.teardown(() => database.close())
  await migrate(database, witnessMigrations)
  const { witness, key, heads } = await nodeOf(database, folder(t), {
    registryLog: globalConfiguration.registryLog,
    post: createPostDocument(() => globalConfiguration.current().index.privateParameters?.managementService),
    clock: () => world.clock.now,
  })
  const cosigned = () =>
    until('a cosignature', async (saw) => {
      await globalConfiguration.refresh()
      await witness.cosign()
      const state = saw(await witness.state())
      return state.lastError === null && state.size > 0 ? state : undefined
    })
  t.match(await cosigned(), { origin: ORIGIN })
  const text = async (at: string): Promise<string> => (await first.get(at)).bytes.toString()
  t.equal(await text('/log/witnesses'), `witness DEV/GOV/1234/SS1 ${key.verifierKey} peer:DEV/GOV/1234/SS1\n`)
  const policyText = `${await text('/log/witnesses')}quorum DEV/GOV/1234/SS1\n`
  const policy = parseWitnessPolicy(policyText)
  const checkpoint = async () => parseCheckpoint(await text('/log/checkpoint'))
  await until('a checkpoint with the line of the server', async () => {
    await witness.cosign()
    return judgeWitnesses((await checkpoint()).note, policy).met
  })
  t.match(await first.must('GET', '/configuration/log-witnesses'), {
    configured: true,
    policy: [],
    servers: [{ server: 'DEV:GOV:1234:SS1', name: NAME, verifierKey: key.verifierKey, isInPolicy: false }],
  })
  t.match(await text('/history'), /DEV\/GOV\/1234\/SS1/)

  // Others who tell the registry of a cosignature.
  const { size, note } = await checkpoint()
  const lineOf = (by: Pick<typeof key, 'name' | 'privateKey'>) => {
    const all = addCosignature(note.text, by.name, by.privateKey, new Date(world.clock.now))
    return all.slice(all.lastIndexOf('\u2014'), -1)
  }
  const proofOf = (by: Pick<typeof key, 'privateKey'>, server = `${OWNER}/SS1`): string =>
    sign(null, Buffer.from(witnessClaim(server)), by.privateKey).toString('base64')
  const told = (more: Partial<LogCosignature> = {}, by = owner, signer = OWNER, at = first) => {
    const head = { ...headOf(signer, world.clock.now), server: `${signer}/SS1` }
    const document = {
      ...{ ...head, witnessKey: key.verifierKey, size, cosignature: lineOf(key), witnessProof: proofOf(key) },
      ...more,
    }
    const signers = [{ certificates: [by.certificate], ocspResponses: ocspFor(by), key: by.key }]
    return at.register(PATH, Buffer.from(writeSignedJson(document, LOG_COSIGNATURE_TYPE, signers)))
  }
  t.equal((await told()).status, 200, 'once more')
  await first.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  await first.must('POST', '/security-servers', { id: 'DEV:GOV:5678:SS1', address: 'ss2.example' })
  const other = await openDatabase(`sqlite:${path.join(folder(t), 'other.db')}`)
  t.teardown(() => other.close())
  await migrate(other, witnessMigrations)
  const foreign = await openWitnessKey({
    ...{ file: path.join(folder(t), 'key.pem'), name: NAME, store: createWitnessStore(other) },
  })
  const of = (by: Pick<typeof key, 'name' | 'privateKey'>, server = `${OWNER}/SS1`) => ({
    witnessKey: writeVerifierKey({ name: by.name, publicKey: createPublicKey(by.privateKey) }, 'witness'),
    ...{ cosignature: lineOf(by), witnessProof: proofOf(by, server) },
  })
  // Another's key and line under a name of one's own: the line does not sign the name.
  const renamed = { ...key, name: `${GUEST}/SS1/witness` }
  const stolen = { ...of(renamed), witnessProof: proofOf(key) }
  const unnamed = of({ ...key, name: 'archive.example' }, `${GUEST}/SS1`)
  const safe = of(
    { name: `${GUEST}/SS1/later`, privateKey: generateKeyPairSync('ml-dsa-44').privateKey },
    `${GUEST}/SS1`,
  )
  t.equal((await told(safe, guest, GUEST)).status, 200, 'a witness that quantum computers cannot forge')
  const ahead = addCosignature(note.text, key.name, key.privateKey, new Date(world.clock.now + 3_600_000))
  const refused: [string, Promise<{ status: number }>, number][] = [
    ["another's witness under a name of one's own", told(stolen, guest, GUEST), 400],
    ['with a proof for another server', told({ witnessProof: proofOf(key, `${GUEST}/SS1`) }), 400],
    ['a name that begins with nobody', told(unnamed, guest, GUEST), 409],
    ['a time to come', told({ cosignature: ahead.slice(ahead.lastIndexOf('\u2014'), -1) }), 400],
    ["the server of another's owner", told({}, guest), 400],
    ['the name of another server', told({}, guest, GUEST), 409],
    ['a line of another key', told({ cosignature: lineOf(foreign) }), 400],
    ['a forged line', told({ cosignature: lineOf(key).replace(/.{6}$/, 'AAAAAA') }), 400],
    ['a checkpoint that never was', told({ size: size + 1000 }), 404],
    ['a huge document', told({ cosignature: `\u2014 x ${'A'.repeat(70_000)}` }), 413],
    ['no key', told({ witnessKey: 'x' }), 400],
  ]
  for (const [what, reply, status] of refused) t.equal((await reply).status, status, what)
  const suspended = { kind: 'server', subject: 'DEV:GOV:5678:SS1', reason: 'It was taken over.' }
  await first.must('POST', '/suspensions', suspended)
  t.equal((await told(safe, guest, GUEST)).status, 403, 'a suspended server')

  // The key of the log is replaced: who knows either of the two reads on.
  const [before] = (JSON.parse(await text('/log/keys')) as { keys: { verifierKey: string }[] }).keys
  t.match(await first.must('POST', '/configuration/published-keys/log/replace', { acceptedDays: 30 }), {
    number: 2,
    name: 'log-2',
  })
  const newest = parseVerifierKey((await text('/log/key')).trim(), 'log')
  const old = parseVerifierKey(before!.verifierKey, 'log')
  t.notOk(newest.publicKey.equals(old.publicKey))
  const signedBy = async (...of: (typeof old)[]) => {
    const read = await checkpoint()
    return of.every(({ name, publicKey }) => verifyNote(read.note, name, publicKey))
  }
  const grow = async () => {
    world.clock.now += 61_000
    await publish(first)
  }
  // The head is signed a minute after the last one, which may have been before the publication.
  let looks = 0
  const growing = async (done: () => Promise<boolean>) => {
    if (looks++ % 20 === 0) await grow()
    return done()
  }
  await until('a checkpoint that both keys signed', () => growing(() => signedBy(old, newest)))
  const grown = await cosigned()
  t.ok(grown.size > size, 'the server followed')
  world.clock.now += 1
  t.equal((await told()).status, 200, 'a smaller one, told later')
  t.match(await first.must('GET', '/configuration/log-witnesses'), { servers: [{ size: grown.size }] })
  t.match(
    (await globalConfiguration.registryLog())?.keys,
    [{}, {}],
    'and learned both from the configuration',
  )
  t.match(await first.must('GET', '/configuration/published-keys'), {
    log: [
      { number: 2, acceptedUntil: null, isAccepted: true },
      { number: 1, acceptedUntil: String, isAccepted: true },
    ],
    credentials: [{ number: 1 }],
  })

  // One was stolen: what either signs is taken by nobody from now on.
  await first.must('POST', '/configuration/published-keys/log/replace', { acceptedDays: 0 })
  const third = parseVerifierKey((await text('/log/key')).trim(), 'log')
  looks = 0
  await until('a checkpoint of the third key alone', () =>
    growing(async () => (await signedBy(third)) && !(await signedBy(newest)) && !(await signedBy(old))),
  )
  // A server that has cosigned more of the log than there is, or another tree, tells the registry.
  const logKeyOf = (number: number) =>
    createPrivateKey({
      key: readFileSync(path.join(world.directory, 'signing-keys', `identity-log-${number}.pem`)),
      passphrase: '1234',
    })
  const now = await checkpoint()
  const signed = (of: number, by = logKeyOf(3), origin = ORIGIN): string =>
    signNote(writeCheckpoint({ origin, size: of, root: randomBytes(32) }), origin, by)
  const contradiction = (text: string, by = owner, signer = OWNER) => {
    const told = { ...headOf(signer, world.clock.now), server: `${signer}/SS1`, checkpoint: text }
    const signers = [{ certificates: [by.certificate], ocspResponses: ocspFor(by), key: by.key }]
    return first.register(
      CONTRADICTIONS_PATH,
      Buffer.from(writeSignedJson(told, LOG_CONTRADICTION_TYPE, signers)),
    )
  }
  const ownLines = now.note.signatures
    .filter(({ name }) => name === ORIGIN)
    .reduce(addSignature, now.note.text)
  const notTaken: [string, Promise<{ status: number }>, number][] = [
    ['what the log has', contradiction(ownLines), 409],
    ['a key that ended', contradiction(signed(9999, logKeyOf(2))), 403],
    ['another log', contradiction(signed(9999, logKeyOf(3), 'other.example')), 403],
    ['no checkpoint', contradiction('nothing'), 400],
    ["the server of another's owner", contradiction(signed(9999), guest), 400],
    ['a huge one', contradiction(`${ORIGIN}\n${'9'.repeat(70_000)}`), 413],
  ]
  for (const [what, reply, status] of notTaken) t.equal((await reply).status, status, what)
  const wrong = async (): Promise<unknown> => {
    const ready = await fetch(`http://${first.settings.admin.address}:4000/health/ready`)
    const { checks } = (await ready.json()) as { checks: { name: string; reason?: string }[] }
    return checks.find(({ name }) => name === 'log-witnesses')?.reason
  }
  const ofRegistry = await openDatabase(first.settings.database)
  t.teardown(() => ofRegistry.close())
  const tables = tablesOf<{ restoration: Record<string, string | number> }>(ofRegistry)
  await tables
    .insertInto('restoration')
    .values({
      ...{ configuration_index: 1, suspension_list: 1, leaves: now.size + 1000, content: '{}', sha256: '' },
      ...{ accepted_at: '2026-06-01T12:00:00Z', proposed_by: 'a', accepted_by: 'b' },
    })
    .execute()
  const early = await contradiction(signed(now.size + 1000))
  t.match(early.bytes.toString(), /not back yet/, 'what another node has in its folder is not lost')
  await tables.deleteFrom('restoration').execute()
  t.equal(await wrong(), undefined, 'none of these is kept')
  await heads.raise(ORIGIN, { note: signed(now.size + 1000), time: new Date(0).toISOString() })
  await globalConfiguration.refresh()
  await witness.cosign()
  t.match((await witness.state()).lastError, /entries/)
  const finding = 'DEV/GOV/1234/SS1 knows another history of this log (rollback)'
  await until('the finding', async (saw) => saw(await wrong()) === finding)
  t.match(await text('/history'), /role="alert">[^<]*DEV\/GOV\/1234\/SS1/)
  // One checkpoint with lines of others is one; a fork is named before the rollback that was told first.
  const fork = signed(now.size)
  const junk = (of: number): string =>
    addSignature(fork, { name: 'x.example', keyId: Buffer.alloc(4), signature: Buffer.from([of]) })
  for (const text of [junk(1), junk(2), fork])
    t.equal((await contradiction(text, guest, GUEST)).status, 200, 'another root of its size')
  const logged = () =>
    world.lines.join('').match(/"witness":"DEV\/GOV\/5678\/SS1","kind":"fork"[^\n]*/g) ?? []
  t.match([logged(), logged().length], [[/is kept/], 1])
  t.equal((await contradiction(signed(now.size), guest, GUEST)).status, 200, 'one more')
  t.match(logged(), [/is kept/, /besides/], 'is logged')
  const worse = 'DEV/GOV/5678/SS1 knows another history of this log (fork)'
  t.match(await first.must('GET', '/configuration/log-witnesses'), {
    contradictions: [{ kind: 'fork', knownCheckpoint: fork }, { kind: 'rollback' }],
  })
  await until('the fork', async (saw) => saw(await wrong()) === worse)
  await first.stop()

  // The registry may ask for it: the server is named in its policy without an address.
  const startWith = (policyOf: string) =>
    world.start({
      registration: true,
      settings: { publicLog: { name: ORIGIN, witnessPolicyFile: policyFileOf(world.directory, policyOf) } },
    })
  await t.rejects(startWith(policyText), { message: /another operator/ }, 'its own operator has that server')
  const archiveKey = writeVerifierKey(
    { name: renamed.name, publicKey: createPublicKey(foreign.privateKey) },
    'witness',
  )
  const archive = `witness archive ${archiveKey} http://127.0.0.1:1\n`
  const again = await startWith(
    `${archive}${policyText.replace(/quorum .*/, 'group g all archive DEV/GOV/1234/SS1\nquorum g')}`,
  )
  t.match(await again.must('GET', '/configuration/log-witnesses'), {
    policy: [
      { name: renamed.name, cosignedAt: null },
      { name: NAME, cosignedAt: String },
    ],
    servers: [{ isInPolicy: true }],
  })
  const taken = await told({ ...stolen, witnessProof: proofOf(key, `${GUEST}/SS1`) }, guest, GUEST, again)
  t.match(
    [taken.status, taken.bytes.toString()],
    [409, /gives .* to another witness/],
    'a name of the policy',
  )
  await again.stop()

  // Without the newest key, and with none before it accepted, nothing is signed: the node is not ready.
  rmSync(path.join(world.directory, 'signing-keys', 'identity-log-3.pem'))
  const without = await world.start({ settings: { publicLog: { name: ORIGIN } } })
  const ready = await fetch(`http://${without.settings.admin.address}:4000/health/ready`)
  const { checks } = (await ready.json()) as { checks: { name: string; ok: boolean }[] }
  t.match([ready.status, checks.find(({ name }) => name === 'published-keys')], [503, { ok: false }])
  await without.stop()
})

function policyFileOf(directory: string, text: string): string {
  const file = path.join(directory, 'policy')
  writeFileSync(file, text)
  return file
}
