/** The exchanges of the last 24 hours as a chart, and how those that failed ended. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { dateFormat } from '../../kit/formats.ts'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { SeriesChart } from '../../kit/series-chart.tsx'
import { locale, number, text } from '../../kit/text.ts'
import { Told } from '../../kit/told.tsx'
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
type Job = { kind: string; lastError: string | null }

export function LastDay() {
  const found = useAnswer<LastDay>('getLastDay')
  const mayTraffic = useMay('getServiceTraffic')
  return (
    <>
      <Part
        title={text('home.lastDay')}
        acts={mayTraffic && <Link to="/traffic/services">{text('overview.more')}</Link>}
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

/** What failed in that time, and which jobs failed when they were last run. */
function Failed({ of: found }: { of: ReturnType<typeof useAnswer<LastDay>> }) {
  const mayFind = useMay('findRecords')
  return (
    <Part title={text('home.whatFailed')} acts={<Link to="/diagnostics/call">{text('home.whyCall')}</Link>}>
      <Show of={found} quiet>
        {({ failures, hours }) =>
          failures.length === 0 ? (
            <p>{text('home.noneFailed')}</p>
          ) : (
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
          )
        }
      </Show>
      {useMay('getJobs') && <FailedJobs />}
    </Part>
  )
}

function recordsOf(outcome: string, from: string | undefined): string {
  const times = from === undefined ? '' : `&from=${encodeURIComponent(local(from))}`
  return `/records?failed=true&outcome=${encodeURIComponent(outcome)}${times}`
}

function FailedJobs() {
  const jobs = useAnswer<Job[]>('getJobs')
  return (
    <Show of={jobs}>
      {(all) => {
        const failed = all.filter(({ lastError }) => lastError !== null)
        if (failed.length === 0) return <p>{text('home.noJobFailed')}</p>
        return (
          <ul class="lines">
            {failed.map(({ kind, lastError }) => (
              <li key={kind}>
                <Link to="/diagnostics">{text('part.job')}</Link> <bdi class="id">{kind}</bdi>{' '}
                <Told words={lastError ?? ''} />
              </li>
            ))}
          </ul>
        )
      }}
    </Show>
  )
}

function hourText(at: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}
