/** What leaves this room: identities that sign or authenticate, and what keys need to know from the configuration. */
import type { KeyObject } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { SignatureMethod } from '#core/signature/algorithms.ts'
import type { MemberId } from '#schemas/identifiers.ts'

/** The part of the configuration that says which certificates count. */
export type CertificateTrust = Pick<
  ConfigurationIndex,
  | 'instance'
  | 'ocspFreshnessSeconds'
  | 'caCertificates'
  | 'caOf'
  | 'profileOf'
  | 'isRegistered'
  | 'serverByAuthCert'
>

/**
 * Signs for one member. The same object is handed out until the certificate, its chain or an OCSP answer changes, so
 * whatever depends only on those can be kept by it.
 */
export type SigningIdentity = {
  member: MemberId
  certificate: Certificate
  intermediates: Certificate[]
  /** Fresh answers: the signer's first, then the intermediates'. */
  ocspResponses: Buffer[]
  method: SignatureMethod
  /** The raw signature value, r||s for ECDSA. P-256 answers at once, RSA from the thread pool. */
  sign(data: Buffer): Buffer | Promise<Buffer>
}

/** What TLS presents: a key, its certificate, and the issuers that go with it. */
export type TlsIdentity = { certificate: Certificate; intermediates: Certificate[]; privateKey: KeyObject }

/** What TLS between servers needs. */
export type AuthenticationIdentity = TlsIdentity & { ocspResponses: Buffer[] }
