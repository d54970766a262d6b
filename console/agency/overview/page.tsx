/** The first page: whether the log is in order, what is waiting, and today's exchanges. */
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { local } from '../records/query.ts'
import { Registry } from './registry.tsx'
import {
  contractsWaiting,
  deliveriesWaiting,
  type LogState,
  subscriptionsWaiting,
  type Waiting as WaitingFor,
  waitingOf,
} from './waiting.ts'

export function OverviewPage() {
  const state = useAnswer<LogState>('getMessageLogState')
  const mayConfirm = useMay('confirmContact')
  return (
    <Show of={state} page="home.title">
      {(log) => (
        <>
          <Head
            title={text('home.title')}
            lead={<Copyable value={log.server} label={text('home.server')} />}
          />
          {mayConfirm ? <WithContracts of={log} /> : <AndMessages of={waitingOf(log)} />}
          <Registry now={log.now} />
          {log.today === null ? (
            <p class="note">{text('home.notCounted')}</p>
          ) : (
            <Today now={log.now} of={log.today} />
          )}
          <Part title={text('home.log')} acts={<Link to="/integrity">{text('overview.more')}</Link>}>
            <Facts
              of={[
                ['integrity.records', number(log.records)],
                [
                  'integrity.checkpoint',
                  log.checkpoint === null ? (
                    text('integrity.noCheckpoint')
                  ) : (
                    <Time at={log.checkpoint.time} relative />
                  ),
                ],
                [
                  'integrity.unstamped',
                  log.oldestUnstamped === null ? (
                    text('integrity.allStamped')
                  ) : (
                    <Time at={log.oldestUnstamped} relative />
                  ),
                ],
              ]}
            />
          </Part>
        </>
      )}
    </Show>
  )
}

/** For people who manage contracts: contracts that wait for a member of this server come after urgent matters of the log. */
function WithContracts({ of }: { of: LogState }) {
  const toAccept = useCount({ waiting: 'true' })
  const unconfirmed = useCount({ unconfirmed: 'true' })
  const toEnd = useCount({ ending: 'true' })
  return <AndMessages of={[...waitingOf(of), ...contractsWaiting({ toAccept, toEnd, unconfirmed })]} />
}

/** For people who decide about dead letters and subscriptions: dead letters come first, since nothing else moves them. */
function AndMessages({ of }: { of: WaitingFor[] }) {
  return useMay('getDeliveries') ? <WithMessages of={of} /> : <Waiting of={of} />
}

function WithMessages({ of }: { of: WaitingFor[] }) {
  const dead = { outbox: useDead('outbox'), inbox: useDead('inbox') }
  const halted = useHalted()
  return <Waiting of={[...deliveriesWaiting(dead), ...subscriptionsWaiting(halted), ...of]} />
}

function useHalted(): { lapsed: number; suspended: number } {
  const list = useAnswer<{ counts: { lapsed: number; suspended: number } }>('getSubscriptions', {
    query: { limit: '1' },
  })
  return list.state === 'there' ? list.data.counts : { lapsed: 0, suspended: 0 }
}

function useDead(box: string): number {
  const list = useAnswer<{ counts: { dead?: number } }>('getDeliveries', {
    query: { box, state: 'dead', limit: '1' },
  })
  return list.state === 'there' ? (list.data.counts.dead ?? 0) : 0
}

function useCount(query: Record<string, string>): number {
  const contracts = useAnswer<object>('getContracts', { query: { ...query, limit: '1' } })
  return contracts.state === 'there' ? contracts.total : 0
}

function Waiting({ of }: { of: WaitingFor[] }) {
  const { session } = useConsole()
  const waiting = of.filter(({ needs }) => mayCall(session, needs))
  return (
    <Part title={text('overview.forYou')}>
      {waiting.length === 0 ? (
        <p>{text('home.nothing')}</p>
      ) : (
        <ul class="waiting">
          {waiting.map(({ what, values, tone, to }) => (
            <li key={what}>
              <span>
                <Status tone={tone} word={tone === 'bad' ? 'status.urgent' : 'status.soon'} />
              </span>
              <Link to={to}>{text(what, values)}</Link>
            </li>
          ))}
        </ul>
      )}
    </Part>
  )
}

function Today({ of: today, now }: { of: NonNullable<LogState['today']>; now: string }) {
  const { session } = useConsole()
  const from = local(`${now.slice(0, 10)}T00:00:00.000Z`)
  const shown = [
    ['home.exchanges', today.exchanges, ''],
    ['home.failed', today.failed, '&failed=true'],
  ] as const
  return (
    <>
      <h2 class="heard">{text('home.today')}</h2>
      <ul class="counts">
        {shown.map(([title, count, more]) => (
          <li key={title}>
            {mayCall(session, 'findRecords') ? (
              <Link to={`/records?from=${encodeURIComponent(from)}${more}`}>
                <strong>{number(count)}</strong> {text(title)}
              </Link>
            ) : (
              <Link to="/traffic">
                <strong>{number(count)}</strong> {text(title)}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
