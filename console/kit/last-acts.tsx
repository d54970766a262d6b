/** The last acts of administrators, in sentences. */
import { ActSentence, type AuditEntry } from './act-sentence.tsx'
import { Link } from './address.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'
import { ASKED, toldActs } from './told-acts.ts'

/** `fixed`: filters of this console. `all`: the page of all acts. */
export function LastActs({ fixed = {}, all }: { fixed?: Record<string, string>; all: string }) {
  const acts = useAnswer<AuditEntry[]>('getAuditLog', { query: { ...fixed, limit: String(ASKED) } })
  return (
    <Part title={text('acts.last')} acts={<Link to={all}>{text('acts.all')}</Link>}>
      <Show of={acts}>
        {(entries) =>
          entries.length === 0 ? (
            <p>{text('acts.empty')}</p>
          ) : (
            <ul class="lines">
              {toldActs(entries).map(({ entry, count, isAll }) => (
                <li key={entry.sequence}>
                  <ActSentence of={entry} />{' '}
                  {count > 1 && (
                    <span class="beside">
                      {isAll ? text('acts.timesLast', { count }) : text('acts.atLeastTimesLast', { count })}
                    </span>
                  )}{' '}
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
