/**
 * Verifications of the whole log: the running one with its progress, earlier ones, and the first record that
 * is not intact.
 */
import { useEffect } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Throughput } from '../../kit/throughput.tsx'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import type { LogState } from '../overview/waiting.ts'
import { ExchangeLink } from '../words.tsx'

type Outcome = 'running' | 'holds' | 'broken' | 'failed' | 'interrupted'
type Verification = {
  id: number
  startedAt: string
  endedAt: string | null
  mode: 'full' | 'incremental'
  outcome: Outcome
  firstRecord: number
  records: number
  reason: string | null
  report: { problems: { index: number; what: string }[]; unstamped: number; checkpoints: number } | null
}

const AGAIN_MS = 2000
const OUTCOMES: Record<Outcome, [Tone, TextKey]> = {
  running: ['warn', 'verification.running'],
  holds: ['good', 'verification.holds'],
  broken: ['bad', 'verification.broken'],
  failed: ['bad', 'verification.failed'],
  interrupted: ['quiet', 'verification.interrupted'],
}
const SHOWN = 20

export function VerificationPage() {
  const { changed } = useConsole()
  const newest = useAnswer<Verification[]>('getVerifications', { query: { limit: '1' } })
  const isRunning =
    newest.state === 'there' &&
    !newest.stale &&
    newest.outdated === undefined &&
    newest.data[0]?.outcome === 'running'
  useEffect(() => {
    if (!isRunning) return
    const timer = setTimeout(changed, AGAIN_MS)
    return () => clearTimeout(timer)
  }, [newest])
  return (
    <>
      <Head title={text('verification.title')} lead={text('verification.lead')} acts={<Start />} />
      <Part title={text('verification.newest')}>
        <Show of={newest}>
          {([one]) => (one === undefined ? <p>{text('verification.empty')}</p> : <Newest of={one} />)}
        </Show>
      </Part>
      <Part title={text('verification.all')}>
        <CursorTable<Verification>
          operation="getVerifications"
          caption={text('verification.all')}
          filters={[
            {
              name: 'outcome',
              title: 'verification.outcome',
              options: [
                { value: '', title: text('common.all') },
                ...Object.entries(OUTCOMES).map(([value, [, word]]) => ({ value, title: text(word) })),
              ],
            },
          ]}
          rowKey={({ id }) => id}
          columns={[
            { title: 'verification.startedAt', cell: ({ startedAt }) => <Time at={startedAt} /> },
            {
              title: 'verification.endedAt',
              cell: ({ endedAt }) => (endedAt === null ? null : <Time at={endedAt} />),
            },
            { title: 'verification.mode', cell: ({ mode }) => text(modeText(mode)) },
            { title: 'verification.outcome', cell: (one) => <Ended of={one} /> },
            { title: 'verification.from', number: true, cell: ({ firstRecord }) => number(firstRecord) },
            { title: 'verification.records', number: true, cell: ({ records }) => number(records) },
          ]}
          empty={<p>{text('verification.empty')}</p>}
        />
      </Part>
    </>
  )
}

function modeText(mode: Verification['mode']): TextKey {
  return mode === 'full' ? 'verification.full' : 'verification.incremental'
}

function Start() {
  const { api } = useConsole()
  return (
    <Act<Verification>
      operation="startVerification"
      button={text('verification.start')}
      look="primary"
      title={text('verification.start')}
      consequence={<p>{text('verification.startConsequence')}</p>}
      fields={[
        {
          name: 'how',
          title: 'verification.mode',
          type: 'select',
          initial: 'incremental',
          options: (['incremental', 'full'] as const).map((value) => ({
            value,
            title: text(value === 'full' ? 'verification.fromTheFirst' : 'verification.sinceTheLast'),
          })),
        },
      ]}
      send={({ how }) => api.call('startVerification', { body: { full: how === 'full' } })}
      result={() => <p>{text('verification.started')}</p>}
    />
  )
}

/** Since the run began; a run that has not come anywhere says nothing. */
function PaceOf({ of, size, now }: { of: Verification; size: number; now: string }) {
  const perSecond = ((of.records - of.firstRecord) * 1000) / (Date.parse(now) - Date.parse(of.startedAt))
  if (!(perSecond > 0 && Number.isFinite(perSecond))) return null
  return <Throughput perSecond={perSecond} seconds={Math.max(0, size - of.records) / perSecond} />
}

function Newest({ of }: { of: Verification }) {
  const log = useAnswer<LogState>('getMessageLogState')
  const { outcome, startedAt, endedAt, mode, firstRecord, records, report } = of
  const size = log.state === 'there' ? log.data.records : 0
  return (
    <>
      <Facts
        of={[
          ['verification.outcome', <Ended key="outcome" of={of} />],
          ['verification.mode', text(modeText(mode))],
          ['verification.startedAt', <Time key="start" at={startedAt} relative />],
          [
            'verification.endedAt',
            endedAt === null ? text('verification.goesOn') : <Time key="end" at={endedAt} relative />,
          ],
          ['verification.records', text('verification.upTo', { from: firstRecord, records })],
          ...(report === null
            ? []
            : ([['verification.unstamped', number(report.unstamped)]] as [TextKey, string][])),
        ]}
      />
      {outcome === 'running' && (
        <>
          <progress max={Math.max(1, size)} value={records} aria-label={text('verification.progress')} />
          <p class="beside">{text('exports.progress', { looked: records, size })}</p>
          {log.state === 'there' && <PaceOf of={of} size={size} now={log.data.now} />}
        </>
      )}
      {report !== null && report.problems.length > 0 && (
        <>
          <h3>{text('verification.problems')}</h3>
          <ul class="plain-list">
            {report.problems.slice(0, SHOWN).map(({ index, what }) => (
              <li key={`${index} ${what}`} class="wrap">
                <Where index={index} /> {what}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}

function Where({ index }: { index: number }) {
  return useMay('getExchange') ? (
    <ExchangeLink index={index} />
  ) : (
    <span>{text('integrity.problem', { index: String(index) })}</span>
  )
}

function Ended({ of: { outcome, reason, report } }: { of: Verification }) {
  const [tone, word] = OUTCOMES[outcome]
  const [first] = report?.problems ?? []
  return (
    <>
      <Status tone={tone} word={word} />
      {first !== undefined ? (
        <p class="wrap">
          {text('verification.first', { index: String(first.index) })} {first.what}
        </p>
      ) : (
        reason !== null && (
          <p>
            <Told words={reason} />
          </p>
        )
      )}
    </>
  )
}
