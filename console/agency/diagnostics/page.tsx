/**
 * Each part of the server: how it is, what is wrong, and what to do about it. The whole can be taken away as
 * a report.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NodesPart } from '../../kit/nodes.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Saved } from '../../kit/saved.tsx'
import { Status } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import { type Finding, partOf, TONES, worstFirst } from './parts.ts'

type Diagnosis = { checkedAt: string; process: { version: string; node: string }; items: Finding[] }
type Job = {
  kind: string
  waiting: number
  lastEndedAt: string | null
  lastSucceededAt: string | null
  lastError: string | null
}

const STATES = ['ERROR', 'WARNING', 'OK'] as const

export function DiagnosticsPage() {
  const found = useAnswer<Diagnosis>('getDiagnostics')
  const mayJobs = useMay('getJobs')
  const mayNodes = useMay('getNodes')
  return (
    <>
      <Head title={text('diagnostics.title')} lead={text('diagnostics.lead')} acts={<Report />} />
      <Show of={found}>{(one) => <Parts of={one} />}</Show>
      {mayNodes && (
        <NodesPart
          texts={{
            lead: 'nodes.lead',
            leadOfAll: 'nodes.leadOfAll',
            alone: 'nodes.alone',
            leaveConsequence: 'nodes.leaveConsequence',
            joinConsequence: 'nodes.joinConsequence',
          }}
        />
      )}
      {mayJobs && <Jobs />}
    </>
  )
}

function Parts({ of: { checkedAt, process, items } }: { of: Diagnosis }) {
  const wrong = items.filter(({ state }) => state !== 'OK').length
  return (
    <Part title={text('diagnostics.parts')}>
      <p>
        {wrong === 0 ? (
          <Status tone="good" word="diagnostics.allGood" />
        ) : (
          <strong>{text('diagnostics.wrong', { count: wrong })}</strong>
        )}{' '}
        <span class="beside">
          {text('diagnostics.checkedAt')} <Time at={checkedAt} relative />
        </span>
      </p>
      <p class="beside">{text('diagnostics.version', process)}</p>
      <HeldTable<Finding>
        caption={text('diagnostics.parts')}
        rows={worstFirst(items)}
        rowKey={({ name }) => name}
        search="diagnostics.search"
        words={({ name, message, remedy = '' }) => `${partOf(name).title} ${name} ${message} ${remedy}`}
        filters={[
          {
            ...{ name: 'state', title: 'common.state' },
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((value) => ({ value, title: text(`diagnostics.state.${value}`) })),
            ],
            fits: ({ state }, value) => state === value,
          },
        ]}
        columns={[
          {
            title: 'diagnostics.part',
            cell: ({ name, state }) => (
              <>
                <Status tone={TONES[state]} word={`diagnostics.state.${state}`} /> <Name of={name} />
              </>
            ),
          },
          {
            title: 'explain.found',
            cell: ({ message, remedy }) => (
              <>
                <Told words={message} />
                {remedy !== undefined && (
                  <p>
                    <strong>
                      <Told words={remedy} />
                    </strong>
                  </p>
                )}
              </>
            ),
          },
        ]}
        empty={<p>{text('diagnostics.nothing')}</p>}
      />
    </Part>
  )
}

function Name({ of }: { of: string }) {
  const { title, which, page } = partOf(of)
  return (
    <>
      {page === undefined ? title : <Link to={page}>{title}</Link>}
      {which !== '' && (
        <p class="beside">
          <bdi class="id wrap">{which}</bdi>
        </p>
      )}
    </>
  )
}

function Jobs() {
  const found = useAnswer<Job[]>('getJobs')
  return (
    <Part title={text('diagnostics.jobs')}>
      <p>{text('diagnostics.jobsLead')}</p>
      <details>
        <summary>{text('diagnostics.showJobs')}</summary>
        <Show of={found}>
          {(all) => (
            <Rows<Job>
              caption={text('diagnostics.jobs')}
              rows={all}
              rowKey={({ kind }) => kind}
              columns={[
                { title: 'common.name', cell: ({ kind }) => <bdi class="id wrap">{kind}</bdi> },
                {
                  title: 'common.state',
                  cell: ({ lastError, lastEndedAt }) =>
                    lastError !== null ? (
                      <Status tone="warn" word="diagnostics.failed" />
                    ) : lastEndedAt === null ? (
                      <Status tone="quiet" word="diagnostics.notYet" />
                    ) : (
                      <Status tone="good" word="diagnostics.succeeded" />
                    ),
                },
                {
                  title: 'diagnostics.lastSuccess',
                  cell: ({ lastSucceededAt }) =>
                    lastSucceededAt !== null && <Time at={lastSucceededAt} relative />,
                },
                {
                  title: 'explain.found',
                  cell: ({ lastError }) => lastError !== null && <Told words={lastError} />,
                },
              ]}
            />
          )}
        </Show>
      </details>
    </Part>
  )
}

/** For whoever helps: the page says what is in it before it is made. */
function Report() {
  return (
    <Act<File>
      operation="makeDiagnosticReport"
      button={text('diagnostics.report')}
      title={text('diagnostics.report')}
      consequence={
        <>
          <p>{text('diagnostics.reportConsequence')}</p>
          <ul>
            {IN_REPORT.map((key) => (
              <li key={key}>{text(key)}</li>
            ))}
          </ul>
          <p>
            <strong>{text('diagnostics.notInReport')}</strong>
          </p>
        </>
      }
      send={async (_, call) => {
        const { data, headers } = await call<{ madeAt: string }>('makeDiagnosticReport')
        const name = `diagnostics-${data.madeAt.slice(0, 10)}.json`
        const file = new File([JSON.stringify(data, null, 2)], name, { type: 'application/json' })
        return { data: file, headers }
      }}
      result={(file) => <Saved file={file} />}
    />
  )
}

const IN_REPORT: TextKey[] = [
  'diagnostics.inReport.versions',
  'diagnostics.inReport.settings',
  'diagnostics.inReport.parts',
  'diagnostics.inReport.connections',
  'diagnostics.inReport.faults',
  'diagnostics.inReport.names',
]
