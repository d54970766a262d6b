/** Management requests in words: what was filed, how it stands, and who has to act. */
import { Link } from '../../kit/address.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

type FiledState = 'WAITING' | 'SUBMITTED_FOR_APPROVAL' | 'APPROVED' | 'DECLINED' | 'REVOKED'

/** At a central server of X-Road a request has a number, and no state that it tells. */
export type Filed = {
  request: number
  kind: string
  state?: FiledState
  serverId: string
  clientId?: string
  filedAt: string
  decidedAt?: string
  reason?: string
}

export const FILED_STATES = ['WAITING', 'SUBMITTED_FOR_APPROVAL', 'APPROVED', 'DECLINED', 'REVOKED'] as const

const TONES: Record<FiledState, Tone> = {
  WAITING: 'warn',
  SUBMITTED_FOR_APPROVAL: 'warn',
  APPROVED: 'good',
  DECLINED: 'bad',
  REVOKED: 'quiet',
}

export const kindText = (kind: string): string => text(`kind.${kind}` as TextKey)

export function isOpen({ state }: Pick<Filed, 'state'>): boolean {
  return state === 'WAITING' || state === 'SUBMITTED_FOR_APPROVAL'
}

export function FiledStateOf({ of: { state } }: { of: Pick<Filed, 'state'> }) {
  if (state === undefined) return <Status tone="quiet" word="filed.sent" />
  return <Status tone={TONES[state]} word={`request.${state}`} />
}

/** The result of an act that files a request: it changes nothing before the registry has decided. */
export function FiledResult({ of }: { of: Filed }) {
  return (
    <>
      <p>
        <strong>{text('filed.now', { number: String(of.request) })}</strong> <FiledStateOf of={of} />
      </p>
      {of.state !== undefined && <p>{text(`filed.next.${of.state}`)}</p>}
      <p>
        <Link to="/requests">{text('filed.see')}</Link>
      </p>
    </>
  )
}
