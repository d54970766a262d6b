/**
 * A development certification authority with its OCSP responder and time-stamping authority, for tests in
 * process and for the trust services. Never for production: its keys are unprotected, and it issues
 * certificates to everybody who asks.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import path from 'node:path'
import type { Certificate } from '#core/certificate/certificate.ts'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { attribute, type Name } from '#core/certificate/name.ts'
import type { Clock } from '#platform/clock.ts'
import {
  type Identities,
  LEDGER_FILE,
  type Role,
  readIdentities,
  writeIdentities,
} from './authority-files.ts'
import { checkSubject } from './ca/check-subject.ts'
import { issueCertificate, type Subject } from './ca/issue-certificate.ts'
import { readCertificateRequest } from './ca/read-request.ts'
import { generateKey, type KeyKind } from './keys.ts'
import { openLedger } from './ledger.ts'
import { answerOcsp } from './ocsp-responder/answer.ts'
import { AUTHORITY_PROFILES, PROFILES, type Profile, type ProfileName } from './profiles.ts'
import type { Conditions } from './switches.ts'
import { answerTimeStamp } from './tsa/answer.ts'

export { SUBJECT_PROFILE_CLASS } from './profiles.ts'

export type IssueRequest = {
  /** PKCS #10, DER or PEM. */
  request: Buffer
  profile: ProfileName
  /** Replaces the subject of the request, unchecked: for certificates that are wrong on purpose. */
  subject?: Subject
  notBefore?: Date
  notAfter?: Date
  /** The time of issue; by default the clock's. */
  at?: Date
}

export type Authority = {
  instance: string
  clock: Clock
  root: Certificate
  intermediate: Certificate
  /**
   * The certificate of the responder for certificates that the intermediate issued; the intermediate issued
   * it. The root answers for the intermediate.
   */
  ocspResponder: Certificate
  tsa: Certificate
  /** Throws `invalid_request` if no certificate may be issued for the request. */
  issue(q: IssueRequest): Promise<Certificate>
  /** `reason` is a CRLReason code. Throws `not_found` for a serial number that was never issued. */
  revoke(serialNumber: bigint, reason?: number): void
  ocspAnswer(request: Buffer, conditions?: Partial<Conditions>): Buffer
  timeStamp(request: Buffer, conditions?: Partial<Conditions>): Buffer
}

type AuthorityQuestion = {
  /**
   * Where keys, certificates and the ledger are stored; created if missing. By default they are in memory
   * only.
   */
  directory?: string
  clock: Clock
  instance: string
  curveOrRsa?: KeyKind
  /** The address of the responder, to be written into certificates. */
  ocspUrl?: string
  /** From thisUpdate to nextUpdate; by default an hour. */
  ocspValiditySeconds?: number
}

const DAY_MS = 86_400_000
// Clocks of the machines that verify the certificate may be a little behind.
const BACKDATE_MS = 300_000
// OCSP answers that are stale on purpose must still be within the validity of the authority's own
// certificates.
const AUTHORITY_BACKDATE_MS = 30 * DAY_MS
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

/** Opens the authority in `directory`, or creates a new one. */
export async function createAuthority(q: AuthorityQuestion): Promise<Authority> {
  const { directory } = q
  let identities = directory === undefined ? undefined : await readIdentities(directory, q.instance)
  const isNew = identities === undefined
  identities ??= await newIdentities(q)
  if (isNew && directory !== undefined) await writeIdentities(directory, q.instance, identities)
  const ledger = openLedger(directory === undefined ? undefined : path.join(directory, LEDGER_FILE))
  for (const role of ['intermediate', 'ocsp-responder', 'tsa'] as const) {
    const { certificate } = identities[role]
    // After a crash between writing the keys and the ledger, the ledger may lack the authority's own
    // certificates.
    if (ledger.find(certificate.serialNumber) !== undefined) continue
    ledger.issued(certificate, role === 'intermediate' ? 'root' : 'intermediate', role)
  }
  const { root, intermediate, tsa } = identities
  const responder = identities['ocsp-responder']
  const ocsp = {
    root,
    intermediate,
    responder,
    stranger: tsa,
    ledger,
    validitySeconds: q.ocspValiditySeconds ?? 3600,
  }
  const whole = ({ at = new Date(q.clock()), mode = 'none' }: Partial<Conditions>): Conditions => ({
    at,
    mode,
  })
  const stamping = { tsa, intermediate: intermediate.certificate, stranger: responder }
  return {
    instance: q.instance,
    clock: q.clock,
    root: root.certificate,
    intermediate: intermediate.certificate,
    ocspResponder: responder.certificate,
    tsa: tsa.certificate,
    issue: async (request) => {
      const certificate = await issueTo(q, intermediate, request)
      ledger.issued(certificate, 'intermediate', request.profile)
      return certificate
    },
    revoke: (serialNumber, reason) => ledger.revoked(serialNumber, new Date(q.clock()), reason),
    ocspAnswer: (request, conditions = {}) => answerOcsp(ocsp, request, whole(conditions)),
    timeStamp: (request, conditions = {}) => answerTimeStamp(stamping, request, whole(conditions)),
  }
}

type Identity = Identities[Role]

async function newIdentities(q: AuthorityQuestion): Promise<Identities> {
  const kind = q.curveOrRsa ?? 'P-256'
  const make = async (role: Role, commonName: string, issuer?: Identity): Promise<Identity> => {
    const privateKey = await generateKey(kind)
    const profile = role === 'root' || role === 'intermediate' ? AUTHORITY_PROFILES[role] : PROFILES[role]
    const subject: Subject = [
      ['C', 'FI'],
      ['O', `${q.instance} development trust services`],
      ['CN', commonName],
    ]
    const publicKey = createPublicKey(privateKey)
    const certificate = await issueCertificate({
      subject,
      publicKey,
      profile,
      issuer: issuer === undefined ? { name: subject, publicKey, privateKey } : issuerOf(issuer),
      ...validityOf(q.clock(), profile, issuer),
      notBefore: new Date(q.clock() - AUTHORITY_BACKDATE_MS),
    })
    return { certificate, privateKey }
  }
  const root = await make('root', 'Development root CA')
  const intermediate = await make('intermediate', 'Development CA', root)
  return {
    root,
    intermediate,
    'ocsp-responder': await make('ocsp-responder', 'Development OCSP responder', intermediate),
    tsa: await make('tsa', 'Development TSA', intermediate),
  }
}

async function issueTo(q: AuthorityQuestion, issuer: Identity, request: IssueRequest): Promise<Certificate> {
  const profile = PROFILES[request.profile]
  const { subject, publicKey, subjectAltName } = readCertificateRequest(request.request)
  if (request.subject === undefined) checkSubject(subject, profile.subject, q.instance)
  const validity = validityOf(request.at?.getTime() ?? q.clock(), profile, issuer)
  return issueCertificate({
    subject: request.subject ?? subject.der,
    publicKey,
    profile,
    issuer: issuerOf(issuer),
    notBefore: request.notBefore ?? validity.notBefore,
    notAfter: request.notAfter ?? validity.notAfter,
    subjectAltName,
    dnsName: profile.subject === 'server' ? dnsNameOf(subject) : undefined,
    ocspUrl: q.ocspUrl,
  })
}

function issuerOf({ certificate, privateKey }: Identity): {
  name: Buffer
  publicKey: KeyObject
  privateKey: KeyObject
} {
  return { name: certificate.subject.der, publicKey: publicKeyOf(certificate), privateKey }
}

/** As long as the profile says, but never longer than the issuer's certificate. */
function validityOf(
  now: number,
  profile: Profile,
  issuer: Identity | undefined,
): { notBefore: Date; notAfter: Date } {
  const end = now + profile.days * DAY_MS
  const limit = issuer?.certificate.notAfter.getTime() ?? end
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(Math.min(end, limit)) }
}

function dnsNameOf(subject: Name): string | undefined {
  const name = attribute(subject, 'CN')
  return name !== undefined && DNS_NAME.test(name) ? name : undefined
}
