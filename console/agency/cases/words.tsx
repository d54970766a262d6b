/** A case in words: its state, and the difference between the two logs. */
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

export type CaseState = 'open' | 'explained' | 'closed'

export type Case = {
  id: number
  reconciliationId: number
  day: string
  memberId: string
  peerMemberId: string
  peerServer: string
  ownSide: 'first' | 'second'
  state: CaseState
  requestId: string | null
  finding: { class: string; at?: string; reason: string; asks: string }
  note: string
  openedAt: string
  changedAt: string
  changedBy: string | null
  assignee: string | null
}

export const STATES: Record<CaseState, [Tone, TextKey]> = {
  open: ['warn', 'cases.open'],
  explained: ['quiet', 'cases.explained'],
  closed: ['good', 'cases.closed'],
}

export function CaseStatus({ of }: { of: CaseState }) {
  const [tone, word] = STATES[of]
  return <Status tone={tone} word={word} />
}

const REASONS: Record<string, TextKey> = {
  'missing exchange': 'cases.missingExchange',
  'missing reply': 'cases.missingReply',
  'missing receipt': 'cases.missingReceipt',
  'missing event': 'cases.missingEvent',
  'missing confirmation': 'cases.missingConfirmation',
  'differing request': 'cases.differingRequest',
  'differing reply': 'cases.differingReply',
  'differing outcome': 'cases.differingOutcome',
  'differing receipt': 'cases.differingReceipt',
  'differing event': 'cases.differingEvent',
  'differing confirmation': 'cases.differingConfirmation',
}

export function Finding({ of: { finding, ownSide } }: { of: Pick<Case, 'finding' | 'ownSide'> }) {
  const { class: kind, at, reason } = finding
  const known = REASONS[`${kind} ${reason}`]
  return (
    <>
      {known === undefined ? `${kind}: ${reason}` : text(known)}
      {at !== undefined && (
        <span class="beside"> {text(at === ownSide ? 'cases.missingHere' : 'cases.missingThere')}</span>
      )}
    </>
  )
}
