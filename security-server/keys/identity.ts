/**
 * The identities for signing and authentication that this room returns, and the configuration that keys
 * depend on.
 */
import type { KeyObject } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { SignatureMethod } from '#core/signature/algorithms.ts'
import type { MemberId } from '#schemas/identifiers.ts'

/** The part of the configuration that decides which certificates are accepted. */
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
 * Signs for one member. The same object is returned until the certificate, its chain or an OCSP response
 * changes, so values that depend only on these can be cached by it.
 */
export type SigningIdentity = {
  member: MemberId
  certificate: Certificate
  intermediates: Certificate[]
  /** Fresh responses: for the signing certificate first, then for the intermediates. */
  ocspResponses: Buffer[]
  method: SignatureMethod
  /**
   * The raw signature value, r||s for ECDSA. A P-256 key signs synchronously, an RSA key in the thread pool.
   */
  sign(data: Buffer): Buffer | Promise<Buffer>
}

/** What a TLS endpoint presents: its certificate and the intermediates, with the private key. */
export type TlsIdentity = { certificate: Certificate; intermediates: Certificate[]; privateKey: KeyObject }

/** The identity for TLS between servers. */
export type AuthenticationIdentity = TlsIdentity & { ocspResponses: Buffer[] }
