/**
 * DIDs and credentials over HTTP: didwebvh-ts resolves the histories, each entry is proven to be in the log,
 * and who leaves keeps the history and is deactivated.
 */
import { verify } from 'node:crypto'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { resolveDIDFromLog } from 'didwebvh-ts'
import { compactVerify, importJWK, type JWK } from 'jose'
import t from 'tap'
import { base58 } from '#core/did/base58.ts'
import { verifyCredential } from '#core/did/credential.ts'
import { readMultikey } from '#core/did/multikey.ts'
import { readHistory } from '#core/did/read-history.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { parseTlogProof, verifyTlogProof } from '#core/merkle/tlog-proof.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, SERVER } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'

type Document = Record<string, never> & {
  id: string
  alsoKnownAs: string[]
  verificationMethod: { id: string; publicKeyJwk: JWK }[]
  service: object[]
}
const MEMBER = '/members/GOV/1234'

async function resolve(text: string) {
  const log = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Parameters<typeof resolveDIDFromLog>[0][number])
  const verifier = {
    verify: async (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
      verify(null, message, readMultikey(`z${base58(Buffer.concat([Buffer.of(0xed, 1), key]))}`), signature),
  }
  return resolveDIDFromLog(log, { verifier })
}

const documentAt = async (node: Node, at: string): Promise<Document | undefined> => {
  const { status, bytes } = await node.get(`${at}/did.json`)
  return status === 200 ? (JSON.parse(bytes.toString()) as Document) : undefined
}
const historyAt = async (node: Node, at: string): Promise<string> =>
  (await node.get(`${at}/did.jsonl`)).bytes.toString()

void t.test('members, servers and the instance as DIDs', async (t) => {
  const world = registryWorld(t)
  // A DID is of a host name: didwebvh-ts refuses addresses.
  const settings = { publicLog: { name: 'registry.example/log' } }
  const node = await world.start({ settings })
  await setUp(node, authority)
  // What changes within a second is written in the next one.
  world.clock.now += 2000
  const host = 'registry.example%3A8443'
  const member = await until('the DID of the member, with its server', async () => {
    const document = await documentAt(node, MEMBER)
    return document?.service.length === 1 ? document : undefined
  })
  t.equal(member.id, `did:web:${host}:members:GOV:1234`)
  t.match(member.alsoKnownAs[0], new RegExp(`^did:webvh:Qm[A-Za-z0-9]+:${host}:members:GOV:1234$`))
  t.match(member.service, [{ type: 'XRoadSecurityServer', serviceEndpoint: /^https:\/\/.*:5500\/$/ }])
  const instance = await until('the signing key of the instance', async () => {
    const document = await documentAt(node, '/.well-known')
    return document?.verificationMethod.some(({ publicKeyJwk }) => publicKeyJwk.x5c !== undefined)
      ? document
      : undefined
  })
  t.equal(instance.id, `did:web:${host}`)
  t.match(await documentAt(node, ''), { id: instance.id })
  const server = `${MEMBER}/servers/${SERVER.split('/').at(-1)}`
  const ofServer = await until('the DID of the server', () => documentAt(node, server))
  t.match(ofServer, { controller: member.id, authentication: [] })

  // Each history as the independent package reads it, and each of its entries in the log.
  const logKey = parseVerifierKey((await node.get('/log/key')).bytes.toString().trim(), 'log')
  for (const at of ['/.well-known', MEMBER, server]) {
    const text = await historyAt(node, at)
    const ours = readHistory(Buffer.from(text))
    const theirs = await resolve(text)
    t.equal(theirs.did, ours.did)
    t.match(theirs.meta, { deactivated: false, prerotation: true, scid: ours.scid })
  }
  await node.stop()
  world.clock.now += 120_000
  const again = await world.start({ settings })
  await until('an entry in a checkpoint', async () => {
    const { entries } = (await again.get(`${MEMBER}/did-proofs.json`)).body as {
      entries: { versionId: string; sha256: string; proof?: string }[]
    }
    const [first] = entries
    if (first?.proof === undefined) return undefined
    const file = await again.get(first.proof)
    if (file.status !== 200) {
      // The next head is signed after a minute of the registry's clock, but no time may lie five minutes
      // ahead of the real one.
      if (world.clock.now < Date.now() + 180_000) world.clock.now += 60_000
      return undefined
    }
    const proof = parseTlogProof(file.bytes)
    const said = JSON.parse(proof.extra!.toString()) as Record<string, unknown>
    t.match(said, {
      kind: 'identity',
      did: member.alsoKnownAs[0],
      version: first.versionId,
      entry: first.sha256,
    })
    t.equal(readHistory(Buffer.from(await historyAt(again, MEMBER))).entries[0]!.sha256, first.sha256)
    verifyTlogProof(proof, leafHash(proof.extra!), logKey)
    return true
  })

  t.match((await again.get(`${MEMBER}/did-proofs.json?from=1000`)).body, { entries: { length: 0 } })
  t.equal((await again.get(`${MEMBER}/did-proofs.json?from=-1`)).status, 400)
  t.equal((await again.get(`${MEMBER}/x/did.jsonl`)).status, 404)
  const credential = await again.get(`${MEMBER}/membership.vc.jwt`)
  t.match(credential.headers, { 'content-type': /^application\/vc\+jwt/ })
  const token = credential.bytes.toString()
  const issuer = (await documentAt(again, '/.well-known'))!
  t.match(verifyCredential(token, { issuer, now: new Date(world.clock.now) }), {
    issuer: issuer.id,
    credentialSubject: { id: member.id, memberClass: 'GOV', memberCode: '1234' },
  })
  const key = issuer.verificationMethod.find(({ id }) => id.endsWith('#credentials'))!
  const { protectedHeader } = await compactVerify(token, await importJWK(key.publicKeyJwk, 'ES256'))
  t.equal(protectedHeader.kid, key.id)
  t.equal(
    (await again.get(`${MEMBER}/membership.vc.jwt`)).bytes.toString(),
    token,
    'not signed for each question',
  )

  const missing = ['/members/GOV/none/did.json', '/members/GOV/1234/other.json', '/members/did.json']
  const odd = ['/members/GOV/1234%2F/did.json', `/members/${'x/'.repeat(20)}did.json`]
  for (const at of [
    ...missing,
    ...odd,
    '/members/GOV/none/membership.vc.jwt',
    '/contracts/x.vc.jwt',
    '/contracts/none',
  ])
    t.equal((await again.get(at)).status, 404, at)
  const unknown = '/contracts/00000000-0000-4000-8000-000000000000.vc.jwt'
  t.equal((await again.get(unknown)).status, 404, 'a contract that is not in force')

  t.equal((await again.get('/members/GOV/%zz/did.json')).status, 400)

  const before = readHistory(Buffer.from(await historyAt(again, MEMBER)))
  t.match(await again.must('GET', '/configuration/identity-key'), { configured: true, number: 1 })
  const made = await again.must('POST', '/configuration/identity-key/replace', { isLost: false })
  t.match(made, { number: 2 })
  world.clock.now += 2000
  await until('all histories go on by the new key', async () => {
    const { histories, takenOver } = (await again.must('GET', '/configuration/identity-key')) as {
      histories: number
      takenOver: number
    }
    return histories === takenOver
  })
  const rolled = await historyAt(again, MEMBER)
  t.equal(readHistory(Buffer.from(rolled)).entries.length, before.entries.length + 1)
  t.match(await resolve(rolled), { did: before.did, meta: { prerotation: true, deactivated: false } })

  world.clock.now += 2000
  await again.must('DELETE', '/security-servers/DEV:GOV:1234:SS1')
  await until('the end of the DID of the server', async () => (await documentAt(again, server)) === undefined)
  const ended = await historyAt(again, server)
  t.equal(readHistory(Buffer.from(ended)).deactivated, true)
  t.match((await resolve(ended)).meta, { deactivated: true })
  t.equal((await again.get(`${server}/did.json`)).status, 404)
  t.same((await documentAt(again, MEMBER))?.service, [], 'the member stays, without an address')
  rmSync(path.join(again.settings.directory, 'signing-keys/identity-identities-2.pem'))
  await again.stop()
  const without = await world.start({ settings })
  const replace = '/configuration/identity-key/replace'
  t.match(await without.call('POST', replace, { isLost: false }), { status: 409, body: { type: 'conflict' } })
  t.match(
    await without.must('POST', replace, { isLost: true }),
    { number: 3 },
    'two persons say that no copy of it is left',
  )
  world.clock.now += 2000
  const begun = await until('a new history beside the old one', async () => {
    const text = await historyAt(without, `${MEMBER}/again-2`)
    return text.startsWith('{"parameters"') ? text : undefined
  })
  t.match(await resolve(begun), { did: /:again-2$/, meta: { prerotation: true } })
  t.match((await resolve(await historyAt(without, MEMBER))).meta, { deactivated: false })

  // The key of credentials: what the old one signed verifies until the changeover ends, and not at all when
  // it was stolen.
  const tokenNow = async () => (await without.get(`${MEMBER}/membership.vc.jwt`)).bytes.toString()
  const older = await tokenNow()
  const replaceCredentials = (acceptedDays: number) =>
    without.must('POST', '/configuration/published-keys/credentials/replace', { acceptedDays })
  const instanceWith = async (number: number) => {
    world.clock.now += 2000
    return until(`key ${number} in the document of the instance`, async () => {
      const document = await documentAt(without, '/.well-known')
      return document?.verificationMethod.some(({ id }) => id.endsWith(`#credentials-${number}`))
        ? document
        : undefined
    })
  }
  t.match(await replaceCredentials(2), { number: 2, name: 'credentials-2' })
  const both = await instanceWith(2)
  const now = () => new Date(world.clock.now)
  const renewed = await tokenNow()
  t.not(renewed, older)
  for (const one of [older, renewed]) t.ok(verifyCredential(one, { issuer: both, now: now() }))
  t.equal(
    (await resolve(await historyAt(without, '/.well-known'))).meta.deactivated,
    false,
    'its history has it',
  )
  await replaceCredentials(0)
  const alone = await instanceWith(3)
  for (const one of [older, renewed])
    t.throws(() => verifyCredential(one, { issuer: alone, now: now() }), 'a stolen key')
  t.ok(verifyCredential(await tokenNow(), { issuer: alone, now: now() }))
  await without.stop()
  for (const identity of [undefined, { url: 'https://other.example' }])
    await t.rejects(world.start({ settings: { ...settings, identity } }), {
      code: 'invalid_configuration',
      message: /registry\.example%3A8443/,
    })
})
