/** What administrators did in the last 24 hours, by hour; and this reader's own proposals that wait for a second person. */
import { Link } from '../../kit/address.tsx'
import { Chart } from '../../kit/chart.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { operationName, type Proposal } from '../../kit/proposal.tsx'
import { locale, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type LastDay = { hours: { at: string; acts: number; refused: number }[]; isWhole: boolean }

export function LastDay() {
  const found = useAnswer<LastDay>('getLastDay')
  return (
    <Part title={text('home.lastDay')}>
      <Show of={found}>
        {({ hours, isWhole }) => {
          const [acts, refused] = (['acts', 'refused'] as const).map((name) =>
            hours.reduce((sum, hour) => sum + hour[name], 0),
          )
          return (
            <>
              <Chart
                title={text('overview.actsByHour', { acts: acts ?? 0, refused: refused ?? 0 })}
                labelTitle={text('traffic.hour')}
                valueTitle={text('acts.what')}
                open={text('overview.asTable')}
                bars={hours.map(({ at, acts: value }) => ({ label: hourText(at), value }))}
              />
              {!isWhole && <p class="note">{text('overview.notAllActs')}</p>}
            </>
          )
        }}
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
        {open.map(({ id, operation, summary, expiresAt }) => (
          <li key={id}>
            <Link to={`/proposals/${id}`}>{operationName(operation)}</Link> <bdi class="wrap">{summary}</bdi>{' '}
            <span class="beside">
              {text('overview.lapses')} <Time at={expiresAt} relative />
            </span>
          </li>
        ))}
      </ul>
    </Part>
  )
}

function hourText(at: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}
