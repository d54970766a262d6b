/**
 * Narrows the search to a user id or represented party. Both may be personal data: the value is sent to the
 * server at once, and only a sealed term is put into the address.
 */
import { useState } from 'preact/hooks'
import { changeQuery, useAddress } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { useAnswer } from '../../kit/load.ts'
import { Refused, Show } from '../../kit/placeholders.tsx'
import { type TextKey, text } from '../../kit/text.ts'

const ACTORS = [
  { name: 'userId', term: 'userTerm', title: 'search.userId' },
  { name: 'representedParty', term: 'representedPartyTerm', title: 'search.representedParty' },
] as const satisfies { name: string; term: string; title: TextKey }[]

type Gap = { first: number; last: number; reason: 'indexed_before' | 'key_destroyed' }
type Terms = { userTerm: string | null; representedPartyTerm: string | null }

/** The values typed since the page was opened, by their sealed term; stored nowhere else. */
const typed = new Map<string, string>()

export function ByActor() {
  const { query } = useAddress()
  if (!useMay('sealActors')) return null
  return (
    <>
      <search class="tools" aria-label={text('search.byActor')}>
        {ACTORS.map((actor) => (
          <ActorFilter key={actor.name} actor={actor} term={query.get(actor.term) ?? ''} />
        ))}
      </search>
      {ACTORS.some(({ term }) => query.has(term)) && <NotSearched />}
    </>
  )
}

function ActorFilter({
  actor: { name, term: of, title },
  term,
}: {
  actor: (typeof ACTORS)[number]
  term: string
}) {
  const { api, signedOut } = useConsole()
  const [fault, setFault] = useState<ApiFault>()
  const seal = async (value: string): Promise<void> => {
    setFault(undefined)
    if (value === '') return changeQuery({ [of]: '', page: '' })
    try {
      const { data } = await api.call<Terms>('sealActors', { body: { [name]: value } })
      const sealed = data[of] ?? ''
      typed.set(sealed, value)
      changeQuery({ [of]: sealed, page: '' })
    } catch (cause) {
      if (!(cause instanceof ApiFault)) throw cause
      if (cause.status === 401) return signedOut()
      setFault(cause)
    }
  }
  return (
    <>
      <label>
        {text(title)}
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          maxLength={255}
          value={typed.get(term) ?? ''}
          placeholder={term === '' ? '' : text('search.sealed')}
          onChange={(event) => void seal(event.currentTarget.value.trim())}
        />
      </label>
      {term !== '' && (
        <button type="button" onClick={() => changeQuery({ [of]: '', page: '' })}>
          {text('search.withoutActor', { what: text(title) })}
        </button>
      )}
      {fault !== undefined && <Refused fault={fault} />}
    </>
  )
}

/** Says which records the search could not examine. */
function NotSearched() {
  const gaps = useAnswer<Gap[]>('getActorGaps')
  return (
    <Show of={gaps}>
      {(all) =>
        all.length === 0 ? null : (
          <ul class="note plain-list">
            {all.map(({ first, last, reason }) => (
              <li key={first}>
                {text(reason === 'indexed_before' ? 'search.actorsBefore' : 'search.actorsWithoutKey', {
                  first,
                  last,
                })}
              </li>
            ))}
          </ul>
        )
      }
    </Show>
  )
}
