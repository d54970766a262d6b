/** A state as a word with its colour and its own shape: never the colour alone. */
import { Icon } from './icon.tsx'
import { type TextKey, text } from './text.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'quiet'

export function Status({ tone, word }: { tone: Tone; word: TextKey }) {
  return (
    <span class={`status ${tone}`}>
      <Icon name={tone} /> {text(word)}
    </span>
  )
}

const SOON_MS = 30 * 86_400_000

/** Whether something is valid, ends soon or has ended. */
export function Validity({ notBefore, notAfter }: { notBefore?: string; notAfter: string }) {
  const left = Date.parse(notAfter) - Date.now()
  if (left <= 0) return <Status tone="bad" word="status.expired" />
  if (notBefore !== undefined && Date.parse(notBefore) > Date.now())
    return <Status tone="warn" word="status.notYet" />
  return left < SOON_MS ? (
    <Status tone="warn" word="status.endsSoon" />
  ) : (
    <Status tone="good" word="status.valid" />
  )
}
