/**
 * Security servers that file management requests with a registry, correct and incorrect: keys, certificates,
 * signed documents.
 */
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import type { Authority } from '#certs/authority.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { DOCUMENT_TYPE } from '#schemas/management-request.ts'
import { certificationRequest } from '#security-server/keys/certification-request.ts'

/** A key with its certificate from this authority. */
export type Party = { certificate: Certificate; key: KeyObject; authority: Authority }

type IssueOptions = Omit<Parameters<Authority['issue']>[0], 'request' | 'profile' | 'subject'>

/** The signing key of "DEV/GOV/1234". */
export function signingParty(authority: Authority, member: string, o: IssueOptions = {}): Promise<Party> {
  const [instance, memberClass, code] = member.split('/') as [string, string, string]
  return party(authority, 'signing', code, `${instance}/SS/${memberClass}`, o)
}

/** The authentication key of a server. */
export function authenticationParty(authority: Authority, o: IssueOptions = {}): Promise<Party> {
  return party(authority, 'authentication', 'ss.example', 'DEV/SS/GOV', o)
}

async function party(
  authority: Authority,
  profile: 'signing' | 'authentication',
  commonName: string,
  serialNumber: string,
  o: IssueOptions,
): Promise<Party> {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const request = certificationRequest({ privateKey: key, subject: [{ type: 'CN', value: commonName }] })
  const subject: [string, string][] = [
    ['C', 'FI'],
    ['O', 'Agency'],
    ['CN', commonName],
    ['serialNumber', serialNumber],
  ]
  return { certificate: await authority.issue({ request, profile, subject, ...o }), key, authority }
}

// As old as new certificates are (certs/authority.ts): the clock of a test stands, and a busy machine works
// for minutes meanwhile.
const OCSP_AGE_MS = 300_000

/** Fresh OCSP responses for the certificate and its intermediate. */
export function ocspFor(
  { certificate, authority }: Party,
  conditions: Parameters<Authority['ocspAnswer']>[1] = {},
): Buffer[] {
  const { intermediate, root } = authority
  const at = new Date(authority.clock() - OCSP_AGE_MS)
  return [
    authority.ocspAnswer(buildOcspRequest(certificate, intermediate), { at, ...conditions }),
    authority.ocspAnswer(buildOcspRequest(intermediate, root), { at }),
  ]
}

/** The fields that every document has, for one made at `at`. */
export function headOf(signer: string, at: number): { id: string; createdAt: string; signer: string } {
  return { id: randomUUID(), createdAt: new Date(at).toISOString(), signer }
}

/**
 * A document signed with the signing key, with OCSP responses, and with the authentication key when there is
 * one.
 */
export function signedDocument(
  purpose: keyof typeof DOCUMENT_TYPE,
  document: object,
  signing: Party,
  o: { authentication?: Party | undefined; ocsp?: Buffer[] } = {},
): Buffer {
  const signers = [
    { certificates: [signing.certificate], ocspResponses: o.ocsp ?? ocspFor(signing), key: signing.key },
    ...(o.authentication === undefined
      ? []
      : [{ certificates: [o.authentication.certificate], ocspResponses: [], key: o.authentication.key }]),
  ]
  return Buffer.from(writeSignedJson(document, DOCUMENT_TYPE[purpose], signers))
}
