/**
 * What a search, an export or a hold was narrowed to, in words: a line for each of its parts, with names in
 * place of ids.
 */
import type { ComponentChildren } from 'preact'
import { GivenValues } from '../kit/given-values.tsx'
import { NamedInSentence, NamedServerInSentence } from '../kit/named.tsx'
import { type TextKey, text } from '../kit/text.ts'
import { Time } from '../kit/time.tsx'
import { directionText, FoldedId, kindText } from './words.tsx'

type Said = (value: string) => ComponentChildren

const asIs: Said = (value) => <bdi class="wrap">{value}</bdi>
const asId: Said = (value) => <bdi class="id wrap">{value}</bdi>
const asTime: Said = (value) => <Time at={value} />
const asName: Said = (value) => <FoldedId of={value} />
const asServer: Said = (value) => <NamedServerInSentence id={value} />
/** A contract is written with its version. */
const asContract: Said = (value) => <NamedInSentence id={value.split('/')[0]!} />
/** What may be personal data is kept as a sealed term. */
const asSealed: Said = () => text('search.sealed')

const PARTS: Record<string, [TextKey, Said]> = {
  partyId: ['search.party', asName],
  clientId: ['search.client', asName],
  serviceId: ['search.service', asName],
  peerId: ['search.peer', asServer],
  peer: ['search.peer', asServer],
  from: ['search.from', asTime],
  to: ['search.to', asTime],
  failed: ['search.state', (value) => text(value === 'true' ? 'search.onlyFailed' : 'search.onlyFine')],
  outcome: ['search.outcome', asId],
  kind: ['search.kind', kindText],
  direction: ['search.direction', directionText],
  contract: ['search.contract', asContract],
  purpose: ['search.purpose', asIs],
  endpoint: ['search.endpoint', asId],
  queryId: ['search.queryId', asId],
  requestId: ['search.requestId', asId],
  userTerm: ['search.userId', asSealed],
  representedPartyTerm: ['search.representedParty', asSealed],
  subjectSearch: ['person.one', asId],
  upkeep: ['asked.upkeep', (value) => text(value === 'true' ? 'common.yes' : 'common.no')],
}
/** Which subsystem the registry was asked at then: it only says what calls of upkeep are. */
const NOT_SAID = 'managementId'

export function AskedFor({ of, children }: { of: Record<string, unknown>; children?: ComponentChildren }) {
  const given = Object.entries(of).filter(([name, value]) => name !== NOT_SAID && value !== undefined)
  return (
    <ul class="plain-list tight">
      {children}
      {given.map(([name, value]) => {
        const [title, said] = PARTS[name] ?? []
        return (
          <li key={name}>
            <span class="beside">{title === undefined ? name : text(title)}</span>{' '}
            {said === undefined || typeof value === 'object' ? (
              <GivenValues of={value} />
            ) : (
              said(String(value))
            )}
          </li>
        )
      })}
    </ul>
  )
}
