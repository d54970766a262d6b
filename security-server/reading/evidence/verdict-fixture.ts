/**
 * For tests only: a real log with exchanges, their evidence bundles, and a development authority that issues
 * certificates, OCSP responses and time-stamps. The test moves the clock.
 */

import { generateKeyPairSync, hash, type KeyObject, randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import { type Authority, createAuthority, SUBJECT_PROFILE_CLASS } from '#certs/authority.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { PROFILES_FILE, writeInstanceProfiles } from '#core/certificate/instance-profiles.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { type BundleManifest, MANIFEST } from '#core/evidence-bundle/bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import { buildHashChains } from '#core/signature/hash-chain.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { addTsaCertificate } from '#core/timestamp/write-token.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { memberOf, parseClientId, parseServerId, parseServiceId } from '#schemas/identifiers.ts'
import { certificationRequest } from '#security-server/keys/certification-request.ts'
import { logFolder, logOptions, openFullLog, type TestLog } from '../../message-log/fixture.ts'
import type { LogLevel } from '../../message-log/record-input.ts'
import { collectExchange, writeBundle } from './write-bundle.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const CLIENT = parseClientId('DEV/GOV/1234/tax')
export const SERVICE = parseServiceId('DEV/GOV/5678/population/persons')
const SERVER = parseServerId('DEV/GOV/1234/ss1')
export const PEER = parseServerId('DEV/GOV/5678/ss2')

const HELD = sealCircumstances({
  ...{ version: 1, side: 'consumer', authentication: 'SSLAUTH' },
  contract: {
    ...{ id: '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11', version: 2, hash: 'ab'.repeat(32), title: 'Addresses' },
    ...{
      purpose: 'Tax assessment',
      legalBasis: 'Tax Act, § 7',
      endpoint: { method: 'GET', path: '/persons/*' },
    },
  },
})

type Signer = { certificate: Certificate; key: KeyObject }

export type VerdictWorld = {
  now: number
  authority: Authority
  /** More time-stamping authorities that the configuration lists. */
  stampers: Authority[]
  /**
   * Certificate profiles of the instance. The CA uses the first one, or X-Road's profile when the list is
   * empty.
   */
  profiles: CertificateProfile[]
  /** The member that owns the client's server. It countersigns tree heads while `countersigns` is true. */
  owner: Signer
  provider: Signer
  countersigns: boolean
  stamping: Authority | 'down'
  responder: 'up' | 'down'
  log: TestLog
  issue(code: string, kind?: 'P-256' | 'RSA-2048'): Promise<Signer>
  revoke(signer: Signer): void
  /** OCSP responses for a certificate and the intermediate CA, made at `at` (default: now). */
  status(certificate: Certificate, at?: number): Buffer[]
  /** Logs a request and its reply; returns the index of the reply. */
  exchange(o?: ExchangeOptions): Promise<number>
  bundle(index: number): Promise<Buffer>
  shared(change?: Partial<SharedParameters>): SharedParameters
}

type ExchangeOptions = {
  signer?: Signer
  /** When the OCSP responses in the signature were produced. */
  stapledAt?: number
  logLevel?: LogLevel
  /**
   * `message` changes the provider's message after it was signed; `signatures` changes its signature
   * document.
   */
  message?: (signed: Buffer) => Buffer
  signatures?: (signed: Buffer) => Buffer
}

export async function createVerdictWorld(t: Test, start: number): Promise<VerdictWorld> {
  let made: VerdictWorld | undefined
  const clock = (): number => made?.now ?? start
  const authority = await createAuthority({ clock, instance: 'DEV' })
  const folder = logFolder(t)
  const world: VerdictWorld = {
    ...{ now: start, authority, stampers: [], profiles: [], stamping: authority, responder: 'up' },
    countersigns: true,
    async issue(code, kind = 'P-256') {
      const { privateKey } =
        kind === 'P-256'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 })
      const subject = [
        { type: 'C', value: 'FI' },
        { type: 'O', value: 'Agency' },
        { type: 'serialNumber', value: 'DEV/ss1/GOV' },
        { type: 'CN', value: code },
      ]
      const request = certificationRequest({ privateKey, subject })
      const certificate = await authority.issue({ request, profile: 'signing', at: new Date(world.now) })
      return { certificate, key: privateKey }
    },
    revoke({ certificate }) {
      authority.revoke(certificate.serialNumber)
    },
    status(certificate, at = world.now) {
      const answer = (subject: Certificate, issuer: Certificate): Buffer =>
        authority.ocspAnswer(buildOcspRequest(subject, issuer), { at: new Date(at) })
      return [answer(certificate, authority.intermediate), answer(authority.intermediate, authority.root)]
    },
    exchange: (o = {}) => exchange(world, o),
    bundle: (index) => bundleOf(world, index),
    shared: (change = {}) => ({ ...sharedOf(world), ...change }),
  } as Omit<VerdictWorld, 'log' | 'owner' | 'provider'> as VerdictWorld
  made = world
  world.owner = await world.issue('1234')
  world.provider = await world.issue('5678')
  world.log = await openFullLog({
    ...logOptions(folder),
    clock,
    server: SERVER,
    signer: {
      name: 'DEV/GOV/1234',
      get publicKey() {
        return publicKeyOf((world.countersigns ? world.owner : world.provider).certificate)
      },
      sign(data) {
        const { key } = world.countersigns ? world.owner : world.provider
        return signValue(methodFor(key), key, data)
      },
      evidence: () => ({
        certificates: [world.owner.certificate.der, authority.intermediate.der],
        ocspResponses: world.responder === 'up' ? world.status(world.owner.certificate) : [],
      }),
    },
    async stamp(imprint, digest = 'SHA-512') {
      if (world.stamping === 'down') throw new Fault('timestamping_failed')
      const by = world.stamping
      const asked = buildTimeStampRequest({ imprint, digest })
      const token = readTimeStampResponse(by.timeStamp(asked, { at: new Date(world.now) }))
      const about = by === authority && world.responder === 'up' ? world.status(by.tsa) : []
      return {
        token: addTsaCertificate(token, by.tsa),
        certificates: [by.tsa.der, by.intermediate.der, by.root.der],
        ocspResponses: about,
      }
    },
    signerStatus: async (ders) =>
      world.responder === 'down' ? [] : ders.flatMap((der) => world.status(parseCertificate(der))),
  })
  t.teardown(() => world.log.close())
  return world
}

async function exchange(world: VerdictWorld, o: ExchangeOptions): Promise<number> {
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const request = Buffer.from(
    [
      'GET',
      '/r1/DEV/GOV/5678/population/persons',
      'X-Road-Client:DEV/GOV/1234/tax',
      `x-road-request-id:${ids.requestId}`,
      `x-road-id:${ids.id}`,
      '',
    ].join('\r\n'),
  )
  const reply = writeRestResponse({
    ...{ status: 200, reason: 'OK', headers: [], requestId: ids.requestId },
    request: { ...parseRestRequest(request), id: ids.id },
    requestHash: requestHash({ message: hash('sha512', request, 'buffer'), body: undefined }),
  })
  const common = {
    ...{ ids, client: CLIENT, service: SERVICE, peer: PEER, body: undefined, time: new Date(world.now) },
    ...(o.logLevel && { logLevel: o.logLevel }),
    ...{ circumstances: HELD, configuration: 'DEV/7', keepDays: 365 },
  }
  const asked = await world.log.append({
    ...{ ...common, kind: 'request', direction: 'out', outcome: '', message: request },
    signature: signed(world, request, world.owner, world.now),
  })
  const signature = signed(world, reply, o.signer ?? world.provider, o.stapledAt ?? world.now)
  const answered = await world.log.append({
    ...{ ...common, kind: 'reply', direction: 'in', outcome: 'ok', answers: asked.index },
    message: o.message?.(reply) ?? reply,
    signature: { ...signature, signatures: o.signatures?.(signature.signatures) ?? signature.signatures },
  })
  return answered.index
}

/** The signature of a message and of what stands beside it: the body, or attachments. */
export function signed(
  world: VerdictWorld,
  message: Buffer,
  { certificate, key }: Signer,
  stapledAt: number,
  attachments: Buffer[] = [],
) {
  const method = methodFor(key)
  const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')
  const parts = attachments.map((bytes, i) => ({ name: `/attachment${i + 1}`, sha512: sha512(bytes) }))
  const chains =
    parts.length === 0
      ? undefined
      : buildHashChains([[{ name: '/message.xml', sha512: sha512(message) }, ...parts]])
  const { toBeSigned, finish } = prepareSignature({
    ...{ certificate, intermediates: [world.authority.intermediate], method },
    signingTime: new Date(world.now),
    ocspResponses: world.status(certificate, stapledAt),
    reference: chains
      ? { uri: '/sig-hashchainresult.xml', sha512: chains.resultDigest }
      : { uri: '/message.xml', sha512: sha512(message) },
  })
  return {
    signatures: finish(signValue(method, key, toBeSigned)),
    ...(chains && { hashChainResult: chains.result, hashChain: chains.chain(0) }),
  }
}

async function bundleOf(world: VerdictWorld, index: number): Promise<Buffer> {
  const { log, owner } = world
  const { indexes } = await collectExchange({ log }, index)
  const known = world.now <= owner.certificate.notAfter.getTime() && world.responder === 'up'
  const checkpointSigner = {
    certificates: [owner.certificate.der, world.authority.intermediate.der],
    ocspResponses: known ? world.status(owner.certificate) : [],
  }
  const bundle = await writeBundle(
    {
      ...{ log, server: 'DEV/GOV/1234/ss1', made: new Date(world.now), checkpointSigner },
      configuration: [
        { name: 'DEV/shared-params.xml', content: writeSharedParameters(world.shared(), 6) },
        ...(world.profiles.length === 0
          ? []
          : [{ name: `DEV/${PROFILES_FILE}`, content: profilesOf(world) }]),
      ],
    },
    indexes,
  )
  return buffer(bundle)
}

function profilesOf({ profiles }: VerdictWorld): Buffer {
  return writeInstanceProfiles({ instance: 'DEV', profiles })
}

function sharedOf({ authority, stampers, profiles }: VerdictWorld): SharedParameters {
  const url = 'http://127.0.0.1:1/ocsp'
  return {
    instance: 'DEV',
    sources: [],
    approvedCas: [
      {
        ...{
          name: 'Development CA',
          authenticationOnly: false,
          certificateProfileInfo: profiles[0]?.name ?? SUBJECT_PROFILE_CLASS,
        },
        topCa: { cert: authority.root.der, ocsp: [{ url }] },
        intermediateCas: [
          { cert: authority.intermediate.der, ocsp: [{ url, cert: authority.ocspResponder.der }] },
        ],
      },
    ],
    approvedTsas: [authority, ...stampers].map(({ tsa }, i) => ({ name: `TSA ${i}`, url, cert: tsa.der })),
    members: [CLIENT, SERVICE].map((of) => ({
      ...{ id: memberOf(of), memberClassDescription: 'Government', name: 'Agency', subsystems: [] },
    })),
    securityServers: [],
    globalGroups: [],
    memberClasses: [{ code: 'GOV', description: 'Government' }],
    ocspFreshnessSeconds: 3600,
  } as SharedParameters
}

/** A forged bundle: changes entries and manifest, then computes the digests again so that they match. */
export async function forged(
  bytes: Buffer,
  change: (manifest: BundleManifest, files: Map<string, Buffer>) => void,
): Promise<Buffer> {
  const bundle = await readBundle(bytes)
  const manifest = structuredClone(bundle.manifest)
  const files = new Map(bundle.files)
  change(manifest, files)
  manifest.files = Object.fromEntries(
    [...files].map(([name, content]) => [name, hash('sha256', content, 'base64')]),
  )
  return zipOf([
    ...[...files].map(([name, data]) => ({ name, data })),
    { name: MANIFEST, data: canonicalJson(manifest) },
  ])
}
