/**
 * An act of the audit log in words: who did what to which thing. The names of operations and addresses are on
 * demand.
 */
import { bodyOf, isOfProposal, isOfServer, objectOf, proposedIn } from './act-thing.ts'
import { GivenValues } from './given-values.tsx'
import { NamedInWords, NamedServerInWords } from './named.tsx'
import { operationName } from './proposal.tsx'
import { ProposalInWords } from './proposal-in-words.tsx'
import { type TextKey, text, textIfAny } from './text.ts'

export type AuditEntry = {
  sequence: number
  at: string
  caller: { id: string; name: string }
  operation: string
  target: string
  data: unknown
  digest: string
}

/**
 * Stands for the thing while the sentence is made, so that the name of a thing is told from the words around
 * it.
 */
const PLACE = '\u0000'

export function ActSentence({ of: { caller, operation, target, data } }: { of: AuditEntry }) {
  const proposed = proposedIn(operation, data)
  const what = objectOf(proposed ?? operation, target, data)
  const key: TextKey =
    textIfAny(`did.${operation}`) === undefined ? 'did.other' : (`did.${operation}` as TextKey)
  const [before = '', after] = text(key, { who: caller.name, operation, what: PLACE }).split(PLACE)
  return (
    <>
      <bdi>{before}</bdi>
      {proposed !== undefined && <bdi>{operationName(proposed)}</bdi>}
      {proposed !== undefined && what !== '' && ' '}
      {after === undefined && what !== '' && ' '}
      {what !== '' && <Thing operation={proposed ?? operation} data={data} what={what} />}
      <bdi>{after}</bdi>
    </>
  )
}

function Thing({ operation, data, what }: { operation: string; data: unknown; what: string }) {
  if (isOfProposal(operation)) return <ProposalInWords id={what} />
  if (isOfServer(operation, bodyOf(data))) return <NamedServerInWords id={what} />
  return <NamedInWords id={what} />
}

/** What was given with an act, and the record itself. */
export function ActDetails({ of: { sequence, operation, target, data, digest } }: { of: AuditEntry }) {
  return (
    <details>
      <summary aria-label={text('acts.detailsOf', { sequence })}>{text('acts.details')}</summary>
      <p class="beside">
        {text('audit.sequence')} {String(sequence)} · {text('acts.itsOperation')}{' '}
        <bdi class="id">{operation}</bdi>
      </p>
      <p class="beside">
        {text('acts.itsTarget')} <bdi class="id wrap">{target}</bdi>
      </p>
      {data !== null && <GivenValues of={data} />}
      <p class="beside">
        {text('audit.digest')} <bdi class="id">{digest}</bdi>
      </p>
    </details>
  )
}
