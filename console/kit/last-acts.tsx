/** The last acts of administrators, in sentences. */
import { ActSentence, type AuditEntry } from './act-sentence.tsx'
import { Link } from './address.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

/** `isAll`: what is older cannot be one of these acts. */
type LastAct = AuditEntry & { count: number; isAll: boolean }

/** `all`: the page of all acts. */
export function LastActs({ all }: { all: string }) {
  const acts = useAnswer<LastAct[]>('getLastActs')
  return (
    <Part title={text('acts.last')} acts={<Link to={all}>{text('acts.all')}</Link>}>
      <Show of={acts}>
        {(entries) =>
          entries.length === 0 ? (
            <p>{text('acts.empty')}</p>
          ) : (
            <ul class="lines">
              {entries.map(({ count, isAll, ...entry }) => (
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
