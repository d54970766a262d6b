/**
 * The first page: what waits, how the server is, the last day, what ends soon and who did what. Each part
 * asks for itself, so that one that fails leaves the others.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { Calm, CalmLine, WithCalm } from '../../kit/calm.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { type Ending, EndingSoon } from '../../kit/ending-soon.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { LastActs } from '../../kit/last-acts.tsx'
import { type Loaded, totalOf, useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { Refused, Show } from '../../kit/placeholders.tsx'
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
import { byUrgency } from './urgency.ts'
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
  const mayActs = useMay('getLastActs')
  const server = state.state === 'there' ? state.data.server : undefined
  return (
    <>
      <Head
        title={text('home.title')}
        {...(server !== undefined && { lead: <Copyable value={server} label={text('home.server')} /> })}
      />
      <FirstStartNote />
      <WithCalm>
        <Show of={state} quiet>
          {(log) => {
            const found = { waiting: waitingOf(log), answers: [state] }
            return mayConfirm ? <WithContracts of={found} /> : <AndMessages of={found} />
          }}
        </Show>
        <CalmLine />
        <Health />
        <LastDay />
        <EndingSoon pageOf={pageOf} />
        {mayActs && <LastActs all="/acts" />}
      </WithCalm>
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
      <Part title={text('home.log')} acts={<Link to="/integrity">{text('integrity.title')}</Link>}>
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

/** What waits, and the answers that it was counted from. */
type Found = { waiting: WaitingFor[]; answers: Loaded<unknown>[] }

/**
 * For people who manage contracts: contracts that wait for a member of this server come after urgent matters
 * of the log.
 */
function WithContracts({ of }: { of: Found }) {
  const answers = [
    useContracts({ waiting: 'true' }),
    useContracts({ unconfirmed: 'true' }),
    useContracts({ ending: 'true' }),
    useContracts({ state: 'PROPOSED' }),
  ]
  const [toAccept = 0, unconfirmed = 0, toEnd = 0, proposed = 0] = answers.map((one) =>
    one.state === 'there' ? one.total : 0,
  )
  const contracts = contractsWaiting({ toAccept, toEnd, unconfirmed, proposed })
  return <AndMessages of={{ waiting: [...of.waiting, ...contracts], answers: [...of.answers, ...answers] }} />
}

const useContracts = (query: Record<string, string>) =>
  useAnswer<object>('getContracts', { query: { ...query, limit: '1' } })

/**
 * For people who decide about dead letters and subscriptions: dead letters come first, since nothing else
 * moves them.
 */
function AndMessages({ of }: { of: Found }) {
  return useMay('getDeliveries') ? <WithMessages of={of} /> : <AndComplaints of={of} />
}

function WithMessages({ of }: { of: Found }) {
  const [outbox, inbox] = [useDead('outbox'), useDead('inbox')]
  const subscriptions = useAnswer<{ counts: { lapsed: number; suspended: number } }>('getSubscriptions', {
    query: { limit: '1' },
  })
  const waiting = [
    ...deliveriesWaiting({ outbox: deadIn(outbox), inbox: deadIn(inbox) }),
    ...(subscriptions.state === 'there' ? subscriptionsWaiting(subscriptions.data.counts) : []),
    ...of.waiting,
  ]
  return <AndComplaints of={{ waiting, answers: [...of.answers, outbox, inbox, subscriptions] }} />
}

type Dead = { counts: { dead?: number } }

const useDead = (box: string) =>
  useAnswer<Dead>('getDeliveries', { query: { box, state: 'dead', limit: '1' } })

function deadIn(list: Loaded<Dead>): number {
  return list.state === 'there' ? (list.data.counts.dead ?? 0) : 0
}

function AndComplaints({ of }: { of: Found }) {
  return useMay('getComplaintCounts') ? <WithComplaints of={of} /> : <Waiting of={of} />
}

/** For people who answer complaints. */
function WithComplaints({ of }: { of: Found }) {
  const counts = useAnswer<{ open: number; late: number }>('getComplaintCounts')
  const complaints = counts.state === 'there' ? complaintsWaiting(counts.data) : []
  return <Waiting of={{ waiting: [...complaints, ...of.waiting], answers: [...of.answers, counts] }} />
}

const WORDS: Record<Tone, TextKey> = {
  good: 'status.soon',
  warn: 'status.soon',
  bad: 'status.urgent',
  quiet: 'status.withOthers',
}

function Waiting({ of }: { of: Found }) {
  const { session } = useConsole()
  const isByTwo = Array.isArray(session.fourEyes) && session.fourEyes.length > 0
  const decides = session.kind === 'person' && mayCall(session, 'approveProposal')
  return isByTwo && decides ? <WithProposals of={of} /> : <List of={of} />
}

/** For people who are each other's second person. */
function WithProposals({ of }: { of: Found }) {
  const [others, mine] = [useProposals('waiting'), useProposals('mine')]
  const toDecide = totalOf(others)
  const own = mine.state === 'there' ? mine.data.filter(({ state }) => state === 'proposed').length : 0
  const waiting = [...proposalsWaiting({ toDecide, own }), ...of.waiting]
  return <List of={{ waiting, answers: [...of.answers, others, mine] }} />
}

const useProposals = (view: string) =>
  useAnswer<Proposal[]>('getProposals', { query: { view, limit: '100' } })

/** Who decides about requests is asked for them with a signature: not at each visit of this page. */
const FILED_SECONDS = 300

/**
 * Undecided and declined requests of this server. Who decides is asked, the registry, so nothing waits for
 * its answer; that it has none is told elsewhere on the page, and a central server of X-Road never has one.
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

function List({ of }: { of: Found }) {
  const { session } = useConsole()
  const filed = useFiled()
  const all = [...of.waiting, ...requestsWaiting(filed.all, Date.now())]
  const waiting = byUrgency(all.filter(({ needs }) => mayCall(session, needs)))
  const refused = of.answers.find((one) => one.state === 'refused')
  const isOutdated = of.answers.some((one) => one.state === 'there' && one.outdated !== undefined)
  if (waiting.length === 0 && refused === undefined && !isOutdated) {
    const asked = filed.askedAt === undefined ? {} : { at: filed.askedAt }
    const words = [text('home.nothing'), ...(filed.askedAt === undefined ? [] : [text('home.requestsAsked')])]
    return <Calm name="waiting" words={words.join(' ')} {...asked} />
  }
  return (
    <Part title={text('overview.forYou')}>
      <NotRefreshed of={of.answers} />
      {/* Nothing is said not to wait that could not be counted. */}
      {refused !== undefined && <Refused fault={refused.fault} again={refused.again} />}
      {waiting.length === 0 && refused !== undefined ? null : waiting.length === 0 ? (
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
