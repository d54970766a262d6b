/**
 * Verifies the proofs in a signed document before any other code uses it; pure. An approved CA issued the
 * signer's certificate, its status is fresh, the signature was made for this instance and now. For an
 * authentication certificate, the signer also has its key.
 */

import type { Certificate } from '#core/certificate/certificate.ts'
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import {
  DOCUMENT_TYPE,
  type FiledRequest,
  type Revocation,
  type StatusQuery,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { SignedWith } from '../../documents/taken-store.ts'
import { verified } from '../../documents/verify-document.ts'
import type { Trust } from '../../documents/verify-signer.ts'
import { describeCertificate, type ProofFacts, verifySigner } from '../../documents/verify-signer.ts'
import { checkNewCertificate } from '../../servers/rules.ts'
import { readFiledRequest, readRevocation, readStatusQuery } from './document.ts'
import { checkSigner } from './rules.ts'

/** A filed request with the facts that it proves. Throws the fault of the first proof that fails. */
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
      what: say`an authentication certificate is registered by two signatures, all else by one`,
    })
  const facts = verifySigner(request, signing, trust)
  checkSigner(request, request.signer)
  if (authentication === undefined) return { request, facts }
  const certificate = verifyAuthenticationCertificate(request, trust)
  if (certificate.sha256 !== authentication.certificate.sha256)
    throw new Fault('incorrect_certificate', { what: say`the second signature is by another certificate` })
  return { request, facts: { ...facts, authenticationCertificate: describeCertificate(certificate) } }
}

export function verifyStatusQuery(bytes: Buffer, trust: Trust): SignedWith<StatusQuery> {
  return verified(bytes, DOCUMENT_TYPE.query, readStatusQuery, trust)
}

export function verifyRevocation(bytes: Buffer, trust: Trust): SignedWith<Revocation> {
  return verified(bytes, DOCUMENT_TYPE.revoke, readRevocation, trust)
}

/**
 * Returns the authentication certificate in a request. Throws unless it is valid now, an approved CA issued
 * it, and it meets the demands of the CA's profile.
 */
export function verifyAuthenticationCertificate(
  { certificate = '' }: FiledRequest,
  trust: Trust,
): Certificate {
  return checkNewCertificate(Buffer.from(certificate, 'base64'), trust.configuration, new Date(trust.now))
}
