/** A management request in the form of the API, its state and kind in words. */

import type { Certificate } from '../../kit/certificate.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

export type Request = {
  id: number
  kind: string
  state: 'WAITING' | 'SUBMITTED_FOR_APPROVAL' | 'APPROVED' | 'DECLINED' | 'REVOKED'
  owner: string
  server: string
  client?: string
  filedAt: string
  decidedAt?: string
  decidedBy?: string
  reason?: string
}

export type Proof = {
  signer: string
  format: string
  createdAt: string
  verifiedAt: string
  validUntil?: string
  /** Absent when the signature is on the message that `passedOnBy` verified. */
  signingCertificate?: Certificate
  authenticationCertificate?: Certificate
  passedOnBy?: Certificate
}

/** A request with everything needed to decide on it. */
export type WholeRequest = Request & {
  subject: Record<string, string>
  contentHash: string
  proofs: Proof[]
  /** Members whose signature is still missing. */
  waitsFor: string[]
  changes: { what: string; before: string | null; after: string | null }[]
  conflicts: string[]
  /** Set when the owner files the request for another member. */
  hosting?: {
    host: string
    client: string
    required: boolean
    mandate?: { id: number; validUntil: string }
  }
}

export const STATES = ['WAITING', 'SUBMITTED_FOR_APPROVAL', 'APPROVED', 'DECLINED', 'REVOKED'] as const

export const KINDS = [
  'authCertReg',
  'authCertDeletion',
  'clientReg',
  'clientDeletion',
  'clientDisable',
  'clientEnable',
  'clientRename',
  'ownerChange',
  'addressChange',
  'maintenanceModeEnable',
  'maintenanceModeDisable',
] as const

const TONES: Record<Request['state'], Tone> = {
  WAITING: 'quiet',
  SUBMITTED_FOR_APPROVAL: 'warn',
  APPROVED: 'good',
  DECLINED: 'bad',
  REVOKED: 'quiet',
}

export function RequestState({ state }: Pick<Request, 'state'>) {
  return <Status tone={TONES[state]} word={`request.${state}` as TextKey} />
}

export function kindName(kind: string): string {
  return text(`kind.${kind}` as TextKey)
}

export function isUndecided({ state }: Pick<Request, 'state'>): boolean {
  return state === 'WAITING' || state === 'SUBMITTED_FOR_APPROVAL'
}
