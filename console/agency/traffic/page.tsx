/** Ended exchanges over time and by one property: only counts, nothing about a single exchange. */
import { useAddress } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { dateFormat, numberFormat } from '../../kit/formats.ts'
import { useAnswer } from '../../kit/load.ts'
import { utc } from '../../kit/moment.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { SeriesChart } from '../../kit/series-chart.tsx'
import { Tools } from '../../kit/table-tools.tsx'
import { locale, number, type TextKey, text } from '../../kit/text.ts'
import { Explained } from '../explained.tsx'
import { useClients, useWholeServices } from '../pick.ts'
import { whoAndWhat } from '../records/query.ts'
import { directionText, NamedId, ServerId } from '../words.tsx'

type Count = { exchanges: number; failed: number }
type Traffic = {
  from: string
  to: string
  step: 'hour' | 'day'
  by: string
  total: Count
  steps: ({ at: string } & Count)[]
  /** `explanation`: what an outcome means, in the reader's language. */
  groups: ({ value: string; explanation?: string | null } & Count)[]
  others: Count
}

const FIRST = 'peer'
const BY: Record<string, TextKey> = {
  peer: 'search.peer',
  client: 'search.client',
  service: 'search.service',
  outcome: 'search.outcome',
  direction: 'search.direction',
}

export function TrafficPage() {
  const { query } = useAddress()
  const find = { clients: useClients(), services: useWholeServices() }
  const given = query.get('by') ?? ''
  const by = Object.hasOwn(BY, given) ? given : FIRST
  const counted = useAnswer<Traffic>('getTraffic', {
    query: {
      by,
      from: utc(query.get('from') ?? ''),
      to: utc(query.get('to') ?? ''),
      partyId: query.get('partyId')?.trim(),
      serviceId: query.get('serviceId')?.trim(),
    },
  })
  // That nothing was found before says nothing of what is asked now.
  const isOfBefore = counted.state === 'there' && counted.isOther && counted.data.total.exchanges === 0
  return (
    <>
      <Head title={text('traffic.title')} lead={text('traffic.lead')} />
      <div class="list">
        <Tools
          filters={[
            { name: 'from', title: 'search.from' },
            { name: 'to', title: 'search.to' },
            {
              name: 'by',
              title: 'traffic.by',
              options: Object.entries(BY).map(([value, key]) => ({
                value: value === FIRST ? '' : value,
                title: text(key),
              })),
            },
            ...whoAndWhat(find),
          ]}
          sorts={[]}
          sort=""
        />
        <Show of={isOfBefore ? { state: 'loading' } : counted}>{(traffic) => <Counted of={traffic} />}</Show>
      </div>
    </>
  )
}

function Counted({ of }: { of: Traffic }) {
  const { total, steps, step, groups, others, by } = of
  const title = BY[by] ?? 'search.peer'
  if (total.exchanges === 0) {
    return (
      <Empty>
        <p>{text('traffic.none')}</p>
      </Empty>
    )
  }
  const rest = others.exchanges > 0 ? [{ value: OTHERS, ...others }] : []
  return (
    <>
      <Part title={text('traffic.overTime')}>
        <SeriesChart
          title={text(step === 'hour' ? 'traffic.byHour' : 'traffic.byDay', {
            exchanges: total.exchanges,
            failed: total.failed,
          })}
          labelTitle={step === 'hour' ? 'traffic.hour' : 'traffic.day'}
          points={steps.map(({ at, exchanges, failed }) => ({
            label: labelOf(at, step),
            value: exchanges,
            failed,
          }))}
        />
      </Part>
      <Part title={text('traffic.byThis', { what: text(title) })}>
        <Rows<Traffic['groups'][number]>
          caption={text('traffic.byThis', { what: text(title) })}
          rows={[...groups, ...rest]}
          rowKey={({ value }) => value}
          columns={[
            { title, cell: (one) => <Group by={by} of={one} /> },
            { title: 'chart.all', number: true, cell: ({ exchanges }) => number(exchanges) },
            { title: 'chart.failed', number: true, cell: ({ failed }) => number(failed) },
            {
              title: 'traffic.share',
              number: true,
              cell: ({ exchanges }) => percent(exchanges / total.exchanges),
            },
          ]}
        />
      </Part>
    </>
  )
}

const OTHERS = '\u0000others'

function Group({ by, of: { value, explanation } }: { by: string; of: Traffic['groups'][number] }) {
  if (value === OTHERS) return <>{text('traffic.others')}</>
  if (by === 'direction') return <>{directionText(value)}</>
  if (by === 'outcome' && value === 'ok') return <>{text('outcome.ok')}</>
  if (by === 'outcome' && value !== '') return <Explained outcome={value} explanation={explanation} />
  return by === 'peer' ? <ServerId of={value} /> : <NamedId of={value} />
}

function percent(share: number): string {
  return numberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share)
}

function labelOf(at: string, step: 'hour' | 'day'): string {
  const date = { day: '2-digit', month: 'short' } as const
  const format: Intl.DateTimeFormatOptions =
    step === 'hour'
      ? { ...date, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
      : { ...date, year: 'numeric', timeZone: 'UTC' }
  return dateFormat(locale, format).format(new Date(at))
}
