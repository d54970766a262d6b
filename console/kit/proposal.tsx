/** A proposal in the form of the API, its state in words, and the name of its operation. */

import type { Certificate } from './certificate.tsx'
import type { Person } from './person.tsx'
import { Status, type Tone } from './status.tsx'
import { type TextKey, text, textIfAny } from './text.ts'

export type Proposal = {
  id: string
  operation: string
  target: string
  /** The values with which its operation is called, in one line. */
  summary: string
  contentSha256: string
  reason: string
  proposedBy: { kind: 'person' | 'key'; id: string; name: string }
  proposedAt: string
  expiresAt: string
  state: 'proposed' | 'approved' | 'rejected' | 'withdrawn' | 'expired' | 'failed'
  decidedBy: { id: string; name: string } | null
  decidedAt: string | null
  decisionReason: string | null
  finishedAt: string | null
  result: Record<string, unknown> | null
  failure: string | null
  mayDecide: boolean
}

/** With the text that is approved, and explanations of it. */
export type WholeProposal = Proposal & {
  content: string
  explained: {
    certificates: ({ at: string } & Partial<Certificate>)[]
    person?: Person
    service?: string
  }
}

const TONES: Record<Proposal['state'], Tone> = {
  proposed: 'warn',
  approved: 'good',
  rejected: 'bad',
  withdrawn: 'quiet',
  expired: 'quiet',
  failed: 'bad',
}

export function ProposalState({ of: { state, finishedAt } }: { of: Proposal }) {
  const isRunning = state === 'approved' && finishedAt === null
  return (
    <Status
      tone={isRunning ? 'warn' : TONES[state]}
      word={isRunning ? 'proposal.running' : (`proposal.${state}` as TextKey)}
    />
  )
}

/**
 * The name of an operation in words; where the catalogue has none, the words of its name in the API: "Add
 * subsystem".
 */
export function operationName(operation: string): string {
  return textIfAny(`operation.${operation}`) ?? wordsOf(operation)
}

function wordsOf(operation: string): string {
  const words = operation.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Who proposed it, and whether as a person or with an API key. */
export function Proposer({ of: { kind, name } }: { of: Proposal['proposedBy'] }) {
  return (
    <>
      <bdi>{name}</bdi>
      {kind === 'key' && <span class="beside"> {text('frame.byKey')}</span>}
    </>
  )
}
