/**
 * The first page: what waits, how the server is, the last day, what ends soon and who did what. Each part asks for itself, so that one
 * that fails leaves the others.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { type Ending, EndingSoon } from '../../kit/ending-soon.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { LastActs } from '../../kit/last-acts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import type { Proposal } from '../../kit/proposal.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { FirstStartNote } from '../first-start/note.tsx'
import type { Filed } from '../requests/filed.tsx'
import { servicePath } from '../services/shapes.ts'
import { Health } from './health.tsx'
import { LastDay } from './last-day.tsx'
import { Registry } from './registry.tsx'
import {
  complaintsWaiting,
  contractsWaiting,
  deliveriesWaiting,
  type LogState,
  proposalsWaiting,
  requestsWaiting,
  subscriptionsWaiting,
  type Waiting as WaitingFor,
  waitingOf,
} from './waiting.ts'

export function OverviewPage() {
  const state = useAnswer<LogState>('getMessageLogState')
  const mayConfirm = useMay('confirmContact')
  const mayActs = useMay('getAuditLog')
  const server = state.state === 'there' ? state.data.server : undefined
  return (
    <>
      <Head
        title={text('home.title')}
        {...(server !== undefined && { lead: <Copyable value={server} label={text('home.server')} /> })}
      />
      <FirstStartNote />
      <Show of={state}>
        {(log) => (mayConfirm ? <WithContracts of={log} /> : <AndMessages of={waitingOf(log)} />)}
      </Show>
      <Health />
      <LastDay />
      <EndingSoon pageOf={pageOf} />
      {mayActs && <LastActs fixed={{ about: 'acts' }} all="/acts" />}
      <Show of={state} quiet>
        {(log) => (
          <>
            <Registry now={log.now} />
            <Log of={log} />
          </>
        )}
      </Show>
    </>
  )
}

/** Where what ends can be renewed. */
function pageOf({ kind, of }: Ending): string {
  switch (kind) {
    case 'SYSTEM_CERTIFICATE':
      return '/keys/internal-tls'
    case 'CLIENT_CERTIFICATE':
      return `/clients/${of}/systems`
    case 'SERVICE_CERTIFICATE':
      return servicePath(Number(of))
    case 'CONTRACT':
      return `/contracts/${of}`
    case 'API_KEY':
      return '/api-keys'
    default:
      return `/keys/${of}`
  }
}

function Log({ of: log }: { of: LogState }) {
  return (
    <>
      {log.today === null && <p class="note">{text('home.notCounted')}</p>}
      <Part title={text('home.log')} acts={<Link to="/integrity">{text('overview.more')}</Link>}>
        <Facts
          of={[
            ['integrity.records', number(log.records)],
            [
              'integrity.checkpoint',
              log.checkpoint === null ? (
                text('integrity.noCheckpoint')
              ) : (
                <Time key="checkpoint" at={log.checkpoint.time} relative />
              ),
            ],
            [
              'integrity.unstamped',
              log.oldestUnstamped === null ? (
                text('integrity.allStamped')
              ) : (
                <Time key="unstamped" at={log.oldestUnstamped} relative />
              ),
            ],
          ]}
        />
      </Part>
    </>
  )
}

/** For people who manage contracts: contracts that wait for a member of this server come after urgent matters of the log. */
function WithContracts({ of }: { of: LogState }) {
  const toAccept = useCount({ waiting: 'true' })
  const unconfirmed = useCount({ unconfirmed: 'true' })
  const toEnd = useCount({ ending: 'true' })
  const proposed = useCount({ state: 'PROPOSED' })
  return (
    <AndMessages of={[...waitingOf(of), ...contractsWaiting({ toAccept, toEnd, unconfirmed, proposed })]} />
  )
}

/** For people who decide about dead letters and subscriptions: dead letters come first, since nothing else moves them. */
function AndMessages({ of }: { of: WaitingFor[] }) {
  return useMay('getDeliveries') ? <WithMessages of={of} /> : <AndComplaints of={of} />
}

function WithMessages({ of }: { of: WaitingFor[] }) {
  const dead = { outbox: useDead('outbox'), inbox: useDead('inbox') }
  const halted = useHalted()
  return <AndComplaints of={[...deliveriesWaiting(dead), ...subscriptionsWaiting(halted), ...of]} />
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

function AndComplaints({ of }: { of: WaitingFor[] }) {
  return useMay('getComplaintCounts') ? <WithComplaints of={of} /> : <Waiting of={of} />
}

/** For people who answer complaints. */
function WithComplaints({ of }: { of: WaitingFor[] }) {
  const counts = useAnswer<{ open: number; late: number }>('getComplaintCounts')
  const complaints = counts.state === 'there' ? complaintsWaiting(counts.data) : []
  return <Waiting of={[...complaints, ...of]} />
}

const WORDS: Record<Tone, TextKey> = {
  good: 'status.soon',
  warn: 'status.soon',
  bad: 'status.urgent',
  quiet: 'status.withOthers',
}

function Waiting({ of }: { of: WaitingFor[] }) {
  const { session } = useConsole()
  const isByTwo = Array.isArray(session.fourEyes) && session.fourEyes.length > 0
  const decides = session.kind === 'person' && mayCall(session, 'approveProposal')
  return isByTwo && decides ? <WithProposals of={of} /> : <List of={of} />
}

/** For people who are each other's second person. */
function WithProposals({ of }: { of: WaitingFor[] }) {
  const toDecide = useProposals('waiting').length
  const own = useProposals('mine').filter(({ state }) => state === 'proposed').length
  return <List of={[...proposalsWaiting({ toDecide, own }), ...of]} />
}

function useProposals(view: string): Proposal[] {
  const list = useAnswer<Proposal[]>('getProposals', { query: { view, limit: '100' } })
  return list.state === 'there' ? list.data : []
}

/** Who decides about requests is asked for them with a signature: not at each visit of this page. */
const FILED_SECONDS = 300

/**
 * Undecided and declined requests of this server. Who decides is asked, the registry, so nothing waits for its answer; that it has none is
 * told elsewhere on the page, and a central server of X-Road never has one.
 */
function useFiled(): { all: Filed[]; askedAt?: string } {
  const { api, changes } = useConsole()
  const mayAct = useMay('revokeManagementRequest')
  const atFirst = useRef(changes)
  const [filed, setFiled] = useState<{ all: Filed[]; askedAt?: string }>({ all: [] })
  useEffect(() => {
    if (!mayAct) return
    const ending = new AbortController()
    const { signal } = ending
    // Who acted on this page looks for what became of it.
    const query = changes === atFirst.current ? { maxAgeSeconds: String(FILED_SECONDS) } : {}
    api.call<Filed[]>('getManagementRequests', { query, signal }).then(
      ({ data, headers }) =>
        !signal.aborted && setFiled({ all: data, askedAt: headers.get('x-asked-at') ?? '' }),
      () => undefined,
    )
    return () => ending.abort()
  }, [changes, mayAct])
  return filed
}

function List({ of }: { of: WaitingFor[] }) {
  const { session } = useConsole()
  const filed = useFiled()
  const all = [...of, ...requestsWaiting(filed.all, Date.now())]
  const waiting = all.filter(({ needs }) => mayCall(session, needs))
  return (
    <Part title={text('overview.forYou')}>
      {waiting.length === 0 ? (
        <p>{text('home.nothing')}</p>
      ) : (
        <ul class="waiting">
          {waiting.map(({ what, values, tone, to }) => (
            <li key={what}>
              <span>
                <Status tone={tone} word={WORDS[tone]} />
              </span>
              <Link to={to}>{text(what, values)}</Link>
            </li>
          ))}
        </ul>
      )}
      {filed.askedAt !== undefined && (
        <p class="beside">
          {text('home.requestsAsked')} <Time at={filed.askedAt} />
        </p>
      )}
    </Part>
  )
}
