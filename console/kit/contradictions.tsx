/** Two signed notes that cannot both be true: what they say about a log, and their exact text. */
import { Status } from './status.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

export type Contradiction = {
  time: string
  /** The witness that saw it, or the server whose log it is about. */
  witness: string
  kind: string
  ownCheckpoint: string
  knownCheckpoint: string | null
}

const KINDS: Record<string, TextKey> = {
  rollback: 'contradiction.rollback',
  fork: 'contradiction.fork',
  unproven: 'contradiction.unproven',
  'witness-rollback': 'contradiction.witnessRollback',
}

export function Contradictions({ of, none }: { of: Contradiction[]; none: TextKey }) {
  if (of.length === 0)
    return (
      <p>
        <Status tone="good" word={none} />
      </p>
    )
  return (
    <ul class="plain-list">
      {of.map(({ time, witness, kind, ownCheckpoint, knownCheckpoint }) => (
        <li key={`${time} ${witness} ${kind}`}>
          <p>
            <Status tone="bad" word={KINDS[kind] ?? 'contradiction.other'} />{' '}
            <bdi class="id wrap">{witness}</bdi> <Time at={time} relative />
          </p>
          <Note title="contradiction.one" of={ownCheckpoint} />
          {knownCheckpoint !== null && <Note title="contradiction.two" of={knownCheckpoint} />}
        </li>
      ))}
    </ul>
  )
}

function Note({ title, of }: { title: TextKey; of: string }) {
  return (
    <details>
      <summary>{text(title)}</summary>
      <p class="id wrap lines">{of}</p>
    </details>
  )
}
