/**
 * What administrators see of a token: its keys, requests and certificates with their states, without secrets.
 */
import { createPublicKey } from 'node:crypto'
import { nameText } from '#core/certificate/name.ts'
import type { TokenState } from '#platform/pkcs11/hardware-token.ts'
import { idText } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { CertificateStatuses, StatusReport } from './certificate-status.ts'
import { algorithmOf, type KeyAlgorithm } from './generate-key.ts'
import type { HardwareKeys } from './hardware-keys.ts'
import { isRegisteredHere } from './identities.ts'
import type { CertificateTrust } from './identity.ts'
import type { KeyUsage, StoredCertificate, StoredKey } from './key-file.ts'
import { certificatePem } from './pem.ts'
import type { PinInfo } from './pin-policy.ts'
import type { SoftwareToken } from './software-token.ts'
import { SOFTWARE_TOKEN_ID, type Tokens } from './tokens.ts'

export type CertificateInfo = {
  sha256: string
  keyId: string
  usage: KeyUsage
  subject: string
  issuer: string
  serialNumber: string
  notBefore: Time
  notAfter: Time
  member?: string | undefined
  active: boolean
  importedAt: Time
  /** `saved`: an authentication certificate that the configuration does not list (yet). */
  state: 'registered' | 'saved' | 'expired'
  ocsp: StatusReport
  /** What somebody has to do before the certificate can be used; absent when it can. */
  remedy?: Said | undefined
  pem: string
}

export type KeyInfo = {
  id: string
  usage: KeyUsage
  label: string
  algorithm: KeyAlgorithm | undefined
  createdAt: Time
  /** The key was made on its hardware token with other tools, and adopted here. */
  adopted: boolean
  requests: { id: string; createdAt: Time; member?: string | undefined }[]
  certificates: CertificateInfo[]
}

export type TokenInfo = {
  id: string
  name: string
  /** `TRANSIT`: its keys are in the transit engine of an OpenBao or Vault. */
  type: 'SOFTWARE' | 'HARDWARE' | 'TRANSIT'
  initialized: boolean
  loggedIn: boolean
  /** For a token that is elsewhere: whether it is present, and the state that it reports. */
  hardware?: TokenState | undefined
  /** Absent for a token that has none. */
  pin?: PinInfo | undefined
  keys: KeyInfo[]
}

export type Describe = {
  tokens: Tokens
  statuses: CertificateStatuses
  trust: CertificateTrust | undefined
  at: Date
}

export function describeSoftware(token: SoftwareToken, q: Describe): TokenInfo {
  return {
    id: SOFTWARE_TOKEN_ID,
    name: 'softToken-0',
    type: 'SOFTWARE',
    initialized: token.initialized(),
    loggedIn: token.unlocked(),
    pin: token.pin(),
    keys: token.keys().map((key) => describeKey(key, q)),
  }
}

export function describeHardware(token: HardwareKeys, q: Describe): TokenInfo {
  const hardware = token.state()
  return {
    id: token.id,
    name: token.label,
    type: token.type,
    initialized: true,
    loggedIn: hardware.state === 'open',
    hardware,
    pin: token.pin(),
    keys: token.keys().map((key) => describeKey(key, q)),
  }
}

export function describeKey(key: StoredKey, q: Describe): KeyInfo {
  return {
    id: key.id,
    usage: key.usage,
    label: key.label,
    algorithm: algorithmOf(createPublicKey({ key: key.spki, format: 'der', type: 'spki' })),
    createdAt: key.createdAt,
    adopted: key.adopted === true,
    requests: key.requests.map(({ id, createdAt, member }) => ({
      id,
      createdAt,
      member: member && idText(member),
    })),
    certificates: key.certificates.map((stored) => describeCertificate(key, stored, q)),
  }
}

export function describeCertificate(key: StoredKey, stored: StoredCertificate, q: Describe): CertificateInfo {
  const { certificate } = stored
  const state = stateOf(key, stored, q)
  const ocsp = q.statuses.report(certificate, q.at)
  return {
    sha256: certificate.sha256,
    keyId: key.id,
    usage: key.usage,
    subject: nameText(certificate.subject),
    issuer: nameText(certificate.issuer),
    serialNumber: certificate.serialNumber.toString(),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    member: stored.member && idText(stored.member),
    active: stored.active,
    importedAt: stored.importedAt,
    state,
    ocsp,
    remedy: remedyOf(key, stored, state, ocsp, q),
    pem: certificatePem(certificate),
  }
}

function stateOf(key: StoredKey, { certificate }: StoredCertificate, q: Describe): CertificateInfo['state'] {
  if (q.at > certificate.notAfter) return 'expired'
  if (key.usage === 'SIGNING') return 'registered'
  return q.trust !== undefined && isRegisteredHere(certificate, q.trust) ? 'registered' : 'saved'
}

function remedyOf(
  key: StoredKey,
  stored: StoredCertificate,
  state: CertificateInfo['state'],
  ocsp: StatusReport,
  q: Describe,
): Said | undefined {
  if (state === 'expired') return say`Order a new certificate for a new key`
  if (!stored.active) return say`Activate the certificate`
  const token = q.tokens.of(key.id)
  if (token.away()) return say`Check the hardware token and its p11-kit server, or the transit engine`
  if (!token.unlocked())
    return token.type === 'TRANSIT'
      ? say`Look why the transit engine refuses this server`
      : say`Log in to the token with its PIN`
  if (state === 'saved') return say`Register the certificate at the central registry`
  if (ocsp.state === 'revoked') return say`Order a new certificate; this one is revoked`
  if (ocsp.state !== 'good') return say`Check the OCSP responder of the certificate's authority`
  return undefined
}
