/**
 * What one search by person found, page by page, and what it could not examine; with its export, or the
 * request to a second auditor.
 */
import { Act } from '../../kit/act.tsx'
import { Link, useAddress } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { CursorPaging, SIZES } from '../../kit/paging.tsx'
import { Empty, Loading, Refused, Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { CaseAndReason } from '../cells.tsx'
import { AskForContent } from '../content-requests/ask.tsx'
import type { Row } from '../words.tsx'
import { type Coverage, NotCovered } from './coverage.tsx'
import { FoundRecords } from './found.tsx'
import type { PersonSearch } from './page.tsx'

const CURSOR = /^(0|[1-9]\d{0,14})$/

export function OneSearch({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const search = useAnswer<PersonSearch>('getSubjectSearch', { params: { id } })
  return (
    <Show of={search} page="person.one">
      {(one) => (
        <>
          <Head title={text('person.one')} lead={text('person.oneLead')} acts={<Order of={one} />} />
          <About of={one} />
          <Results id={id} of={one} />
        </>
      )}
    </Show>
  )
}

function About({ of: { askedAt, type, from, to, hash, ...why } }: { of: PersonSearch }) {
  return (
    <Part title={text('common.facts')}>
      <Facts
        of={[
          ['looks.why', <CaseAndReason key="why" {...why} />],
          ['person.askedAt', <Time key="at" at={askedAt} />],
          ['person.type', <bdi key="type">{type}</bdi>],
          ['search.from', from === null ? text('person.beginning') : <Time key="from" at={from} />],
          ['search.to', to === null ? text('person.now') : <Time key="to" at={to} />],
          [
            'person.hash',
            hash === null ? (
              text('person.noMonth')
            ) : (
              <Copyable key="hash" value={hash} label={text('person.hash')} />
            ),
          ],
        ]}
      />
    </Part>
  )
}

function Results({ id, of }: { id: string; of: PersonSearch }) {
  const { query } = useAddress()
  const size = SIZES.find((one) => String(one) === query.get('size')) ?? SIZES[0]
  const given = query.get('page') ?? ''
  const before = CURSOR.test(given) ? given : ''
  const found = useAnswer<Coverage & { records: Row[] }>('findSubjectRecords', {
    params: { id },
    query: { before, limit: String(size + 1) },
  })
  if (found.state === 'loading') return <Loading />
  if (found.state === 'refused') {
    if (found.fault.type !== 'content_not_granted') return <Refused fault={found.fault} again={found.again} />
    return (
      <div class="state">
        <p>{text('person.second')}</p>
        <AskForContent of={{ searchId: id, case: of.case, reason: of.reason }} />
      </div>
    )
  }
  const { records } = found.data
  const rows = records.slice(0, size)
  const hasNext = records.length > size
  const shown = text(hasNext ? 'table.shownMore' : 'table.shownLast', { count: rows.length })
  return (
    <>
      <NotRefreshed of={found} />
      <NotCovered of={found.data} />
      <Part title={text('person.found')}>
        {rows.length === 0 && found.isOther ? (
          // That nothing was found before says nothing of what is asked now.
          <Loading />
        ) : rows.length === 0 ? (
          <Empty>
            <p>{text('person.nobody')}</p>
          </Empty>
        ) : (
          <FoundRecords rows={rows} stale={found.stale} caption={text('person.found')} />
        )}
        <CursorPaging
          shown={rows.length === 0 ? '' : shown}
          rows={rows.length}
          before={before}
          next={hasNext ? String(rows.at(-1)?.index) : undefined}
          size={size}
          sizes={SIZES}
        />
      </Part>
    </>
  )
}

function Order({ of }: { of: PersonSearch }) {
  const { api } = useConsole()
  const titles = { csv: 'exports.csv', jsonl: 'exports.jsonl', bundles: 'exports.bundles' } as const
  return (
    <Act<{ id: string }>
      operation="searchSubject"
      button={text('exports.order')}
      reads
      title={text('exports.order')}
      consequence={<p>{text('person.exportConsequence')}</p>}
      fields={[
        {
          name: 'format',
          title: 'exports.format',
          type: 'select',
          initial: 'csv',
          options: Object.entries(titles).map(([value, title]) => ({ value, title: text(title) })),
        },
      ]}
      send={({ format }) => api.call('orderExport', { body: { format, filter: {}, subjectSearch: of.id } })}
      result={() => (
        <p>
          {text('exports.ordered')} <Link to="/exports">{text('exports.title')}</Link>
        </p>
      )}
    />
  )
}
