/** The search for exchanges. The address contains its filters and the page. */
import { changeQuery, useAddress } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnnounceFound } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { CursorPaging, SIZES } from '../../kit/paging.tsx'
import { Empty, Loading, Refused } from '../../kit/placeholders.tsx'
import { Tools } from '../../kit/table-tools.tsx'
import { text } from '../../kit/text.ts'
import { useClients, useServers, useWholeServices } from '../pick.ts'
import { ByActor } from './by-actor.tsx'
import { type Exchange, FoundExchanges } from './found.tsx'
import { OrderExport } from './order-export.tsx'
import { filterOf, firstFilters, hasMore, moreFilters } from './query.ts'

/** A page is named by the record before it, so pages keep their rows while the log grows. */
const CURSOR = /^(0|[1-9]\d{0,14})$/

export function RecordsPage() {
  const { query } = useAddress()
  const filter = filterOf(query)
  const size = SIZES.find((one) => String(one) === query.get('size')) ?? SIZES[0]
  const given = query.get('page') ?? ''
  const before = CURSOR.test(given) ? given : ''
  // One row more than is shown tells whether there are more; counting all would be expensive.
  const withUpkeep = query.get('upkeep') === 'shown'
  const found = useAnswer<Exchange[]>('findExchanges', {
    query: { ...filter, ...(withUpkeep ? {} : { upkeep: 'false' }), before, limit: String(size + 1) },
  })
  const find = { clients: useClients(), services: useWholeServices(), servers: useServers() }
  const suggestions = {
    contract: useThere('contract'),
    purpose: useThere('purpose'),
    endpoint: useThere('endpoint'),
  }
  const rows = found.state === 'there' ? found.data.slice(0, size) : []
  const hasNext = found.state === 'there' && found.data.length > size
  // A search that would take long ends early and says where to continue.
  const searchedTo = found.state === 'there' && !hasNext ? found.headers.get('x-searched-to') : null
  const shown =
    searchedTo === null
      ? text(hasNext ? 'search.shownMore' : 'search.shown', { count: rows.length })
      : text('search.searchedTo', { count: rows.length, index: searchedTo })
  const isNow = found.state === 'there' && !found.stale && found.outdated === undefined
  // That nothing was found before says nothing of what is asked now.
  const isOfBefore = found.state === 'there' && found.isOther && rows.length === 0
  useAnnounceFound(query.toString(), isNow ? shown : undefined)
  return (
    <>
      <Head
        title={text('entry.exchanges')}
        lead={text('search.lead')}
        acts={<OrderExport filter={withUpkeep ? filter : { ...filter, upkeep: 'false' }} />}
      />
      <div class="list paged">
        <Tools filters={firstFilters(find)} sorts={[]} sort="" />
        <label class="check">
          <input
            type="checkbox"
            checked={withUpkeep}
            onChange={() => changeQuery({ upkeep: withUpkeep ? '' : 'shown', page: '' })}
          />
          {text('search.upkeep')}
        </label>
        <details class="more-filters" open={hasMore(filter)}>
          <summary>{text('search.more')}</summary>
          <Tools filters={moreFilters(suggestions, find.servers)} sorts={[]} sort="" />
          <ByActor />
        </details>
        {(found.state === 'loading' || isOfBefore) && <Loading />}
        {found.state === 'refused' && <Refused fault={found.fault} again={found.again} />}
        <NotRefreshed of={found} />
        {found.state === 'there' && rows.length === 0 && !isOfBefore && (
          <Empty>
            <p>{noneText(searchedTo, Object.keys(filter).length > 0)}</p>
          </Empty>
        )}
        {rows.length > 0 && found.state === 'there' && (
          <FoundExchanges exchanges={rows} stale={found.stale} caption={text('search.title')} />
        )}
        {found.state === 'there' && !isOfBefore && (
          <CursorPaging
            shown={rows.length === 0 && searchedTo === null ? '' : shown}
            rows={rows.length}
            before={before}
            next={hasNext ? String(rows.at(-1)?.index) : (searchedTo ?? undefined)}
            older={searchedTo === null ? undefined : text('search.goOn')}
            size={size}
            sizes={SIZES}
          />
        )}
      </div>
    </>
  )
}

function noneText(searchedTo: string | null, isNarrowed: boolean): string {
  if (searchedTo !== null) return text('search.noneSoFar')
  return text(isNarrowed ? 'table.noneFits' : 'search.empty')
}

/** Suggested values; without them a text can still be typed. */
function useThere(of: string): string[] {
  const there = useAnswer<string[]>('getSearchTerms', { query: { of, limit: '500' } })
  return there.state === 'there' ? there.data : []
}
