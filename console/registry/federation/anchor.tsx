/** An external anchor in the form of the API, and the words for its state. */
import { Status, type Tone } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type AnchorState = 'EXAMINED' | 'TRUSTED' | 'REPLACED' | 'REMOVED'
export const STATES: AnchorState[] = ['EXAMINED', 'TRUSTED', 'REPLACED', 'REMOVED']

export type ExternalAnchor = {
  sha256: string
  hash: string
  instance: string
  generatedAt: string
  state: AnchorState
  examinedAt: string
  examinedBy: string
  decidedAt: string | null
  decidedBy: string | null
  /** The last configuration that was read through a trusted anchor. */
  reading: {
    readAt: string | null
    expiresAt: string | null
    isValid: boolean
    index: number | null
    triedAt: string | null
    failure: string | null
  } | null
}

const TONES: Record<AnchorState, Tone> = {
  EXAMINED: 'warn',
  TRUSTED: 'good',
  REPLACED: 'quiet',
  REMOVED: 'quiet',
}

export function StateOf({ state }: Pick<ExternalAnchor, 'state'>) {
  return <Status tone={TONES[state]} word={`federation.${state}`} />
}

/** Whether our servers and the registry have a configuration of that instance now. */
export function ReadingOf({ reading }: Pick<ExternalAnchor, 'reading'>) {
  if (reading === null) return null
  const { isValid, failure, expiresAt } = reading
  const word = !isValid ? 'federation.unreadable' : failure === null ? 'federation.read' : 'federation.stale'
  return (
    <>
      <Status tone={!isValid ? 'bad' : failure === null ? 'good' : 'warn'} word={word} />{' '}
      {expiresAt !== null && (
        <span class="beside">
          {text('federation.until')} <Time at={expiresAt} relative />
        </span>
      )}
    </>
  )
}
