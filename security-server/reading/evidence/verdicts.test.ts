/**
 * The verdicts of docs/validation-policy.md on bundles of a real log. Each case changes certificates,
 * algorithms or data and names the expected verdict. The second verifier, which shares no code with this one,
 * must give the same verdict.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import type { CertificateProfile, Part, Reading } from '#schemas/certificate-profile.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { builtPage, compared } from '#scripts/verify/page/page-fixture.ts'
import { skipFor } from '#test/outside-tools.ts'
import { DELIVERIES } from './delivery-verdict-fixture.ts'
import { FEDERATION } from './federation-verdict-fixture.ts'
import { HISTORIES } from './history-verdict-fixture.ts'
import { askSecondVerifier } from './second-verifier-fixture.ts'
import { SOAP } from './soap-verdict-fixture.ts'
import { STATEMENTS } from './statement-verdict-fixture.ts'
import { createVerdictWorld, DAY, forged, HOUR, type VerdictWorld } from './verdict-fixture.ts'

const START = Date.UTC(2027, 0, 4, 12)
const YEAR = 365 * DAY

/**
 * The bundle, when it is judged, and the configuration to judge by: another one than the world's, or the one
 * inside the bundle.
 */
type Outcome = { bundle: Buffer; at: number; shared?: SharedParameters | 'brought' }
type Fixture = { start?: number; run(world: VerdictWorld, t: Test): Promise<Outcome>; verdict: string }

/** Logs an exchange, has it time-stamped a minute later, and returns its index. */
async function stamped(
  world: VerdictWorld,
  o: Parameters<VerdictWorld['exchange']>[0] = {},
): Promise<number> {
  const index = await world.exchange(o)
  world.now += 60_000
  await world.log.timeStampNow()
  return index
}
async function bundled(world: VerdictWorld, index: number): Promise<Outcome> {
  world.now += HOUR / 2
  return { bundle: await world.bundle(index), at: world.now }
}
const whole = async (world: VerdictWorld): Promise<Outcome> => bundled(world, await stamped(world))

/**
 * A bundle that is judged six years after the start. The first authority of its evidence record expires after
 * five years; another authority renews the evidence record at `renewAt`.
 */
async function renewedBy(world: VerdictWorld, renewAt: number): Promise<Outcome> {
  const index = await stamped(world)
  await world.log.keepEvidenceRecords()
  const next = await createAuthority({ clock: () => START + 4 * YEAR, instance: 'DEV' })
  world.stampers.push(next)
  world.stamping = next
  world.now = renewAt
  await world.log.keepEvidenceRecords()
  const { bundle } = await bundled(world, index)
  return { bundle, at: START + 6 * YEAR }
}

async function changedHeld(
  world: VerdictWorld,
  change: (document: string) => string | undefined,
): Promise<Outcome> {
  const { bundle, at } = await whole(world)
  const other = await forged(bundle, (_manifest, files) => {
    const [name] = [...files.keys()].filter((one) => one.startsWith('circumstances/'))
    const changed = change(files.get(name!)!.toString())
    if (changed === undefined) files.delete(name!)
    else files.set(name!, Buffer.from(changed))
  })
  return { bundle: other, at }
}

const reading = (memberCode: Part): Reading[] => [
  {
    when: [{ attribute: 'businessCategory', is: 'filled' }],
    parts: { instance: { instance: true }, memberClass: { value: 'COM' }, memberCode },
  },
  {
    when: [{ attribute: 'serialNumber', startsWith: ['X', 'DEV/'] }],
    need: [{ attribute: 'C', equals: 'FI' }],
    parts: {
      instance: { instance: true },
      memberClass: { attribute: 'serialNumber', after: 'DEV/', split: { by: '/', parts: 2, at: 1 } },
      memberCode,
    },
  },
]

async function withProfile(
  world: VerdictWorld,
  signing: Partial<CertificateProfile['signing']> = {},
): Promise<Outcome> {
  const request = [{ attribute: 'CN', label: 'Code', value: '{memberCode}' } as const]
  world.profiles.push({
    ...{ name: 'org.example.Own', title: 'Own', authentication: { request } },
    signing: { request, identify: reading({ attribute: 'CN', digits: 4 }), ...signing },
  })
  return { ...(await whole(world)), shared: 'brought' }
}

const FIXTURES: Record<string, Fixture> = {
  ...{ ...DELIVERIES, ...STATEMENTS, ...SOAP, ...HISTORIES, ...FEDERATION },
  'all good': { run: whole, verdict: 'TOTAL-PASSED' },
  'the certificate of the signer has run out since': {
    run: async (world) => ({ ...(await whole(world)), at: START + 3 * YEAR }),
    verdict: 'TOTAL-PASSED',
  },
  'signed and stamped after the certificate of the signer had run out': {
    async run(world) {
      const { provider } = world
      world.now += 2 * YEAR
      world.owner = await world.issue('1234')
      return bundled(world, await stamped(world, { signer: provider }))
    },
    verdict: 'INDETERMINATE OUT_OF_BOUNDS_NO_POE',
  },
  'revoked before it signed': {
    async run(world) {
      world.revoke(world.provider)
      world.now += HOUR
      return whole(world)
    },
    verdict: 'INDETERMINATE REVOKED_NO_POE',
  },
  'revoked between the answer in the signature and the stamp': {
    async run(world) {
      const index = await world.exchange()
      world.now += 60_000
      world.revoke(world.provider)
      world.now += 60_000
      await world.log.timeStampNow()
      return bundled(world, index)
    },
    verdict: 'INDETERMINATE REVOKED_NO_POE',
  },
  'revoked after it was stamped and proved': {
    async run(world) {
      const index = await stamped(world)
      await world.log.keepEvidenceRecords()
      world.now += HOUR
      world.revoke(world.owner)
      return bundled(world, index)
    },
    verdict: 'TOTAL-PASSED',
  },
  'whoever signed the tree head was revoked before it is proved to exist': {
    async run(world) {
      const index = await stamped(world)
      world.now += 60_000
      world.revoke(world.owner)
      return bundled(world, index)
    },
    verdict: 'INDETERMINATE REVOKED_NO_POE',
  },
  'stamped when the answer in the signature was stale, with one that was kept': {
    async run(world) {
      const index = await world.exchange()
      world.now += 3 * HOUR
      await world.log.timeStampNow()
      return bundled(world, index)
    },
    verdict: 'TOTAL-PASSED',
  },
  'the same, and no responder answered then': {
    async run(world) {
      const index = await world.exchange()
      world.now += 3 * HOUR
      world.responder = 'down'
      await world.log.timeStampNow()
      world.responder = 'up'
      return bundled(world, index)
    },
    verdict: 'INDETERMINATE TRY_LATER',
  },
  'stamped in time, and no responder answered then': {
    async run(world) {
      world.responder = 'down'
      const index = await stamped(world)
      world.responder = 'up'
      return bundled(world, index)
    },
    verdict: 'TOTAL-PASSED',
  },
  "the authority's certificate has run out, no evidence record": {
    async run(world) {
      const index = await stamped(world)
      world.stamping = 'down'
      return { ...(await bundled(world, index)), at: START + 6 * YEAR }
    },
    verdict: 'INDETERMINATE OUT_OF_BOUNDS_NO_POE',
  },
  "the authority's certificate has run out, the evidence record was not renewed": {
    run: async (world) => ({ ...(await whole(world)), at: START + 6 * YEAR }),
    verdict: 'INDETERMINATE OUT_OF_BOUNDS_NO_POE',
  },
  "the authority's certificate has run out, the evidence record was renewed before": {
    run: (world) => renewedBy(world, START + 5 * YEAR - 30 * DAY),
    verdict: 'TOTAL-PASSED',
  },
  "the authority's certificate has run out, the evidence record was renewed too late": {
    run: (world) => renewedBy(world, START + 5 * YEAR + 30 * DAY),
    verdict: 'INDETERMINATE OUT_OF_BOUNDS_NO_POE',
  },
  'the certificate of the authority was revoked before it stamped': {
    async run(world) {
      const later = await createAuthority({ clock: () => START, instance: 'DEV' })
      world.stampers.push(later)
      world.authority.revoke(world.authority.tsa.serialNumber)
      world.now += HOUR
      const index = await stamped(world)
      world.stamping = later
      return bundled(world, index)
    },
    verdict: 'INDETERMINATE REVOKED_NO_POE',
  },
  'the algorithm of the signer had ended when it was stamped': {
    start: Date.UTC(2031, 0, 6, 12),
    async run(world) {
      return bundled(world, await stamped(world, { signer: await world.issue('5678', 'RSA-2048') }))
    },
    verdict: 'INDETERMINATE CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  },
  'the algorithm of the time-stamp has ended since, no newer proof': {
    start: Date.UTC(2034, 0, 2, 12),
    run: async (world) => ({ ...(await whole(world)), at: Date.UTC(2036, 5, 1) }),
    verdict: 'INDETERMINATE CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  },
  'not stamped yet': {
    run: async (world) => bundled(world, await world.exchange()),
    verdict: 'INDETERMINATE NO_POE',
  },
  'no evidence record, judged at once': {
    async run(world) {
      const index = await stamped(world)
      world.stamping = 'down'
      return bundled(world, index)
    },
    verdict: 'TOTAL-PASSED',
  },
  'no evidence record, judged a day later': {
    async run(world) {
      const index = await stamped(world)
      world.stamping = 'down'
      const { bundle, at } = await bundled(world, index)
      return { bundle, at: at + DAY }
    },
    verdict: 'INDETERMINATE NO_POE',
  },
  'the content was erased': {
    async run(world) {
      const index = await stamped(world)
      await world.log.retention.erase({ index, mode: 'PROOF_KEPT', case: '1', reason: 'by law' })
      return bundled(world, index)
    },
    verdict: 'INDETERMINATE SIGNED_DATA_NOT_FOUND',
  },
  'only digests were kept': {
    run: async (world) => bundled(world, await stamped(world, { logLevel: 'digest' })),
    verdict: 'INDETERMINATE SIGNED_DATA_NOT_FOUND',
  },
  'the tree head is not countersigned by the owner': {
    async run(world) {
      world.countersigns = false
      return whole(world)
    },
    verdict: 'INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND',
  },
  "the log's record of the time-stamp was left out": {
    async run(world) {
      const { bundle, at } = await whole(world)
      const less = await forged(bundle, (manifest, files) => {
        manifest.timeStamps = []
        for (const name of files.keys()) if (name.startsWith('time-stamps/')) files.delete(name)
      })
      return { bundle: less, at }
    },
    verdict: 'INDETERMINATE NO_POE',
  },
  'an answer that was kept with the time-stamp was left out': {
    async run(world) {
      const { bundle, at } = await whole(world)
      const less = await forged(bundle, (manifest, files) => {
        files.delete(manifest.timeStamps[0]!.ocspResponses.pop()!)
      })
      return { bundle: less, at }
    },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'circumstances at that time were changed': {
    run: (world) => changedHeld(world, (document) => document.replace('assessment', 'assessmenT')),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'circumstances at that time are not shown': {
    run: (world) => changedHeld(world, () => undefined),
    verdict: 'TOTAL-PASSED',
  },
  'the authority is not one of the configuration': {
    run: async (world) => ({ ...(await whole(world)), shared: world.shared({ approvedTsas: [] }) }),
    verdict: 'INDETERMINATE NO_POE',
  },
  'the CA is not one of the configuration': {
    run: async (world) => ({ ...(await whole(world)), shared: world.shared({ approvedCas: [] }) }),
    verdict: 'INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND',
  },
  'signed by another member': {
    async run(world) {
      return bundled(world, await stamped(world, { signer: await world.issue('9999') }))
    },
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
  "the CA has a profile of the instance's own, which the bundle brings": {
    run: (world) => withProfile(world),
    verdict: 'TOTAL-PASSED',
  },
  'the same profile wants another kind of key': {
    run: (world) => withProfile(world, { certificate: { keyAlgorithms: ['RSA'] } }),
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
  'the same profile names another member': {
    run: (world) => withProfile(world, { identify: reading({ value: '9999' }) }),
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
  'the profile is not in the configuration that is trusted': {
    async run(world) {
      const { bundle, at } = await withProfile(world)
      return { bundle, at, shared: world.shared() }
    },
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
  'the message is not the one that was signed': {
    run: async (world) =>
      bundled(
        world,
        await stamped(world, { message: (bytes) => Buffer.from(bytes.toString().replace('OK', 'KO')) }),
      ),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the signature value is another one': {
    run: async (world) => bundled(world, await stamped(world, { signatures: anotherValue })),
    verdict: 'TOTAL-FAILED SIG_CRYPTO_FAILURE',
  },
}

function anotherValue(document: Buffer): Buffer {
  const text = document.toString()
  const at = text.indexOf('</ds:SignatureValue>') - 20
  return Buffer.from(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`)
}

type Said = { verdict: string; subIndication?: string | undefined | null }
const said = ({ verdict, subIndication }: Said): string => [verdict, subIndication].filter(Boolean).join(' ')

const page = await builtPage(t)
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-verdict-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
/** What the second verifier is asked when all bundles are there. */
const asked: { name: string; options: string[]; verdict: string }[] = []
for (const [name, fixture] of Object.entries(FIXTURES)) {
  t.test(name, async (t) => {
    const world = await createVerdictWorld(t, fixture.start ?? START)
    const { bundle, at, shared = world.shared() } = await fixture.run(world, t)
    const given = shared === 'brought' ? undefined : writeSharedParameters(shared, 6)
    const byThese = given && { shared: given }
    const verdict = await compared(t, page, { name: 'bundle.zip', bytes: bundle, at, ...byThese })
    t.equal(said(verdict), fixture.verdict, verdict.reason!)
    if (name === 'the profile is not in the configuration that is trusted')
      t.match(
        verdict.records!.map((one) => one.reason),
        [/the certificate profile org\.example\.Own of the CA is unknown here/],
      )
    const [file, conf] = ['bundle.zip', 'shared-params.xml'].map((end) =>
      path.join(folder, `${asked.length}-${end}`),
    ) as [string, string]
    writeFileSync(file, bundle)
    if (given !== undefined) writeFileSync(conf, given)
    const options = ['--at', new Date(at).toISOString(), ...(given === undefined ? [] : ['--conf', conf])]
    asked.push({ name, options: [file, ...options], verdict: fixture.verdict })
  })
}

t.test('the second verifier says the same of each', async (t) => {
  const second = askSecondVerifier(asked.map(({ options }) => options))
  if (second === undefined)
    return skipFor(t, 'python3 or openssl is missing: apt-get install python3 openssl')
  const { verdicts, errors } = second
  t.equal(verdicts.length, asked.length, errors)
  for (const [i, { name, verdict }] of asked.entries()) {
    const other = JSON.parse(verdicts[i] ?? '{}') as Said & { reason: string }
    t.equal(said(other), verdict, `${name}: ${other.reason}`)
  }
})
