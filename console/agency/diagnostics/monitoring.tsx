/**
 * What this server keeps of exchanges for monitoring, who is told all of it, and what a collector of
 * OpenTelemetry is told.
 */
import { Link } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'

type Collector = {
  url: string
  metricsSeconds: number
  traceShare: number
  spansWaiting: number
  spansLost: number
}
type Monitoring = {
  keepDays: number
  personalData: boolean
  records: number
  waiting: number
  oldestAt?: string
  lost: number
  client?: string
  collector?: Collector
}

export function MonitoringPage() {
  const found = useAnswer<Monitoring>('getMonitoring')
  return (
    <Show of={found} page="monitoring.title">
      {(one) => (
        <>
          <Head title={text('monitoring.title')} lead={text('monitoring.lead')} />
          <Records of={one} />
          <Part title={text('monitoring.collector')}>
            {one.collector === undefined ? (
              <p>{text('monitoring.noCollector')}</p>
            ) : (
              <Told of={one.collector} />
            )}
          </Part>
        </>
      )}
    </Show>
  )
}

function Records({ of }: { of: Monitoring }) {
  return (
    <Part title={text('monitoring.records')}>
      {of.keepDays === 0 && <p class="note">{text('monitoring.off')}</p>}
      <Facts
        of={[
          ['monitoring.kept', number(of.records)],
          [
            'monitoring.oldest',
            of.oldestAt === undefined ? text('common.none') : <Time at={of.oldestAt} relative />,
          ],
          ['monitoring.keepDays', text('monitoring.days', { days: of.keepDays })],
          ['monitoring.waiting', number(of.waiting)],
          ['monitoring.lost', number(of.lost)],
          ['monitoring.personal', text(of.personalData ? 'monitoring.personalIn' : 'monitoring.personalOut')],
          [
            'monitoring.client',
            <>
              {of.client === undefined ? text('monitoring.noClient') : <NamedId of={of.client} />}
              <p class="beside">{text('monitoring.ownAlone')}</p>
            </>,
          ],
        ]}
      />
    </Part>
  )
}

function Told({ of }: { of: Collector }) {
  const { metricsSeconds } = of
  return (
    <>
      <Facts
        of={[
          ['monitoring.url', <bdi class="id wrap">{of.url}</bdi>],
          [
            'monitoring.metricsEvery',
            metricsSeconds === 0
              ? text('monitoring.never')
              : text('monitoring.seconds', { seconds: metricsSeconds }),
          ],
          ['monitoring.share', `${of.traceShare * 100} %`],
          ['monitoring.spansWaiting', number(of.spansWaiting)],
          ['monitoring.spansLost', number(of.spansLost)],
        ]}
      />
      <p>
        {text('monitoring.jobs')} <Link to="/diagnostics">{text('diagnostics.title')}</Link>
      </p>
    </>
  )
}
