/** A complaint in words: its state, its reason, what was found of the use. */
import { Folded } from '../../kit/folded.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { FoldedId } from '../words.tsx'

type State = 'received' | 'seen' | 'answered' | 'closed'
export type Finding = 'justified' | 'not-justified' | 'cannot-be-said'
type Party = { id: string; name?: string }

export type Complaint = {
  id: number
  number: string
  clientId: string
  role: 'provider' | 'consumer'
  record: number
  toldIn: number
  usedAt: string
  messageId: string
  requestId: string
  consumer: Party
  service: Party
  contract: string | null
  broughtBy: string
  reason: string
  wantsAnswer: boolean
  state: State
  receivedAt: string
  seenAt: string | null
  answeredAt: string | null
  closedAt: string | null
  dueAt: string
  isLate: boolean
  finding: Finding | 'withdrawn' | null
  assignee: string | null
}

export const STATES: Record<State, [Tone, TextKey]> = {
  received: ['warn', 'complaints.received'],
  seen: ['warn', 'complaints.seen'],
  answered: ['quiet', 'complaints.answered'],
  closed: ['good', 'complaints.closed'],
}

export function ComplaintStatus({ of: { state, isLate } }: { of: Pick<Complaint, 'state' | 'isLate'> }) {
  const [tone, word] = STATES[state]
  return (
    <>
      <Status tone={tone} word={word} />
      {isLate && (
        <>
          {' '}
          <Status tone="bad" word="complaints.late" />
        </>
      )}
    </>
  )
}

const REASONS: Record<string, TextKey> = {
  'not-known': 'complaints.notKnown',
  'no-dealings': 'complaints.noDealings',
  'too-much': 'complaints.tooMuch',
  'too-often': 'complaints.tooOften',
  other: 'complaints.other',
}

export function reasonText(reason: string): string {
  const key = REASONS[reason]
  return key === undefined ? reason : text(key)
}

export const FINDINGS: Record<Finding, TextKey> = {
  justified: 'complaints.justified',
  'not-justified': 'complaints.notJustified',
  'cannot-be-said': 'complaints.cannotBeSaid',
}

export function findingText(finding: Finding | 'withdrawn'): string {
  return text(finding === 'withdrawn' ? 'complaints.withdrawn' : FINDINGS[finding])
}

/** In a row among many: the service and whose it is, or who asked; the id on demand. */
export function PartyInRow({ of: { id, name } }: { of: Party }) {
  if (name === undefined) return <FoldedId of={id} />
  const service = id.split(':').slice(4).join('/')
  return (
    <Folded
      name={<bdi>{service === '' ? name : service}</bdi>}
      beside={service !== '' && <bdi class="beside">{name}</bdi>}
    >
      <bdi class="id beside">{id}</bdi>
    </Folded>
  )
}

/** The name of its member, and its identifier. */
export function PartyOf({ of: { id, name } }: { of: Party }) {
  return (
    <>
      {name !== undefined && <bdi>{name}</bdi>} <bdi class="id">{id}</bdi>
    </>
  )
}
