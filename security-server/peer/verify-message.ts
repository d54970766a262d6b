/**
 * Guarantees that a received message was signed by `member` and that the signature covers all of it. Checks
 * the signature value, the coverage of every part, the signer's certificate, its path and status, and the
 * signing time. Both halves use it.
 */
import { createHash, hash } from 'node:crypto'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { type CheckedSignature, checkSignature } from '#core/signature/verify-signature.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { type DigestName, PART_NAME } from '#schemas/wire.ts'
import {
  checkCertificateNotSuspended,
  checkClientNotSuspended,
} from '../global-configuration/check-suspended.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'
import { coveredParts } from '../message/body.ts'
import type { SignedParts } from '../message/message.ts'
import { checkNotRevoked, type Rely } from './relied-on.ts'
import { createVerdictCache } from './verdict-cache.ts'
import { whileItArrived } from './while-it-arrived.ts'

/** How far the signing time may differ from ours. */
const SIGNING_TIME_WINDOW_MS = 5 * 60 * 1000
/** The messages of a batch arrive within moments of each other, so their common signature is checked once. */
const SIGNATURE_CACHE_MS = 60 * 1000
const BATCHES_KEPT = 128
/** Larger documents are checked each time: peers must not fill the memory with them. */
const LARGEST_KEPT = 64 * 1024
const LARGEST_KEY = 1024

type Batch = { signature: CheckedSignature; document: Buffer; validUntil: number }

const verified = Symbol('verified')

/**
 * A message whose signature, coverage, signer and time were checked against the configuration. Only this file
 * makes the mark.
 */
export type Verified<T> = T & {
  readonly [verified]: true
  /** SHA-256 of its canonical ds:SignedInfo: one for all messages of a batch. */
  signedInfoDigest: Buffer
}

export type VerifyMessage = <T extends SignedParts>(q: {
  parts: T
  member: MemberId
  snapshot: ConfigurationSnapshot
  at: number
  /** When the first bytes of a message that may take long to arrive came; defaults to `at`. */
  arrived?: number
}) => Promise<Verified<T>>

/**
 * Makes the verifier. It caches batch signatures, and signers by everything that their verdict depends on.
 * `rely` hears of good signers.
 */
export function createMessageVerifier(rely: Rely = () => undefined): VerifyMessage {
  const batches = createVerdictCache<Batch>(BATCHES_KEPT)
  const signers = createVerdictCache<{ validUntil: number }>(4096)
  /** The last verdict on a signature that the messages of a batch share: for which member it was trusted. */
  const trusted = new WeakMap<CheckedSignature, { version: string; member: string; validUntil: number }>()

  async function signatureOf(parts: SignedParts, at: number): Promise<CheckedSignature> {
    const { signatures: document, hashChainResult: result } = parts.signature
    if (result === undefined || document.length > LARGEST_KEPT || result.length > LARGEST_KEY)
      return checkSignature(document)
    // Each batch has its own hash chain result. The document is then compared byte by byte.
    const key = result.toString('latin1')
    const known = batches.get(key, at)
    if (known?.document.equals(document)) return known.signature
    const signature = await checkSignature(document)
    batches.set(key, { signature, document, validUntil: at + SIGNATURE_CACHE_MS })
    return signature
  }

  function trustSigner(
    signature: CheckedSignature,
    member: MemberId,
    snapshot: ConfigurationSnapshot,
    at: number,
  ): void {
    const last = trusted.get(signature)
    const name = idText(member)
    if (last?.version === snapshot.version && last.member === name && at < last.validUntil) return
    const { certificate, certificates, ocspResponses } = signature
    const pieces = [...ocspResponses, ...certificates.map((one) => one.der)]
    const status = hash('sha256', Buffer.concat(pieces), 'base64')
    // The lengths belong to the key: the same bytes cut elsewhere are other pieces, which nobody verified.
    const cuts = `${ocspResponses.length} ${pieces.map((one) => one.length).join()}`
    const key = `${snapshot.version} ${name} ${certificate.sha256} ${cuts} ${status}`
    let verdict = signers.get(key, at)
    if (verdict === undefined) {
      const configuration = snapshot.indexFor(member.instance)
      if (configuration === undefined) throw new Fault('unknown_member', { what: name })
      checkClientNotSuspended(member, snapshot)
      checkCertificateNotSuspended(certificate.sha256, member.instance, snapshot)
      const { chain, validUntil } = checkSigner({ signature, configuration, at: new Date(at), member })
      checkNotRevoked(chain, member.instance, snapshot)
      verdict = { validUntil: validUntil.getTime() }
      rely(chain.slice(0, -1), member.instance, verdict.validUntil)
      signers.set(key, verdict)
    }
    trusted.set(signature, { version: snapshot.version, member: name, validUntil: verdict.validUntil })
  }

  return async ({ parts, member, snapshot, at, arrived = at }) => {
    const signature = await signatureOf(parts, at)
    coverAllParts(signature, parts)
    whileItArrived({ arrived, at }, (time) => trustSigner(signature, memberOf(member), snapshot, time))
    const signed = signature.signingTime?.getTime() ?? Number.NaN
    const isNow = signed >= arrived - SIGNING_TIME_WINDOW_MS && signed <= at + SIGNING_TIME_WINDOW_MS
    if (!isNow) throw new Fault('stale_request', { what: 'the signing time' })
    const { signedInfoDigest } = signature
    return { ...parts, signedInfoDigest, [verified]: true }
  }
}

function coverAllParts(signature: CheckedSignature, parts: SignedParts): void {
  const covered: { name: string; digest(name: DigestName): Buffer }[] = [
    { name: PART_NAME.message, digest: (name) => digestOfMessage(parts, name) },
  ]
  for (const [i, { sha512 }] of coveredParts(parts.body).entries())
    covered.push({ name: PART_NAME.attachment(i + 1), digest: (name) => digestOfBody(sha512, name) })
  const { hashChainResult, hashChain } = parts.signature
  checkCoverage({ signature, parts: covered, hashChainResult, hashChain })
}

function digestOfMessage(parts: SignedParts, name: DigestName): Buffer {
  if (name === 'SHA-512') return parts.messageSha512
  return createHash(name.toLowerCase().replace('-', '')).update(parts.message).digest()
}

function digestOfBody(sha512: Buffer, name: DigestName): Buffer {
  if (name === 'SHA-512') return sha512
  // The body was hashed with SHA-512 only while it streamed. We ask peers for SHA-512 (x-hash-algorithm) and
  // accept no other algorithm here.
  throw new Fault('invalid_reference', { what: `the body is signed with ${name}, SHA-512 is needed` })
}
