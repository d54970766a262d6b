/**
 * Verifies who signed a document of a member: an approved CA issued the certificate, it is valid now, and
 * member and server belong to this instance; pure.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { checkSigner as checkSigningCertificate } from '#core/signature/check-signer.ts'
import type { JsonSignature } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'

/**
 * Milliseconds between `createdAt` and our clock, as between servers (pr-mess 4.2): clocks differ, and
 * documents take time to arrive.
 */
export const ACCEPTED_MS = 5 * 60_000

type CertificateFacts = {
  sha256: string
  subject: string
  issuer: string
  serialNumber: string
  notBefore: Time
  notAfter: Time
}

/** What was verified, for the persons or rules that decide. */
export type ProofFacts = {
  signer: string
  /** Whether the request came through our JSON API or as X-Road's message. */
  format: 'JWS' | 'X-Road'
  document: string
  createdAt: Time
  verifiedAt: Time
  /**
   * Absent when the request has no signature of the signer. The signer then signed the X-Road message that
   * `passedOnBy` verified.
   */
  signingCertificate?: CertificateFacts
  /** Present when the key of this certificate signed the request as well. */
  authenticationCertificate?: CertificateFacts
  /** The certification path and the OCSP status of the signing certificate are valid until this time. */
  validUntil?: Time
  /** The internal TLS certificate of the management security server that forwarded the request. */
  passedOnBy?: CertificateFacts
}

/** The facts of a signature that came with the request. */
type SignatureFacts = ProofFacts & { signingCertificate: CertificateFacts; validUntil: string }

/** The configuration by which a document is verified, and the time in milliseconds since 1970. */
export type Trust = { configuration: ConfigurationIndex; now: number }

/**
 * What the signature of `signer` proves. Throws unless the certificate is that member's, issued by an
 * approved CA and valid now.
 */
export function verifySigner(
  document: DocumentHead & { server: string },
  { signerStatusOnly = false, ...signature }: JsonSignature & { signerStatusOnly?: boolean },
  { configuration, now }: Trust,
  format: ProofFacts['format'] = 'JWS',
): SignatureFacts {
  checkFresh(document, now)
  const [member, server] = [parseMemberId(document.signer), parseServerId(document.server)]
  if (member.instance !== configuration.instance || server.instance !== configuration.instance)
    throw new Fault('invalid_input', {
      what: say`this registry is of the instance ${configuration.instance}`,
    })
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

/** Throws `stale_request` unless `createdAt` is within five minutes before or after `now`. */
export function checkFresh({ createdAt }: DocumentHead, now: number): void {
  if (Math.abs(Date.parse(createdAt) - now) > ACCEPTED_MS)
    throw new Fault('stale_request', { what: say`createdAt is not within 5 minutes of our time` })
}

/** The facts of a certificate that people compare. */
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
