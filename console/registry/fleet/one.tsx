/** One server: present problems, its last report, how it was reached, earlier problems. */
import { Act } from '../../kit/act.tsx'
import { changeQuery, useAddress } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Step } from '../../kit/paging.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { lasting, Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import { ClientLink, ServerLink } from '../links.tsx'
import {
  type FleetServer,
  PortStatus,
  type Probe,
  SeverityStatus,
  type Trouble,
  troubleName,
  Worst,
} from './trouble.tsx'

type Certificate = {
  sha256: string
  usage: 'AUTHENTICATION' | 'SIGNING'
  member?: string
  notAfter: string
  ocsp: 'good' | 'revoked' | 'unknown' | 'stale' | 'none'
  ocspFailure?: string
}
type Report = {
  createdAt: string
  configuration: { index?: number; fetchedAt?: string; expiresAt?: string; failure?: string }
  timeStamping: { oldestUnstamped?: string; failure?: string }
  clockErrorMs?: number
  certificates: Certificate[]
}
type Past = Trouble & { until: string | null }
type Server = FleetServer & { history: Past[]; olderBefore?: number | null; report?: Report }

const CURSOR = /^[1-9]\d{0,14}$/

export function OneServer({ params }: { params: Record<string, string> }) {
  const given = useAddress().query.get('before') ?? ''
  const before = CURSOR.test(given) ? given : ''
  const loaded = useAnswer<Server>('getFleetServer', { params: { id: params['id']! }, query: { before } })
  return (
    <Show of={loaded} page="fleet.one">
      {(server) => (
        <>
          <Head
            title={server.id.split(':').at(-1)!}
            lead={<Copyable value={server.id} />}
            acts={
              <Act<Probe>
                operation="probeSecurityServer"
                button={text('fleet.probe')}
                title={text('fleet.probe')}
                consequence={<p>{text('fleet.probeConsequence')}</p>}
                send={(_, call) => call('probeSecurityServer', { params: { id: server.id } })}
                result={(probe) => <Ports of={probe} />}
              />
            }
          />
          <Part title={text('fleet.now')}>
            <p>
              <Worst of={server} />
            </p>
            {server.troubles.length > 0 && (
              <Rows<Trouble>
                caption={text('fleet.now')}
                rows={server.troubles}
                rowKey={({ kind }) => kind}
                columns={[WHAT, SEVERITY, MESSAGE, SINCE]}
              />
            )}
          </Part>
          <Part title={text('fleet.report')}>
            {server.report === undefined ? (
              <p>{text('fleet.neverReported')}</p>
            ) : (
              <ReportFacts of={server} report={server.report} />
            )}
          </Part>
          <Part title={text('fleet.reach')}>
            {server.probe === null ? <p>{text('fleet.notProbed')}</p> : <Ports of={server.probe} />}
          </Part>
          <Part title={text('fleet.history')}>
            <HeldTable<Past>
              caption={text('fleet.history')}
              rows={server.history}
              rowKey={({ kind, since }) => `${kind} ${since}`}
              search="fleet.searchHistory"
              words={({ kind, message }) => `${troubleName(kind)} ${message}`}
              columns={[WHAT, SEVERITY, MESSAGE, SINCE, UNTIL]}
              empty={<p>{text(before === '' ? 'fleet.noHistory' : 'fleet.noOlder')}</p>}
              isPart={before !== '' || server.olderBefore != null}
            />
            <OtherPast before={before} olderBefore={server.olderBefore ?? null} />
          </Part>
          <p>
            {text('fleet.inRegister')} <ServerLink id={server.id} />
          </p>
        </>
      )}
    </Show>
  )
}

const WHAT = { title: 'fleet.what', cell: ({ kind }: Trouble) => troubleName(kind) } as const
const SEVERITY = {
  title: 'fleet.state',
  cell: ({ severity }: Trouble) => <SeverityStatus of={severity} />,
} as const
const MESSAGE = {
  title: 'fleet.message',
  cell: ({ message }: Trouble) => <Told words={message} />,
} as const
const SINCE = { title: 'fleet.since', cell: ({ since }: Trouble) => <Time at={since} relative /> } as const

const UNTIL = {
  title: 'fleet.until',
  cell: ({ until }: Past) => (until === null ? text('fleet.goesOn') : <Time at={until} />),
} as const

/** An answer has a part of a long history: where the other parts are. */
function OtherPast({ before, olderBefore }: { before: string; olderBefore: number | null }) {
  if (before === '' && olderBefore === null) return null
  const goTo = (cursor: string): void => changeQuery({ before: cursor, page: '' })
  return (
    <nav class="paging" aria-label={text('fleet.history')}>
      <p>{text(olderBefore === null ? 'fleet.noOlder' : 'fleet.hasOlder')}</p>
      <div class="acts">
        <Step isOff={before === ''} go={() => goTo('')}>
          {text('search.newest')}
        </Step>
        <Step isOff={olderBefore === null} go={() => goTo(String(olderBefore))}>
          {text('search.older')}
        </Step>
      </div>
    </nav>
  )
}

function ReportFacts({ of, report }: { of: FleetServer; report: Report }) {
  const { configuration, timeStamping, clockErrorMs, certificates } = report
  const time = (at: string | undefined) =>
    at === undefined ? text('fleet.notKnown') : <Time at={at} relative />
  const failure = (why: string | undefined) =>
    why === undefined ? text('common.none') : <bdi class="wrap">{why}</bdi>
  return (
    <>
      <Facts
        of={[
          ['fleet.reportedAt', time(of.reportedAt ?? undefined)],
          ['fleet.version', <bdi key="version">{of.version}</bdi>],
          [
            'fleet.index',
            configuration.index === undefined ? text('fleet.notKnown') : number(configuration.index),
          ],
          ['fleet.configuration', time(configuration.fetchedAt)],
          ['fleet.expiresAt', time(configuration.expiresAt)],
          ['fleet.fetchFailure', failure(configuration.failure)],
          [
            'fleet.unstamped',
            timeStamping.oldestUnstamped === undefined
              ? text('common.none')
              : time(timeStamping.oldestUnstamped),
          ],
          ['fleet.stampFailure', failure(timeStamping.failure)],
          ['fleet.clock', clockErrorMs === undefined ? text('fleet.notKnown') : clockWords(clockErrorMs)],
        ]}
      />
      <HeldTable<Certificate>
        caption={text('fleet.certificates')}
        name="certificates"
        rows={certificates}
        rowKey={({ sha256 }) => sha256}
        words={({ usage, member, sha256 }) => [usage, member, sha256].join(' ')}
        columns={[
          { title: 'fleet.usage', cell: ({ usage }) => text(`fleet.usage.${usage}` as TextKey) },
          {
            title: 'fleet.member',
            cell: ({ member }) => (member === undefined ? text('common.none') : <ClientLink id={member} />),
          },
          { title: 'fleet.certificate', cell: ({ sha256 }) => <Copyable value={sha256} /> },
          { title: 'fleet.ends', cell: ({ notAfter }) => <Time at={notAfter} relative /> },
          {
            title: 'fleet.ocsp',
            cell: ({ ocsp, ocspFailure }) => (
              <>
                <Status tone={ocsp === 'good' ? 'good' : 'bad'} word={`fleet.ocsp.${ocsp}`} />
                {ocspFailure !== undefined && (
                  <p>
                    <bdi class="beside wrap">{ocspFailure}</bdi>
                  </p>
                )}
              </>
            ),
          },
        ]}
        empty={<p>{text('common.none')}</p>}
      />
    </>
  )
}

function Ports({ of: { messagePort, ocspPort, certificate, at } }: { of: Probe }) {
  return (
    <Facts
      of={[
        ['fleet.triedAt', <Time key="at" at={at} relative />],
        ['fleet.port5500', <PortStatus key="message" state={messagePort} />],
        ['fleet.port5577', <PortStatus key="ocsp" state={ocspPort} />],
        [
          'fleet.shown',
          certificate === undefined ? text('common.none') : <Copyable key="shown" value={certificate} />,
        ],
      ]}
    />
  )
}

function clockWords(ms: number): string {
  if (Math.abs(ms) < 500) return text('fleet.clockRight')
  return text(ms > 0 ? 'fleet.clockAhead' : 'fleet.clockBehind', { by: lasting(ms) })
}
