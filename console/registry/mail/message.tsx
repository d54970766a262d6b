/**
 * A message of the outbox in the form of the API, its state in words, and the acts on one that was not
 * delivered.
 */
import { Act } from '../../kit/act.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'

export const STATES = ['WAITING', 'SENT', 'REFUSED', 'GIVEN_UP'] as const
type State = (typeof STATES)[number]

export type Message = {
  id: number
  subject: string
  recipient: string
  state: State
  attempts: number
  createdAt: string
  lastError?: string
  endedAt?: string
}

/** Whether anything is sent at all, and how many messages are in each state. */
export type Delivery = { isConfigured: boolean; messages: Record<State, number> }

const TONES: Record<State, Tone> = { WAITING: 'quiet', SENT: 'good', REFUSED: 'bad', GIVEN_UP: 'bad' }

export function MessageState({ of: { state, attempts } }: { of: Message }) {
  // An attempt failed, and the message is tried again.
  const isLate = state === 'WAITING' && attempts > 0
  return <Status tone={isLate ? 'warn' : TONES[state]} word={isLate ? 'mail.late' : `mail.${state}`} />
}

export function MessageActs({ of: { id, state, recipient, subject } }: { of: Message }) {
  if (state === 'WAITING' || state === 'SENT') return null
  const params = { id: String(id) }
  const about = (
    <p class="wrap">
      <bdi>{subject}</bdi>
      <br />
      <bdi class="id">{recipient}</bdi>
    </p>
  )
  return (
    <div class="acts">
      <Act
        operation="retryMailMessage"
        button={text('mail.retry')}
        label={text('mail.retryThis', { recipient, subject })}
        title={text('mail.retryTitle', { recipient })}
        consequence={
          <>
            {about}
            <p>{text('mail.retryConsequence')}</p>
          </>
        }
        send={(_, call) => call('retryMailMessage', { params })}
        result={() => <p>{text('mail.retried')}</p>}
      />
      <Act
        operation="forgetMailMessage"
        button={text('mail.forget')}
        label={text('mail.forgetThis', { recipient, subject })}
        title={text('mail.forgetTitle', { recipient })}
        consequence={
          <>
            {about}
            <p>{text('mail.forgetConsequence')}</p>
          </>
        }
        send={(_, call) => call('forgetMailMessage', { params })}
        result={() => <p>{text('mail.forgotten')}</p>}
      />
    </div>
  )
}

/** For messages that were given up while the mail server was away for too long. */
export function RetryGivenUp({ count }: { count: number }) {
  if (count === 0) return null
  return (
    <Act<{ retried: number; left: number }>
      operation="retryMailMessages"
      button={text('mail.retryAll')}
      title={text('mail.retryAll')}
      consequence={<p>{text('mail.retryAllConsequence', { count })}</p>}
      send={(_, call) => call('retryMailMessages')}
      result={({ retried, left }) => (
        <>
          <p>{text('mail.retriedAll', { count: retried })}</p>
          {left > 0 && <p class="note">{text('mail.retryLeft', { count: left })}</p>}
        </>
      )}
    />
  )
}
