/** The latest acts on one thing, for those who may read the audit log. */

import type { AuditEntry } from '../kit/act-sentence.tsx'
import { bodyOf, nameIn, proposedIn } from '../kit/act-thing.ts'
import { Link } from '../kit/address.tsx'
import { BASE, segmentOf } from '../kit/api.ts'
import { useMay } from '../kit/context.ts'
import { Part } from '../kit/facts.tsx'
import { useAnswer } from '../kit/load.ts'
import { NamedInSentence, NamedServerInSentence } from '../kit/named.tsx'
import { Show } from '../kit/placeholders.tsx'
import { operationName } from '../kit/proposal.tsx'
import { text } from '../kit/text.ts'
import { Timeline } from '../kit/timeline.tsx'

const SHOWN = '10'

/** `of` and `id` make the thing's path in the API, such as "members/DEV:GOV:1". */
export function History({ of, id }: { of: string; id: string }) {
  return useMay('getAuditLog') ? <Acts target={`${BASE}/${of}/${segmentOf(id)}`} /> : null
}

function Acts({ target }: { target: string }) {
  const acts = useAnswer<AuditEntry[]>('getAuditLog', { query: { target, limit: SHOWN } })
  return (
    <Part
      title={text('history.title')}
      acts={<Link to={`/audit-log?target=${encodeURIComponent(target)}`}>{text('history.all')}</Link>}
    >
      <Show of={acts}>
        {(entries) =>
          entries.length === 0 ? (
            <p>{text('history.none')}</p>
          ) : (
            <Timeline
              events={entries.map((entry) => ({
                key: entry.sequence,
                at: entry.at,
                what: <What of={entry} />,
                who: entry.caller.name,
              }))}
            />
          )
        }
      </Show>
    </Part>
  )
}

/**
 * The act, and what it named beside the page's own thing: which client was registered. A proposal names the
 * proposed operation.
 */
function What({ of: { operation, data } }: { of: AuditEntry }) {
  const proposed = proposedIn(operation, data)
  const named = nameIn(data)
  return (
    <>
      {proposed === undefined
        ? operationName(operation)
        : text('history.proposed', { what: operationName(proposed) })}
      {named !== '' && ' '}
      {named !== '' &&
        (bodyOf(data)['kind'] === 'server' ? (
          <NamedServerInSentence id={named} />
        ) : (
          <NamedInSentence id={named} />
        ))}
    </>
  )
}
