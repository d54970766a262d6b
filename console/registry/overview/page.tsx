/** The first page: what waits for this person, what waits for others, and the instance in numbers. */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { Calm, CalmLine, WithCalm } from '../../kit/calm.tsx'
import { Chart } from '../../kit/chart.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { type Ending, EndingSoon } from '../../kit/ending-soon.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { dateFormat } from '../../kit/formats.ts'
import { LastActs } from '../../kit/last-acts.tsx'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { Empty, Loading, Refused, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status, Validity } from '../../kit/status.tsx'
import { locale, number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import type { Configuration } from '../configuration/page.tsx'
import { ServerLink } from '../links.tsx'
import type { System } from '../settings/page.tsx'
import type { CertificationService } from '../trust-services/certification-service.tsx'
import type { TimestampingService } from '../trust-services/timestamping-service.tsx'
import { Health } from './health.tsx'
import { LastDay, OwnProposals } from './last-day.tsx'
import { type Overview, type Waiting, waitingOf } from './waiting.ts'

export function OverviewPage() {
  const overview = useAnswer<Overview>('getOverview')
  const system = useAnswer<System>('getSystem')
  const configuration = useAnswer<Configuration>('getConfiguration')
  const certification = useAnswer<CertificationService[]>('getCertificationServices')
  const timestamping = useAnswer<TimestampingService[]>('getTimestampingServices')
  return (
    <>
      <Head title={text('overview.title')} />
      <WithCalm>
        <All of={{ overview, system, configuration, certification, timestamping }}>
          {(known) => <WaitingParts all={waitingOf(known)} />}
        </All>
        <CalmLine />
        {useMay('getProposals') && <OwnProposals />}
        <Health overview={overview} configuration={configuration} />
        <Show of={overview} quiet>
          {(data) => <Numbers of={data} />}
        </Show>
        <LastDay />
        <Show of={configuration} quiet>
          {(data) => <ConfigurationAge of={data} />}
        </Show>
        <Show of={overview} quiet>
          {(data) => <Expiring of={data} />}
        </Show>
        <EndingSoon pageOf={pageOf} without="AUTHENTICATION" />
        {useMay('getLastActs') && <LastActs all="/audit-log" />}
      </WithCalm>
    </>
  )
}

/** Certificates have a part of their own. */
function pageOf({ kind, of }: Ending): string {
  if (kind === 'CONTRACT') return `/contracts/${of}`
  return kind === 'HOSTING_MANDATE' ? '/hosting-mandates?state=inForce' : '/api-keys'
}

type There<L> = { [K in keyof L]: L[K] extends Loaded<infer T> ? T : never }

/**
 * Shows content that needs several answers, once all are there; for the whole page, since when those stand
 * that could not be refreshed.
 */
function All<L extends Record<string, Loaded<unknown>>>(q: {
  of: L
  children: (data: There<L>) => ComponentChildren
}) {
  return (
    <>
      <NotRefreshed of={Object.values(q.of)} />
      <OnceThere {...q} />
    </>
  )
}

function OnceThere<L extends Record<string, Loaded<unknown>>>(q: {
  of: L
  children: (data: There<L>) => ComponentChildren
}) {
  const data: Record<string, unknown> = {}
  for (const [name, loaded] of Object.entries(q.of)) {
    if (loaded.state === 'refused') return <Refused fault={loaded.fault} again={loaded.again} />
    if (loaded.state === 'loading') return <Loading />
    data[name] = loaded.data
  }
  return <>{q.children(data as There<L>)}</>
}

function WaitingParts({ all }: { all: Waiting[] }) {
  const { session } = useConsole()
  const mine = all.filter(({ operation }) => mayCall(session, operation))
  const others = all.filter((one) => !mine.includes(one))
  return (
    <>
      {mine.length === 0 ? (
        <Calm name="waiting" words={text('overview.nothingForYou')} />
      ) : (
        <Part title={text('overview.forYou')}>
          <WaitingList of={mine} />
        </Part>
      )}
      {others.length > 0 && (
        <Part title={text('overview.forOthers')}>
          <WaitingList of={others} />
        </Part>
      )}
    </>
  )
}

function WaitingList({ of }: { of: Waiting[] }) {
  return (
    <ul class="waiting">
      {of.map(({ what, values, tone, to }) => (
        <li key={what + JSON.stringify(values)}>
          <span>
            <Status tone={tone} word={tone === 'bad' ? 'status.urgent' : 'status.soon'} />
          </span>
          {to === '/' ? (
            <a href="#expiring">{text(what, values)}</a>
          ) : (
            <Link to={to}>{text(what, values)}</Link>
          )}
        </li>
      ))}
    </ul>
  )
}

function Numbers({ of: { counts } }: { of: Overview }) {
  const shown = [
    ['/members', counts.members, 'members.title'],
    ['/subsystems', counts.subsystems, 'subsystems.title'],
    ['/security-servers', counts.securityServers, 'servers.title'],
    ['/global-groups', counts.globalGroups, 'groups.title'],
  ] as const
  return (
    <ul class="counts">
      {shown.map(([to, count, title]) => (
        <li key={to}>
          <Link to={to}>
            <strong>{number(count)}</strong> {text(title)}
          </Link>
        </li>
      ))}
    </ul>
  )
}

function ConfigurationAge({ of: { newest } }: { of: Configuration }) {
  return (
    <Part title={text('configuration.title')} acts={<Link to="/configuration">{text('overview.more')}</Link>}>
      {newest === null ? (
        <Empty>
          <p>{text('configuration.none')}</p>
        </Empty>
      ) : (
        <Facts
          of={[
            ['configuration.index', number(newest.index)],
            ['configuration.generatedAt', <Time key="at" at={newest.generatedAt} relative />],
            ['configuration.expiresAt', <Time key="until" at={newest.expiresAt} relative />],
          ]}
        />
      )}
    </Part>
  )
}

function Expiring({ of }: { of: Overview }) {
  const { total, soonest, weeks, withinDays } = of.expiringCertificates
  if (total === 0)
    // A server without one is told of under health: beside that it would not be calm that none ends.
    return of.serversWithoutCertificate > 0 ? null : (
      <Calm name="certificates" words={text('overview.noneExpires', { days: withinDays })} />
    )
  const day = dateFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' })
  return (
    <section class="part" id="expiring" tabIndex={-1} aria-labelledby="expiring-title">
      <header>
        <h2 id="expiring-title">{text('overview.expiring')}</h2>
      </header>
      {weeks.some(({ certificates }) => certificates > 0) && (
        <Chart
          title={text('overview.expiringByWeek')}
          labelTitle={text('overview.week')}
          valueTitle={text('servers.certificates')}
          open={text('overview.asTable')}
          bars={weeks.map(({ from, certificates }) => ({
            label: day.format(new Date(from)),
            value: certificates,
          }))}
        />
      )}

      {soonest.length < total && <p>{text('overview.soonest', { shown: soonest.length, total })}</p>}
      <Rows<(typeof soonest)[number]>
        caption={text('overview.expiring')}
        rows={soonest}
        rowKey={({ sha256 }) => sha256}
        columns={[
          { title: 'servers.one', cell: ({ server }) => <ServerLink id={server} /> },
          { title: 'certificate.state', cell: ({ notAfter }) => <Validity notAfter={notAfter} /> },
          { title: 'certificate.notAfter', cell: ({ notAfter }) => <Time at={notAfter} relative /> },
        ]}
      />
    </section>
  )
}
