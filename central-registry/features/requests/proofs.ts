/**
 * Verifies what a signed document proves before anybody sees it: who signed, by a certificate that an approved CA issued and
 * whose status is fresh, for this instance, now; for an authentication certificate also that its key is at hand; pure.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { checkSigner as checkSigningCertificate } from '#core/signature/check-signer.ts'
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import {
  DOCUMENT_TYPE,
  type DocumentHead,
  type FiledRequest,
  type Revocation,
  type StatusQuery,
} from '#schemas/management-request.ts'
import { checkNewCertificate } from '../../servers/rules.ts'
import { checkFresh, readFiledRequest, readRevocation, readStatusQuery } from './document.ts'
import { checkSigner } from './rules.ts'

type CertificateFacts = {
  sha256: string
  subject: string
  issuer: string
  serialNumber: string
  notBefore: string
  notAfter: string
}

/** What was verified, for those who decide. */
export type ProofFacts = {
  signer: string
  /** As it came: our JSON API or X-Road's message. */
  format: 'JWS' | 'X-Road'
  document: string
  createdAt: string
  verifiedAt: string
  /** Absent when the request holds no signature of the signer: it signed the X-Road message that `passedOnBy` verified. */
  signingCertificate?: CertificateFacts
  /** Its key signed the request as well. */
  authenticationCertificate?: CertificateFacts
  /** Path and OCSP status of the signing certificate hold until then. */
  validUntil?: string
  /** The internal TLS certificate of the management security server that the request came through. */
  passedOnBy?: CertificateFacts
}

/** Of a signature that came with the request. */
type SignatureFacts = ProofFacts & { signingCertificate: CertificateFacts; validUntil: string }

type Trust = { configuration: ConfigurationIndex; now: number }

/** A filed request with what it proves. Throws the fault of the first proof that fails. */
export function verifyFiledRequest(
  bytes: Buffer,
  trust: Trust,
): { request: FiledRequest; facts: ProofFacts } {
  const { document, signatures } = readSignedJson(bytes, DOCUMENT_TYPE.file)
  const request = readFiledRequest(document)
  const [signing, authentication, ...more] = signatures as [JsonSignature, ...JsonSignature[]]
  const needsTwo = request.kind === 'authCertReg'
  if (needsTwo !== (authentication !== undefined) || more.length > 0)
    throw new Fault('missing_signature', {
      what: 'an authentication certificate is registered by two signatures, all else by one',
    })
  const facts = verifySigner(request, signing, trust)
  checkSigner(request, request.signer)
  if (authentication === undefined) return { request, facts }
  const certificate = verifyAuthenticationCertificate(request, trust)
  if (certificate.sha256 !== authentication.certificate.sha256)
    throw new Fault('incorrect_certificate', { what: 'the second signature is by another certificate' })
  return { request, facts: { ...facts, authenticationCertificate: describeCertificate(certificate) } }
}

export function verifyStatusQuery(bytes: Buffer, trust: Trust): StatusQuery {
  return verifyAlone(bytes, DOCUMENT_TYPE.query, readStatusQuery, trust)
}

export function verifyRevocation(bytes: Buffer, trust: Trust): Revocation {
  return verifyAlone(bytes, DOCUMENT_TYPE.revoke, readRevocation, trust)
}

function verifyAlone<T extends DocumentHead & { server: string }>(
  bytes: Buffer,
  type: string,
  read: (document: unknown) => T,
  trust: Trust,
): T {
  const { document, signatures } = readSignedJson(bytes, type)
  const given = read(document)
  if (signatures.length > 1) throw new Fault('malformed_signature', { what: 'one signature is needed' })
  verifySigner(given, signatures[0]!, trust)
  return given
}

/** The authentication certificate in a request: valid now, issued by an approved CA, as the CA's profile wants it. */
export function verifyAuthenticationCertificate(
  { certificate = '' }: FiledRequest,
  trust: Trust,
): Certificate {
  return checkNewCertificate(Buffer.from(certificate, 'base64'), trust.configuration, new Date(trust.now))
}

/** What the signature of `signer` proves; throws unless the certificate is that member's, trusted and good now. */
export function verifySigner(
  document: DocumentHead & { server: string },
  { signerStatusOnly = false, ...signature }: JsonSignature & { signerStatusOnly?: boolean },
  { configuration, now }: Trust,
  format: ProofFacts['format'] = 'JWS',
): SignatureFacts {
  checkFresh(document, now)
  const [member, server] = [parseMemberId(document.signer), parseServerId(document.server)]
  if (member.instance !== configuration.instance || server.instance !== configuration.instance)
    throw new Fault('invalid_input', { what: `this registry is of the instance ${configuration.instance}` })
  const { validUntil } = checkSigningCertificate({
    signature,
    configuration,
    at: new Date(now),
    member,
    signerStatusOnly,
  })
  return {
    signer: document.signer,
    format,
    document: document.id,
    createdAt: document.createdAt,
    verifiedAt: new Date(now).toISOString(),
    signingCertificate: describeCertificate(signature.certificate),
    validUntil: validUntil.toISOString(),
  }
}

/** What people compare of a certificate. */
export function describeCertificate({ sha256, ...certificate }: Certificate): CertificateFacts {
  const { subject, issuer, serialNumber, notBefore, notAfter } = certificate
  return {
    sha256,
    subject: readableName(subject),
    issuer: readableName(issuer),
    serialNumber: serialNumber.toString(16),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  }
}
