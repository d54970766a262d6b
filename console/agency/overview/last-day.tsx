/** The exchanges of the last 24 hours as a chart, and how those that failed ended. */
import { Link } from '../../kit/address.tsx'
import { Calm } from '../../kit/calm.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { dateFormat } from '../../kit/formats.ts'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { SeriesChart } from '../../kit/series-chart.tsx'
import { locale, number, text } from '../../kit/text.ts'
import { Explained } from '../explained.tsx'
import { local } from '../records/query.ts'
import { milliseconds } from '../traffic/latency-chart.tsx'

type LastDay = {
  total: { exchanges: number; failed: number }
  hours: { at: string; exchanges: number; failed: number }[]
  failures: { outcome: string; explanation: string | null; exchanges: number }[]
  p50Ms?: number
  p95Ms?: number
}

export function LastDay() {
  const found = useAnswer<LastDay>('getLastDay')
  const mayTraffic = useMay('getServiceTraffic')
  return (
    <>
      <Part
        title={text('home.lastDay')}
        acts={mayTraffic && <Link to="/traffic/services">{text('traffic.title')}</Link>}
      >
        <Show of={found}>
          {({ total, hours, p50Ms, p95Ms }) =>
            total.exchanges === 0 ? (
              <p>{text('home.noExchange')}</p>
            ) : (
              <>
                <SeriesChart
                  title={text('traffic.byHour', total)}
                  labelTitle="traffic.hour"
                  points={hours.map(({ at, exchanges, failed }) => ({
                    label: hourText(at),
                    value: exchanges,
                    failed,
                  }))}
                />
                {p50Ms !== undefined && (
                  <p class="beside">
                    {text('home.answersTook', { p50: milliseconds(p50Ms), p95: milliseconds(p95Ms) })}
                  </p>
                )}
              </>
            )
          }
        </Show>
      </Part>
      <Failed of={found} />
    </>
  )
}

/** What failed in that time. Jobs that failed stand under Health. */
function Failed({ of: found }: { of: Loaded<LastDay> }) {
  const mayFind = useMay('findRecords')
  if (isNow(found) && found.data.failures.length === 0)
    return <Calm name="failures" words={text('home.noneFailed')} />
  return (
    <Part title={text('home.whatFailed')} acts={<Link to="/diagnostics/call">{text('home.whyCall')}</Link>}>
      <Show of={found} quiet>
        {({ failures, hours }) => (
          <ul class="lines">
            {failures.map(({ outcome, explanation, exchanges }) => {
              const why =
                outcome === '' ? text('outcome.unknown') : <Explained {...{ outcome, explanation }} />
              return (
                <li key={outcome}>
                  <strong>{number(exchanges)}</strong>{' '}
                  {mayFind ? <Link to={recordsOf(outcome, hours[0]?.at)}>{why}</Link> : why}
                </li>
              )
            })}
          </ul>
        )}
      </Show>
    </Part>
  )
}

/** There, and refreshed. */
function isNow<T>(of: Loaded<T>): of is Extract<Loaded<T>, { state: 'there' }> {
  return of.state === 'there' && of.outdated === undefined
}

function recordsOf(outcome: string, from: string | undefined): string {
  const times = from === undefined ? '' : `&from=${encodeURIComponent(local(from))}`
  return `/records?failed=true&outcome=${encodeURIComponent(outcome)}${times}`
}

function hourText(at: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}
