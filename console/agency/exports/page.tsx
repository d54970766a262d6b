/** Exports that were ordered: their progress and files. */
import { useEffect } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { LongText } from '../../kit/long-text.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Throughput } from '../../kit/throughput.tsx'
import { Time } from '../../kit/time.tsx'
import { AskedFor } from '../asked-for.tsx'
import { AskForContent } from '../content-requests/ask.tsx'
import { WHY, whyOf } from '../why.ts'

type Export = {
  id: string
  orderedBy: string
  orderedAt: string
  format: 'csv' | 'jsonl' | 'bundles'
  filter: Record<string, unknown>
  case: string | null
  reason: string | null
  state: 'waiting' | 'running' | 'done' | 'failed'
  looked: number
  size: number
  perSecond?: number
  remainingSeconds?: number
  records: number
  error: string | null
  expiresAt: string
}

const AGAIN_MS = 1000
const STATES: Record<Export['state'], [Tone, TextKey]> = {
  waiting: ['quiet', 'exports.waiting'],
  running: ['warn', 'exports.running'],
  done: ['good', 'exports.done'],
  failed: ['bad', 'exports.failed'],
}
const FORMATS: Record<Export['format'], TextKey> = {
  csv: 'exports.csv',
  jsonl: 'exports.jsonl',
  bundles: 'exports.bundles',
}

export function ExportsPage() {
  const { changed } = useConsole()
  const list = useAnswer<Export[]>('getExports')
  const isUnderWay =
    list.state === 'there' &&
    !list.stale &&
    list.outdated === undefined &&
    list.data.some(({ state }) => state === 'waiting' || state === 'running')
  useEffect(() => {
    if (!isUnderWay) return
    const timer = setTimeout(changed, AGAIN_MS)
    return () => clearTimeout(timer)
  }, [list])
  return (
    <>
      <Head title={text('exports.title')} lead={text('exports.lead')} />
      <p class="above-list">
        {text('exports.verify')}{' '}
        <a href="/console/verify.html" download="verify.html">
          {text('exports.verifyPage')}
        </a>
      </p>
      <Show of={list}>
        {(all) => (
          <HeldTable<Export>
            caption={text('exports.title')}
            rows={all}
            rowKey={({ id }) => id}
            search="exports.search"
            words={({ orderedBy, case: number, reason }) => [orderedBy, number, reason].join(' ')}
            filters={[
              {
                ...{ name: 'state', title: 'exports.state' },
                options: [
                  { value: '', title: text('common.all') },
                  ...Object.entries(STATES).map(([value, [, word]]) => ({ value, title: text(word) })),
                ],
                fits: ({ state }, value) => state === value,
              },
            ]}
            columns={[
              {
                title: 'exports.orderedAt',
                cell: ({ orderedAt, orderedBy }) => (
                  <>
                    <Time at={orderedAt} />
                    <br />
                    <bdi class="beside">{orderedBy}</bdi>
                  </>
                ),
              },
              { title: 'exports.format', cell: ({ format }) => text(FORMATS[format]) },
              { title: 'exports.filter', cell: (one) => <Asked {...one} /> },
              { title: 'exports.state', cell: (one) => <State {...one} /> },
              { title: 'exports.records', number: true, cell: ({ records }) => number(records) },
              { title: 'exports.expiresAt', cell: ({ expiresAt }) => <Time at={expiresAt} relative /> },
              { title: 'common.acts', cell: (one) => <Acts {...one} />, acts: ['downloadExport'] },
            ]}
            empty={
              <p>
                {text('exports.empty')} <Link to="/records">{text('search.title')}</Link>
              </p>
            }
          />
        )}
      </Show>
    </>
  )
}

function Asked({ filter, case: number, reason }: Export) {
  return (
    <>
      {Object.keys(filter).length === 0 ? text('exports.everything') : <AskedFor of={filter} />}
      {number !== null && (
        <p>
          <span class="beside">{text('why.case')}</span> <bdi>{number}</bdi>
          {reason !== null && <LongText of={reason} look="beside" />}
        </p>
      )}
    </>
  )
}

function State({ state, looked, size, perSecond, remainingSeconds, error, id }: Export) {
  const [tone, word] = STATES[state]
  const part = size === 0 ? 0 : looked / size
  return (
    <>
      <Status tone={tone} word={word} />
      {state === 'running' && (
        <>
          <progress max={1} value={part} aria-label={text('exports.progressOf', { id: id.slice(0, 8) })} />
          <p class="beside">{text('exports.progress', { looked, size })}</p>
          {perSecond !== undefined && remainingSeconds !== undefined && (
            <Throughput perSecond={perSecond} seconds={remainingSeconds} />
          )}
        </>
      )}
      {error !== null && <p class="wrap">{error}</p>}
    </>
  )
}

function Acts(one: Export) {
  const { api } = useConsole()
  const mayReadContent = useMay('downloadEvidenceBundle')
  const name = one.id.slice(0, 8)
  const isContent = one.format === 'bundles' || 'subjectSearch' in one.filter
  return (
    <div class="acts">
      {isContent && one.state === 'done' && (
        <AskForContent of={{ exportId: one.id }} label={text('contentRequests.askFor', { id: name })} />
      )}
      {one.state === 'done' && (!isContent || mayReadContent) && (
        <Act<File>
          operation="downloadExport"
          button={text('exports.download')}
          label={text('exports.downloadThis', { id: name })}
          look="quiet"
          reads
          title={text('exports.download')}
          consequence={<p>{text(isContent ? 'exports.downloadContent' : 'exports.downloadRows')}</p>}
          fields={isContent ? WHY : []}
          send={(values) =>
            api.download('downloadExport', {
              params: { id: one.id },
              ...(isContent ? { query: whyOf(values) } : {}),
            })
          }
          result={(file) => <Saved file={file} />}
        />
      )}
      <Act<unknown>
        operation="deleteExport"
        button={text('common.remove')}
        label={text('common.removeThis', { what: name })}
        look="quiet"
        title={text('exports.remove')}
        consequence={<p>{text('exports.removeConsequence')}</p>}
        send={() => api.call('deleteExport', { params: { id: one.id } })}
        result={() => <p>{text('exports.removed')}</p>}
      />
    </div>
  )
}
