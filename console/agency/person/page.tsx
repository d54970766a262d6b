/**
 * The page about a person: the search form with its case, and the reader's own searches of the last week. The
 * identifier is in no address.
 */
import { goTo, Link } from '../../kit/address.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { utc } from '../../kit/moment.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { CaseAndReason } from '../cells.tsx'
import { WHY, whyOf } from '../why.ts'
import { type IndexState, IndexStates } from './index-state.tsx'

export type PersonSearch = {
  id: string
  askedAt: string
  case: string
  reason: string
  type: string
  from: string | null
  to: string | null
  hash: string | null
  expiresAt: string
}

const USUAL_TYPE = 'personal-code'
const TYPE = /^[a-z][a-z0-9-]{0,63}$/
const FIELDS: Field[] = [
  ...WHY,
  {
    name: 'type',
    title: 'person.type',
    hint: 'person.typeHint',
    initial: USUAL_TYPE,
    maxLength: 64,
    check: (value) => (TYPE.test(value.trim()) ? undefined : text('person.typeForm')),
  },
  { name: 'identifier', title: 'person.identifier', hint: 'person.identifierHint', maxLength: 512 },
  { name: 'from', title: 'search.from', type: 'time', required: false },
  { name: 'to', title: 'search.to', type: 'time', required: false },
]

export function PersonPage() {
  const state = useAnswer<IndexState>('getSubjectIndex')
  return (
    <>
      <Head title={text('person.title')} lead={text('person.lead')} />
      <Show of={state}>
        {(index) => (
          <>
            {!index.isConfigured && <p class="note">{text('person.notConfigured')}</p>}
            {index.isConfigured && <Search />}
            {index.isConfigured && <IndexStates of={index} />}
          </>
        )}
      </Show>
    </>
  )
}

/** Other auditors see the state of the index but cannot search. */
function Search() {
  if (!useMay('searchSubject')) return <p class="note">{text('person.contentOnly')}</p>
  return (
    <>
      <Part title={text('person.search')}>
        <SearchForm />
      </Part>
      <Own />
    </>
  )
}

function SearchForm() {
  const { api } = useConsole()
  const send = async (values: Values): Promise<void> => {
    const [from = '', to = ''] = [values['from'], values['to']].map((value) => utc(String(value ?? '')))
    const { data } = await api.call<PersonSearch>('searchSubject', {
      body: {
        ...whyOf(values),
        type: String(values['type']).trim(),
        identifier: String(values['identifier']),
        ...(from === '' ? {} : { from }),
        ...(to === '' ? {} : { to }),
      },
    })
    goTo(searchPath(data.id))
  }
  return <Form fields={FIELDS} submit={text('person.search')} send={send} />
}

function Own() {
  const own = useAnswer<PersonSearch[]>('getSubjectSearches')
  return (
    <Part title={text('person.own')}>
      <Show of={own}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>{text('person.none')}</p>
            </Empty>
          ) : (
            <HeldTable<PersonSearch>
              caption={text('person.own')}
              rows={all}
              rowKey={({ id }) => id}
              words={({ type, case: of, reason }) => [type, of, reason].join(' ')}
              columns={[
                {
                  title: 'person.askedAt',
                  cell: ({ id, askedAt }) => (
                    <Link to={searchPath(id)}>
                      <Time at={askedAt} />
                    </Link>
                  ),
                },
                { title: 'looks.why', cell: (one) => <CaseAndReason {...one} /> },
                { title: 'person.type', cell: ({ type }) => <bdi class="id">{type}</bdi> },
                { title: 'exports.expiresAt', cell: ({ expiresAt }) => <Time at={expiresAt} relative /> },
              ]}
              empty={null}
            />
          )
        }
      </Show>
    </Part>
  )
}

function searchPath(id: string): string {
  return `/about-a-person/${id}`
}
