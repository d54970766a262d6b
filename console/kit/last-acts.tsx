/** The last acts of administrators, in sentences. */
import { ActSentence, type AuditEntry, nameIn, proposedIn } from './act-sentence.tsx'
import { Link } from './address.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

/** So many are asked for, and so many kinds are shown: what a program does each minute leaves room for what people did. */
const ASKED = '50'
const SHOWN = 8

/** `fixed`: filters of this console. `all`: the page of all acts. */
export function LastActs({ fixed = {}, all }: { fixed?: Record<string, string>; all: string }) {
  const acts = useAnswer<AuditEntry[]>('getAuditLog', { query: { ...fixed, limit: ASKED } })
  return (
    <Part title={text('acts.last')} acts={<Link to={all}>{text('acts.all')}</Link>}>
      <Show of={acts}>
        {(entries) =>
          entries.length === 0 ? (
            <p>{text('acts.empty')}</p>
          ) : (
            <ul class="lines">
              {told(entries).map(({ entry, count }) => (
                <li key={entry.sequence}>
                  <ActSentence of={entry} />{' '}
                  {count > 1 && <span class="beside">{text('acts.timesLast', { count })}</span>}{' '}
                  <Time at={entry.at} relative />
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Part>
  )
}

/** The same act of the same person on the same thing is one line, at the place of the newest. Newest first. */
function told(entries: readonly AuditEntry[]): { entry: AuditEntry; count: number }[] {
  const lines = new Map<string, { entry: AuditEntry; count: number }>()
  for (const entry of entries) {
    const { caller, operation, target, data } = entry
    const same = JSON.stringify([caller.id, operation, target, proposedIn(operation, data), nameIn(data)])
    const line = lines.get(same)
    if (line === undefined) lines.set(same, { entry, count: 1 })
    else line.count += 1
  }
  return [...lines.values()].slice(0, SHOWN)
}
