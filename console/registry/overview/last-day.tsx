/**
 * What administrators did in the last 24 hours and what failed, by hour; and this reader's own proposals that
 * wait for a second person.
 */
import { Link } from '../../kit/address.tsx'
import { Calm } from '../../kit/calm.tsx'
import { Part } from '../../kit/facts.tsx'
import { dateFormat } from '../../kit/formats.ts'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { operationName, type Proposal } from '../../kit/proposal.tsx'
import { ProposalSubject } from '../../kit/proposal-subject.tsx'
import { SeriesChart } from '../../kit/series-chart.tsx'
import { locale, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'

type Failures = {
  jobs: { kind: string; lastError: string; lastEndedAt: string }[]
  proposals: { id: string; operation: string; failure: string | null; decidedAt: string }[]
  mail: number
}
type LastDay = {
  hours: { at: string; acts: number; refused: number; failed: number }[]
  isWhole: boolean
  failures: Failures
}

export function LastDay() {
  const found = useAnswer<LastDay>('getLastDay')
  return (
    <>
      <Part title={text('home.lastDay')}>
        <Show of={found}>
          {({ hours, isWhole }) => {
            const sum = (name: 'acts' | 'refused' | 'failed') =>
              hours.reduce((before, hour) => before + hour[name], 0)
            return (
              <>
                <SeriesChart
                  title={text('overview.byHour', {
                    acts: sum('acts'),
                    refused: sum('refused'),
                    failed: sum('failed'),
                  })}
                  labelTitle="traffic.hour"
                  fine="overview.done"
                  notFine="overview.notDone"
                  points={hours.map(({ at, acts, refused, failed }) => ({
                    label: hourText(at),
                    value: acts + failed,
                    failed: refused + failed,
                  }))}
                />
                {!isWhole && <p class="note">{text('overview.notAllActs')}</p>}
              </>
            )
          }}
        </Show>
      </Part>
      <Failed of={found} />
    </>
  )
}

/** Each failure with the page on which something can be done; of jobs those whose last run failed. */
function Failed({ of }: { of: Loaded<LastDay> }) {
  if (of.state === 'there' && of.outdated === undefined) {
    const { jobs, proposals, mail } = of.data.failures
    if (jobs.length + proposals.length + mail === 0)
      return <Calm name="failures" words={text('overview.noneFailed')} />
  }
  return (
    <Part title={text('home.whatFailed')}>
      <Show of={of} quiet>
        {({ failures: { jobs, proposals, mail } }) =>
          jobs.length + proposals.length + mail === 0 ? (
            <p>{text('overview.noneFailed')}</p>
          ) : (
            <ul class="lines">
              {jobs.map(({ kind, lastError, lastEndedAt }) => (
                <li key={kind}>
                  {text('part.job')} <bdi class="id">{kind}</bdi> <Told words={lastError} />{' '}
                  <Time at={lastEndedAt} relative />
                </li>
              ))}
              {proposals.map(({ id, operation, failure, decidedAt }) => (
                <li key={id}>
                  <Link to={`/proposals/${id}`}>{operationName(operation)}</Link>{' '}
                  <Told words={failure ?? ''} /> <Time at={decidedAt} relative />
                </li>
              ))}
              {mail > 0 && (
                <li>
                  <Link to="/mail-messages?state=UNDELIVERED">
                    {text('overview.mailFailed', { count: mail })}
                  </Link>
                </li>
              )}
            </ul>
          )
        }
      </Show>
    </Part>
  )
}

const MOST = '100'

/** Nothing is shown to who proposed nothing. */
export function OwnProposals() {
  const found = useAnswer<Proposal[]>('getProposals', { query: { view: 'mine', limit: MOST } })
  if (found.state !== 'there') return found.state === 'refused' ? <Show of={found}>{() => null}</Show> : null
  const open = found.data.filter(({ state }) => state === 'proposed')
  if (open.length === 0) return null
  return (
    <Part
      title={text('overview.ownProposals')}
      acts={<Link to="/proposals?view=mine">{text('overview.more')}</Link>}
    >
      <ul class="lines">
        {open.map((one) => (
          <li key={one.id}>
            <Link to={`/proposals/${one.id}`}>{operationName(one.operation)}</Link>{' '}
            <ProposalSubject of={one} />{' '}
            <span class="beside">
              {text('overview.lapses')} <Time at={one.expiresAt} relative />
            </span>
          </li>
        ))}
      </ul>
    </Part>
  )
}

function hourText(at: string): string {
  return dateFormat(locale, { hour: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}
