/** Rules for management requests: states and acts, who has to sign, what an approval would change; pure. */
import { createHash } from 'node:crypto'
import { canonicalHash } from '#core/canonical/canonical-hash.ts'
import { Fault } from '#schemas/fault.ts'
import { parseClientId } from '#schemas/identifiers.ts'
import {
  otherOf,
  ownerOf,
  type RequestState,
  type RequestSubject,
  signersOf,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'

export type Act = 'complement' | 'approve' | 'decline' | 'revoke'

const NEXT: Record<RequestState, Partial<Record<Act, RequestState>>> = {
  WAITING: { complement: 'SUBMITTED_FOR_APPROVAL', decline: 'DECLINED', revoke: 'REVOKED' },
  SUBMITTED_FOR_APPROVAL: { approve: 'APPROVED', decline: 'DECLINED', revoke: 'REVOKED' },
  APPROVED: {},
  DECLINED: {},
  REVOKED: {},
}

const DECIDED: Partial<Record<RequestState, string>> = {
  APPROVED: 'it is approved already',
  DECLINED: 'it is declined already',
  REVOKED: 'it is revoked already',
}

/** The state after the act. Throws `conflict`, with the reason, when the state does not allow the act. */
export function next(state: RequestState, act: Act): RequestState {
  const following = NEXT[state][act]
  if (following !== undefined) return following
  const missing =
    state === 'WAITING'
      ? 'the complementary request of the other party has not come yet'
      : 'all who have to sign it have signed it'
  throw new Fault('conflict', { what: DECIDED[state] ?? missing })
}

/** Throws `access_denied` unless this member may sign the request. */
export function checkSigner(subject: RequestSubject, signer: string): void {
  const signers = Object.values(signersOf(subject)).flat()
  if (!signers.includes(signer))
    throw new Fault('access_denied', { what: say`${subject.kind} is signed by ${signers.join(' or ')}` })
}

/** The state of a request that these members have signed. */
export function stateFor(subject: RequestSubject, signed: string[]): RequestState {
  const signers = signersOf(subject)
  const complete = 'either' in signers || signers.all.every((one) => signed.includes(one))
  return complete ? 'SUBMITTED_FOR_APPROVAL' : 'WAITING'
}

/** What the register has about a request's subject at one moment. */
export type RegisterFacts = {
  server: { address: string; maintenance: string | null } | undefined
  ownerExists: boolean
  /** Whether the client or new owner exists, and whether its member does. */
  otherExists: boolean
  otherMemberExists: boolean
  otherName: string
  /** The registration of the client or new owner on the server. */
  registration: { disabled: boolean } | undefined
  /** The server on which the certificate is registered. */
  certificateServer: string | undefined
  /** Whether the certificate to register has expired since the request was filed. */
  certificateExpired: boolean
  /** Whether another server already has the id that the server would get. */
  newServerExists: boolean
  /** Which emergency suspensions concern the subject or the signers, in words. */
  suspended: string[]
  /**
   * When the request extends what the owner does for another member: whether a mandate is required, and which
   * one covers it.
   */
  hosting?: Hosting | undefined
  /** Clients that the request hosts without the mandate that this instance requires. */
  uncovered: Pick<Hosting, 'host' | 'client'>[]
}

export type Hosting = {
  host: string
  client: string
  required: boolean
  mandate?: { id: number; validUntil: string } | undefined
}

/** One change of the register in words; `before` or `after` is null when there is no value. */
export type RegisterChange = { what: string; before: string | null; after: string | null }

export type Assessment = { changes: RegisterChange[]; conflicts: string[] }

/** What an approval would change, and which conflicts would prevent it now. */
export function assess(subject: RequestSubject, facts: RegisterFacts): Assessment {
  const { kind, server } = subject
  const changes: RegisterChange[] = []
  const conflicts: string[] = []
  const change = (what: string, before: string | null, after: string | null): void => {
    if (before !== after) changes.push({ what, before, after })
    else conflicts.push(`${what} is ${after ?? 'absent'} already`)
  }
  const conflict = (holds: boolean, text: string): void => {
    if (holds) conflicts.push(text)
  }
  const other = subject.client ?? subject.newOwner ?? ''
  const registration =
    facts.registration === undefined ? null : facts.registration.disabled ? 'disabled' : 'enabled'

  conflicts.push(...facts.suspended)
  for (const { host, client } of facts.uncovered)
    conflicts.push(`${host} has no hosting mandate for ${client}, which this instance requires`)
  conflict(!facts.ownerExists, `the member ${ownerOf(subject)} is not in the register`)
  if (kind !== 'authCertReg') {
    conflict(facts.server === undefined, `the security server ${server} is not in the register`)
    conflict(
      subject.client !== undefined && kind !== 'clientReg' && registration === null,
      `${other} is not a client of the security server`,
    )
  }
  switch (kind) {
    case 'authCertReg': {
      const { certificateServer } = facts
      conflict(certificateServer !== undefined, `the certificate is registered for ${certificateServer}`)
      conflict(facts.certificateExpired, 'the certificate has expired')
      if (facts.server === undefined) change('security server', null, server)
      if (facts.server?.address !== subject.address)
        change('address', facts.server?.address ?? null, subject.address ?? null)
      change('authentication certificate', null, certificateDigest(subject))
      break
    }
    case 'authCertDeletion':
      conflict(
        facts.certificateServer !== server,
        'the certificate is not registered for this security server',
      )
      change('authentication certificate', subject.certificateSha256 ?? '', null)
      break
    case 'clientReg':
      conflict(other === ownerOf(subject), 'the owner is a client of its security server already')
      conflict(!facts.otherMemberExists, `the member ${otherOf(subject)} is not in the register`)
      if (!facts.otherExists && facts.otherMemberExists) change('subsystem', null, other)
      conflict(registration !== null, `${other} is a client of the security server already, ${registration}`)
      changes.push({ what: 'registration of the client', before: registration, after: 'enabled' })
      break
    case 'clientDeletion':
      changes.push({ what: 'registration of the client', before: registration, after: null })
      break
    case 'clientDisable':
    case 'clientEnable':
      change('registration of the client', registration, kind === 'clientEnable' ? 'enabled' : 'disabled')
      break
    case 'clientRename':
      conflict(parseClientId(other).subsystemCode === undefined, 'only a subsystem has a name to change')
      change('subsystem name', facts.otherName, subject.subsystemName ?? '')
      break
    case 'ownerChange':
      conflict(other === ownerOf(subject), 'the member owns the security server already')
      conflict(registration === null, `${other} is not a client of the security server`)
      conflict(facts.newServerExists, 'the new owner has a security server of this code')
      change('owner', ownerOf(subject), other)
      break
    case 'addressChange':
      change('address', facts.server?.address ?? null, subject.address ?? null)
      break
    case 'maintenanceModeEnable':
      change('maintenance', facts.server?.maintenance ?? null, subject.message ?? '')
      break
    case 'maintenanceModeDisable':
      change('maintenance', facts.server?.maintenance ?? null, null)
      break
  }
  return { changes, conflicts }
}

/**
 * The hash by which a request is approved: what was signed, and what an approval changes. So nobody approves
 * by what they read of a register that is another by now. `filed` covers subject and proofs.
 */
export function contentHashOf(filed: string, { changes }: Assessment): string {
  return canonicalHash({ filed, changes })
}

/** SHA-256 in hex of the certificate that a request registers. */
export function certificateDigest({ certificate = '' }: RequestSubject): string {
  return createHash('sha256').update(Buffer.from(certificate, 'base64')).digest('hex')
}
