/** The last acts of administrators, in sentences. */
import { ActSentence, type AuditEntry } from './act-sentence.tsx'
import { Link } from './address.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

const SHOWN = '8'

/** `fixed`: filters of this console. `all`: the page of all acts. */
export function LastActs({ fixed = {}, all }: { fixed?: Record<string, string>; all: string }) {
  const acts = useAnswer<AuditEntry[]>('getAuditLog', { query: { ...fixed, limit: SHOWN } })
  return (
    <Part title={text('acts.last')} acts={<Link to={all}>{text('acts.all')}</Link>}>
      <Show of={acts}>
        {(entries) =>
          entries.length === 0 ? (
            <p>{text('acts.empty')}</p>
          ) : (
            <ul class="lines">
              {entries.map((entry) => (
                <li key={entry.sequence}>
                  <ActSentence of={entry} /> <Time at={entry.at} relative />
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Part>
  )
}
