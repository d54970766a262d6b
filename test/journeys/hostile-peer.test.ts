/**
 * A rogue security server calls our provider. Whatever certificates, statuses and keys it presents, whichever
 * bit it flips: nothing false is accepted, the provider's system is not called, and the refusals are on
 * record.
 */
import { randomBytes } from 'node:crypto'
import https from 'node:https'
import t from 'tap'
import { PART_TYPE } from '#schemas/wire.ts'
import {
  briefCredential,
  type Credential,
  credential,
  foreignCredential,
  revoke,
  switchTrust,
} from '../fakes/credentials.ts'
import * as R from '../fakes/rogue-server.ts'
import { checkRecords, type Lie, openStage } from '../fakes/stage.ts'
import { takeTime } from '../take-time.ts'
import { until } from '../until.ts'

const stage = await openStage()
t.teardown(() => stage.stop())
const { world, rogue, other, provider, trust, ECHO, honest, tell, refused, signerOf, ocspParts } = stage
const { tax } = world.servers
const body = Buffer.from('{"amount": 1000}')

t.test('an honest server is served', async (t) => {
  for (const lie of [
    {},
    { body },
    { chained: true },
    { body: randomBytes(200_000) },
    { target: `${ECHO}/a?b=c` },
  ]) {
    t.equal((await tell(lie)).type, 'ok')
  }
  t.equal(provider.calls.length, 5)
})

t.test('a connection needs the certificate of a registered server', async (t) => {
  const { member } = rogue
  const profile = 'authentication'
  const fails = async (
    what: string,
    credential: Lie['credential'],
    tls: https.AgentOptions = {},
  ): Promise<void> => {
    const before = provider.calls.length
    const own = new https.Agent({ ...tls, rejectUnauthorized: false, keepAlive: false })
    await t.rejects(tell({ credential, agent: own }), what)
    t.equal(provider.calls.length, before)
  }
  await fails('none', undefined)
  await fails('of a foreign CA', await foreignCredential({ profile, member }))
  await fails('TLS 1.2', rogue.authentication, { maxVersion: 'TLSv1.2' })
  const expired = { profile, member, clockOffsetMs: -800 * 86_400_000 } as const
  await fails('expired', await credential(world, expired))
  const apart = { agent: undefined }
  const unregistered = await credential(world, { profile, member })
  const ocsp = await ocspParts(unregistered)
  await refused(t, 'unregistered', { ...apart, credential: unregistered, ocsp }, 'unknown_peer', false)
  await refused(
    t,
    "another server's OCSP responses",
    { ...apart, credential: unregistered },
    'unknown_peer',
    false,
  )
  for (const profile of ['signing', 'client-system'] as const) {
    const wrong = await credential(world, { profile, member })
    const lie = { ...apart, credential: wrong, ocsp: await ocspParts(wrong) }
    await t.test(`a ${profile} certificate`, async (t) => {
      // OpenSSL may refuse it already in the handshake.
      const answer = await tell(lie).catch(() => ({ type: 'server.serverproxy.unknown_peer' }))
      t.equal(answer.type, 'server.serverproxy.unknown_peer')
    })
  }
})

t.test('the status of the TLS certificate is shown, fresh and good', async (t) => {
  const { certificate } = rogue.authentication
  const [own, above] = honest.ocsp as [R.Part, R.Part]
  const wrong = 'incorrect_validation_info'
  await refused(t, 'none', { ocsp: [] }, wrong, false)
  await refused(t, 'not for the intermediate', { ocsp: [own] }, wrong, false)
  await refused(t, 'not for itself', { ocsp: [above] }, wrong, false)
  await refused(t, 'of another', { ocsp: await ocspParts(other.authentication) }, wrong, false)
  for (const mode of ['stale', 'malformed', 'revoked', 'unknown', 'wrong-signer']) {
    await switchTrust(world, 'ocsp', { mode })
    const ocsp: R.Part[] = [[PART_TYPE.ocsp, await trust.ocsp(certificate)], above]
    const signer = { ...honest.signer, ocspResponses: [ocsp[0]![1], above[1]] }
    await switchTrust(world, 'ocsp', { mode: 'none' })
    await refused(t, `TLS: ${mode}`, { ocsp }, /incorrect_validation_info|malformed_ocsp/, false)
    await refused(t, `signature: ${mode}`, { signer }, /incorrect_validation_info|malformed_ocsp/)
  }
  await switchTrust(world, 'ocsp', { clockOffsetMs: 3600_000 })
  const future: R.Part[] = [[PART_TYPE.ocsp, await trust.ocsp(certificate)], above]
  await switchTrust(world, 'ocsp', { clockOffsetMs: 0 })
  await refused(t, 'from the future', { ocsp: future }, wrong, false)
  const eleven = Array.from({ length: 11 }, () => own)
  await refused(t, 'eleven responses', { ocsp: eleven }, 'invalid_message', false)
})

t.test('a certificate that expires or is revoked ends an open connection', async (t) => {
  const wanted = { member: rogue.member, serverCode: 'SS-ROGUE', profile: 'authentication' } as const
  const brief = await briefCredential(world, wanted, async (one) => {
    await R.register(world, rogue, one)
    await world.publish()
  })
  const open = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  t.teardown(() => open.destroy())
  const lie = { credential: brief, ocsp: await ocspParts(brief), agent: open }
  const overAt = brief.certificate.notAfter.getTime() + 1_100
  t.equal((await tell(lie)).type, 'ok', 'while it is valid')
  // In two parts: the server ends a connection on which nothing came for 20 s, whatever its certificate.
  await takeTime('half of what is left of the certificate', (overAt - Date.now()) / 2)
  t.equal((await tell(lie)).type, 'ok', 'on the connection that stays open')
  await takeTime('the certificate ends', overAt - Date.now())
  await refused(t, 'expired since', lie, /\.(cert_validation|invalid_cert_path)$/, false)

  const kept = await credential(world, wanted)
  await R.register(world, rogue, kept)
  await world.publish()
  const shown = { credential: kept, ocsp: await ocspParts(kept), agent: open }
  await until('the certificate is known', async (saw) => saw((await tell(shown)).type) === 'ok')
  await revoke(world, kept.certificate)
  // The server asks the CA by itself, twice a minute, while the certificate is in use; nothing changes until
  // then, and on a busy machine a round may be late.
  const learned = async (saw: <S>(state: S) => S) => saw((await tell(shown)).type) !== 'ok'
  await until('its revocation is known', learned, { deadlineMs: 180_000, pauseMs: 1_000 })
  await refused(t, 'revoked since, whatever is shown', shown, 'incorrect_validation_info', false)

  const gone = await credential(world, { ...wanted, profile: 'signing' })
  t.equal((await tell({ signer: await signerOf(gone) })).type, 'ok')
  await revoke(world, gone.certificate)
  await refused(
    t,
    'a revoked signing certificate',
    { signer: await signerOf(gone) },
    'incorrect_validation_info',
  )
})

t.test('who signs, who connects and who is named belong together', async (t) => {
  const servers = [rogue, other]
  const signers = [
    honest.signer,
    await signerOf(other.signing),
    await signerOf(await credential(world, { profile: 'signing', member: tax.member })),
  ]
  const named = [rogue.client, other.client, tax.client, rogue.member]
  const accepted: string[] = []
  for (const [s, server] of servers.entries()) {
    const ocsp = await ocspParts(server.authentication)
    for (const [k, signer] of signers.entries()) {
      for (const client of named) {
        const before = provider.calls.length
        const { type } = await tell({
          client,
          signer,
          ocsp,
          credential: server.authentication,
          agent: undefined,
        })
        if (type === 'ok') accepted.push(`${s} ${k} ${client}`)
        else t.equal(provider.calls.length, before)
      }
    }
  }
  t.strictSame(
    accepted,
    [`0 0 ${rogue.client}`, `1 1 ${other.client}`],
    'of 24 combinations only the true ones',
  )
  const { member } = rogue
  const wrong: [string, Credential, RegExp][] = [
    ['an authentication certificate', rogue.authentication, /malformed_signature$/],
    [
      'a system certificate',
      await credential(world, { profile: 'client-system', member }),
      /malformed_signature$/,
    ],
    [
      'a foreign CA',
      await foreignCredential({ profile: 'signing', member }),
      /\.(invalid_cert_path|incorrect_validation_info|cert_validation)$/,
    ],
    [
      'an expired one',
      await credential(world, { profile: 'signing', member, clockOffsetMs: -800 * 86_400_000 }),
      /\.(cert_validation|invalid_cert_path|incorrect_validation_info)$/,
    ],
  ]
  for (const [what, of, code] of wrong)
    await refused(t, `signed by ${what}`, { signer: await signerOf(of) }, code)
  const mixed = { ...honest.signer, privateKey: other.signing.privateKey }
  await refused(t, "another's key", { signer: mixed }, 'invalid_signature_value')
})

/**
 * Bytes that no signature covers: unsigned properties, and certificates in OCSP responses, which our own
 * copies judge.
 */
function isUnsigned(type: string, bytes: Buffer, at: number): boolean {
  if (type === PART_TYPE.ocsp) return at >= bytes.indexOf(trust.responder.der)
  return type === PART_TYPE.signature && at >= bytes.indexOf('<xades:UnsignedProperties')
}

t.test('every part is what was signed, to the bit', async (t) => {
  const wrong: string[] = []
  const lie = { body: randomBytes(500) }
  for (const [index, [type]] of stage.partsOf(lie, 'x').entries()) {
    const samples = type === PART_TYPE.ocsp ? 24 : type === PART_TYPE.signature ? 60 : 30
    let taken = 0
    const before = provider.calls.length
    for (let i = 0; i < samples; i++) {
      let place = ''
      let harmless = false
      const alter = (parts: R.Part[]): R.Part[] => {
        const bytes = Buffer.from(parts[index]![1])
        const at = Math.floor(((i + 0.5) / samples) * bytes.length)
        place = `${type}: byte ${at} of ${bytes.length}`
        harmless = isUnsigned(type, bytes, at)
        bytes[at]! ^= 1 << (i % 8)
        return parts.with(index, [type, bytes])
      }
      const { type: verdict } = await tell({ ...lie, parts: alter })
      if (verdict === 'ok') taken++
      if (verdict === 'ok' ? !harmless : !/^server\.serverproxy\.[a-z_.]+$/.test(verdict))
        wrong.push(`${place}: ${verdict}`)
    }
    t.equal(provider.calls.length - before, taken, `${type}: ${samples} flips`)
  }
  t.strictSame(wrong, [], 'none accepted that a signature reaches')
})

t.test('every refusal is on record', (t) => checkRecords(t, stage))
