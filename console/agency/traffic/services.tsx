/**
 * Exchanges, failures and times of answers of some days, by client and service, and the same as a CSV file.
 */
import { Act } from '../../kit/act.tsx'
import { useAddress } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import { dateFormat, numberFormat } from '../../kit/formats.ts'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { utc } from '../../kit/moment.ts'
import { useTitles } from '../../kit/named.tsx'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Saved } from '../../kit/saved.tsx'
import { SeriesChart } from '../../kit/series-chart.tsx'
import { type Filter, Tools } from '../../kit/table-tools.tsx'
import { locale, number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { directionText, FoldedId } from '../words.tsx'
import { LatencyChart, milliseconds, type Timed } from './latency-chart.tsx'

type Count = { exchanges: number; failed: number }
type Times = { p50Ms?: number; p95Ms?: number; p99Ms?: number }
type Pair = { clientId: string | null; serviceId: string | null; direction: string } & Count & Times
type ServiceTraffic = {
  from: string
  to: string
  latencyError: number
  total: Count & Times
  hours: (Timed & Count)[]
  pairs: Pair[]
  notShown: number
  clients: string[]
  services: string[]
}

const NAMES = ['clientId', 'serviceId', 'direction'] as const

export function ServicesPage() {
  const { query } = useAddress()
  const asked = {
    from: utc(query.get('from') ?? ''),
    to: utc(query.get('to') ?? ''),
    ...Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ''])),
  }
  const found = useAnswer<ServiceTraffic>('getServiceTraffic', { query: asked })
  // That nothing was found before says nothing of what is asked now.
  const isOfBefore = found.state === 'there' && found.isOther && found.data.total.exchanges === 0
  const known = found.state === 'there' ? found.data : { clients: [], services: [] }
  const clients = usePick('clientId', 'search.client', known.clients)
  const services = usePick('serviceId', 'search.service', known.services)
  return (
    <>
      <Head
        title={text('traffic.services')}
        lead={text('traffic.servicesLead')}
        acts={<Csv query={asked} />}
      />
      <div class="list">
        <Tools
          filters={[
            { name: 'from', title: 'search.from' },
            { name: 'to', title: 'search.to' },
            clients,
            services,
            {
              ...{ name: 'direction', title: 'search.direction' },
              options: [
                { value: '', title: text('common.all') },
                ...['in', 'out'].map((value) => ({ value, title: directionText(value) })),
              ],
            },
          ]}
          sorts={[]}
          sort=""
        />
        <Show of={isOfBefore ? { state: 'loading' } : found}>{(traffic) => <Counted of={traffic} />}</Show>
      </div>
    </>
  )
}

/** Those with traffic in this time, and the one that the address names. */
function usePick(name: string, title: Filter['title'], known: string[]): Filter {
  const { query } = useAddress()
  const given = query.get(name) ?? ''
  const all = given === '' || known.includes(given) ? known : [given, ...known]
  const titleOf = useTitles(all)
  return {
    ...{ name, title },
    options: [
      { value: '', title: text('common.all') },
      ...all.map((id) => ({ value: id, title: titleOf(id) })),
    ],
  }
}

function Counted({ of }: { of: ServiceTraffic }) {
  const { total, hours, pairs, notShown, latencyError } = of
  if (total.exchanges === 0)
    return (
      <Empty>
        <p>{text('traffic.none')}</p>
      </Empty>
    )
  const title = text('traffic.byHour', { exchanges: total.exchanges, failed: total.failed })
  const times = text('traffic.times', {
    p50: milliseconds(total.p50Ms),
    p95: milliseconds(total.p95Ms),
    p99: milliseconds(total.p99Ms),
  })
  return (
    <>
      <Part title={text('traffic.overTime')}>
        <p class="beside">
          <Time at={of.from} /> – <Time at={of.to} />
        </p>
        <SeriesChart
          title={title}
          labelTitle="traffic.hour"
          points={hours.map(({ at, exchanges, failed }) => ({
            label: hourText(at),
            value: exchanges,
            failed,
          }))}
        />
        <LatencyChart title={times} hours={hours} />
        <details>
          <summary>{text('traffic.timesAsTable')}</summary>
          <Rows<ServiceTraffic['hours'][number]>
            caption={times}
            rows={hours.filter(({ p50Ms }) => p50Ms !== undefined)}
            rowKey={({ at }) => at}
            columns={[
              { title: 'traffic.hour', cell: ({ at }) => hourText(at) },
              { title: 'traffic.p50', number: true, cell: ({ p50Ms }) => milliseconds(p50Ms) },
              { title: 'traffic.p95', number: true, cell: ({ p95Ms }) => milliseconds(p95Ms) },
            ]}
          />
        </details>
        <p class="beside">{text('traffic.timesAre', { percent: percent(latencyError) })}</p>
      </Part>
      <Part title={text('traffic.byPair')}>
        <HeldTable<Pair>
          caption={text('traffic.byPair')}
          rows={pairs}
          rowKey={({ clientId, serviceId, direction }) => JSON.stringify([clientId, serviceId, direction])}
          search="traffic.searchPairs"
          words={({ clientId, serviceId }) => `${clientId ?? ''} ${serviceId ?? ''}`}
          columns={[
            {
              title: 'traffic.pair',
              cell: ({ clientId, serviceId, direction }) => (
                <>
                  <FoldedId of={clientId} /> → <FoldedId of={serviceId} />
                  <p class="beside">{directionText(direction)}</p>
                </>
              ),
            },
            { title: 'chart.all', number: true, cell: ({ exchanges }) => number(exchanges) },
            {
              title: 'chart.failed',
              number: true,
              cell: ({ failed, exchanges }) => `${number(failed)} (${percent(failed / exchanges)})`,
            },
            { title: 'traffic.p50', number: true, cell: ({ p50Ms }) => milliseconds(p50Ms) },
            { title: 'traffic.p95', number: true, cell: ({ p95Ms }) => milliseconds(p95Ms) },
            { title: 'traffic.p99', number: true, cell: ({ p99Ms }) => milliseconds(p99Ms) },
          ]}
          empty={<p>{text('traffic.none')}</p>}
        />
        {notShown > 0 && <p class="note">{text('traffic.notShown', { count: notShown })}</p>}
      </Part>
    </>
  )
}

function Csv({ query }: { query: Record<string, string> }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="exportServiceTraffic"
      button={text('traffic.csv')}
      reads
      title={text('traffic.csv')}
      consequence={<p>{text('traffic.csvConsequence')}</p>}
      send={() => api.download('exportServiceTraffic', { query })}
      result={(file) => <Saved file={file} />}
    />
  )
}

function percent(share: number): string {
  return numberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share)
}

function hourText(at: string): string {
  return dateFormat(locale, {
    ...{ day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  } as Intl.DateTimeFormatOptions).format(new Date(at))
}
