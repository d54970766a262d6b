/**
 * For tests only: the golden identities of schemas/golden/signature (their keys are published, so they prove
 * nothing), with OCSP answers, time-stamps and a configuration, so that a whole container can be judged at
 * any time.
 */
import { createHash, createPrivateKey, hash, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { certId } from '#core/certificate/ocsp-request.ts'
import { buildOcspResponse } from '#core/certificate/ocsp-response.ts'
import type { DerSigner } from '#core/certificate/ocsp-write.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { buildTimeStampRequest, parseTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { buildTimeStampResponse, readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { methodFor, nodeDigest, signValue } from './algorithms.ts'
import { buildHashChains } from './hash-chain.ts'
import type { DataUri } from './template.ts'
import type { ChainPart } from './verify-hash-chain.ts'
import { identityOf, prepareSignature } from './write-signature.ts'
import { inLines, xRoadForm } from './x-road-form.ts'

const FOLDER = new URL('../../schemas/golden/signature/', import.meta.url)

/** A file of the golden folder. */
export function golden(name: string): Buffer {
  return readFileSync(new URL(name, FOLDER))
}

export type Identity = {
  certificate: Certificate
  intermediates: Certificate[]
  ocspResponses: Buffer[]
  key: KeyObject
}

const certificateOf = (name: string): Certificate => readCertificate(golden(`${name}.pem`))
const keyOf = (name: string): KeyObject => createPrivateKey(golden(`${name}.key`))

export const root = { certificate: certificateOf('root'), key: keyOf('root') }
export const intermediate = { certificate: certificateOf('intermediate'), key: keyOf('intermediate') }
export const tsa = { certificate: certificateOf('tsa'), key: keyOf('tsa') }

/** P-256, issued by the intermediate CA; the OCSP answers are the golden ones. */
export const signer: Identity = {
  certificate: certificateOf('signer'),
  intermediates: [intermediate.certificate],
  ocspResponses: [golden('signer.ocsp'), golden('intermediate.ocsp')],
  key: keyOf('signer'),
}

/** RSA 2048, issued by the root. */
export const rsaSigner: Identity = {
  certificate: certificateOf('signer-rsa'),
  intermediates: [],
  ocspResponses: [golden('signer-rsa.ocsp')],
  key: keyOf('signer-rsa'),
}

export const GOLDEN_TIME = new Date('2026-12-01T10:00:00.123Z')
/** The member in the signers' certificates. */
export const MEMBER = { instance: 'GOLD', memberClass: 'GOV', memberCode: '1234' }

const derSigner =
  (key: KeyObject): DerSigner =>
  (tbs) => ({
    algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256)),
    value: sign('sha256', tbs, key),
  })

type Status = { status: 'good' | 'revoked' | 'unknown'; revokedAt?: Date }

/** A fresh answer about a certificate. */
export function ocspAnswer(
  subject: Certificate,
  issuer: { certificate: Certificate; key: KeyObject },
  at: Date,
  status: Status = { status: 'good' },
): Buffer {
  return buildOcspResponse({
    answers: [{ certId: certId(subject, issuer.certificate), thisUpdate: at, ...status }],
    producedAt: at,
    responder: issuer.certificate,
    includeCertificates: [],
    sign: derSigner(issuer.key),
  })
}

/** The P-256 identity with answers that are fresh at `at`. */
export function freshSigner(at: Date, own?: Status, ca?: Status): Identity {
  return {
    ...signer,
    ocspResponses: [
      ocspAnswer(signer.certificate, intermediate, at, own),
      ocspAnswer(intermediate.certificate, root, at, ca),
    ],
  }
}

export type Part = { name: string; bytes: Buffer }

/** Parts as the input of coverage checks. */
export function chainParts(parts: Part[]): ChainPart[] {
  return parts.map(({ name, bytes }) => ({
    name,
    digest: (digest) => createHash(nodeDigest(digest)).update(bytes).digest(),
  }))
}

/**
 * Signs messages together, each given as a list of parts. One message with one part is signed by direct
 * reference.
 */
export function signMessages(messages: Part[][], identity: Identity = signer, at = GOLDEN_TIME) {
  const direct = messages.length === 1 && messages[0]!.length === 1
  const chains = direct
    ? undefined
    : buildHashChains(
        messages.map((parts) =>
          parts.map(({ name, bytes }) => ({ name, sha512: hash('sha512', bytes, 'buffer') })),
        ),
      )
  const { key, ...rest } = identity
  const method = methodFor(key)
  const { toBeSigned, finish } = prepareSignature({
    ...rest,
    signingTime: at,
    method,
    reference:
      chains === undefined
        ? { uri: '/message.xml', sha512: hash('sha512', messages[0]![0]!.bytes, 'buffer') }
        : { uri: '/sig-hashchainresult.xml', sha512: chains.resultDigest },
  })
  const signatures = finish(signValue(method, key, toBeSigned))
  return messages.map((_, index) => ({
    signatures,
    hashChainResult: chains?.result,
    hashChain: chains?.chain(index),
  }))
}

/** As X-Road's software signs a digest; in releases before 7.4 with the signature value in lines. */
export function signInXRoadForm(q: {
  identity?: Identity
  at?: Date
  reference: { uri: DataUri; sha512: Buffer }
  valueInLines?: boolean
  token?: Buffer
}): Buffer {
  const { key, ...rest } = q.identity ?? signer
  const method = methodFor(key)
  const { signedInfo, pieces } = xRoadForm({
    identity: identityOf(rest),
    method,
    reference: q.reference,
    signingTime: q.at ?? GOLDEN_TIME,
  })
  const value = signValue(method, key, signedInfo).toString('base64')
  return Buffer.concat(pieces(`\n${q.valueInLines === true ? inLines(value) : value}\n`, q.token))
}

/** A time-stamp token over `data`. */
export function timeStamp(data: Buffer, time: Date, accuracySeconds?: number): Buffer {
  const request = buildTimeStampRequest({ imprint: hash('sha512', data, 'buffer'), certReq: true })
  return readTimeStampResponse(
    buildTimeStampResponse({
      request: parseTimeStampRequest(request),
      time,
      serialNumber: 7n,
      policy: '1.2.3.4',
      ...(accuracySeconds === undefined ? {} : { accuracySeconds }),
      certificate: tsa.certificate,
      includeCertificates: [tsa.certificate],
      digest: 'SHA-256',
      sign: derSigner(tsa.key),
    }),
  )
}

/** Shared parameters of the instance GOLD, with the given changes. */
export function configuration(changes: Partial<SharedParameters> = {}): ConfigurationIndex {
  return indexConfiguration({
    instance: MEMBER.instance,
    sources: [],
    approvedCas: [
      {
        name: 'Golden root',
        authenticationOnly: false,
        topCa: { cert: root.certificate.der, ocsp: [] },
        intermediateCas: [{ cert: intermediate.certificate.der, ocsp: [] }],
        certificateProfileInfo:
          'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
      },
    ],
    approvedTsas: [{ name: 'Golden TSA', url: 'http://tsa.test', cert: tsa.certificate.der }],
    members: [
      { id: MEMBER, memberClassDescription: 'Government', name: 'Population register', subsystems: [] },
    ],
    securityServers: [],
    globalGroups: [],
    memberClasses: [],
    ocspFreshnessSeconds: 3600,
    ...changes,
  })
}

/** The message bytes of a request from this member. */
export const REQUEST = Buffer.from(
  [
    'GET',
    '/r1/GOLD/GOV/5678/tax/persons',
    'X-Road-Client:GOLD/GOV/1234/population',
    'x-road-request-id:3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba1',
    'x-road-id:GOLD-1',
    '',
  ].join('\r\n'),
)

/** The code of the Fault that `act` throws, or 'accepted'. Rethrows anything else, so the test fails. */
export async function codeOf(act: () => unknown): Promise<FaultCode | 'accepted'> {
  try {
    await act()
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}
