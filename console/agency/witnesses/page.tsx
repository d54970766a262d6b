/** The witnesses of this log: who cosigned which tree heads, what the policy requires, and contradictions. */

import { type Contradiction, Contradictions } from '../../kit/contradictions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { AsWitness } from './as-witness.tsx'

type Witnesses = {
  policy: string | null
  quorum: { records: number; at: string | null; lateSince: string | null } | null
  witnesses: {
    label: string
    name: string
    url: string
    size: number
    cosignedAt: string | null
    lastError: string | null
  }[]
  contradictions: Contradiction[]
}

type Checkpoint = {
  size: number
  time: string
  quorum: boolean
  witnesses: { witness: string; time: string }[]
}
type Span = { fromSize: number; toSize: number; since: string; until: string }
type Checkpoints = { checkpoints: Checkpoint[]; unwitnessed: Span[] }

export function WitnessesPage() {
  const witnesses = useAnswer<Witnesses>('getLogWitnesses')
  return (
    <>
      <Head title={text('witnesses.title')} lead={text('witnesses.lead')} />
      <Show of={witnesses}>{(found) => <Log of={found} />}</Show>
      <Part title={text('witnesses.checkpoints')}>
        <CursorTable<Checkpoint, Checkpoints>
          operation="getCheckpoints"
          caption={text('witnesses.checkpoints')}
          rowsOf={({ checkpoints }) => checkpoints}
          rowKey={({ size }) => size}
          beside={({ unwitnessed }) => <Spans of={unwitnessed} />}
          columns={[
            { title: 'integrity.size', number: true, cell: ({ size }) => number(size) },
            { title: 'record.time', cell: ({ time }) => <Time at={time} /> },
            {
              title: 'witnesses.quorum',
              cell: ({ quorum }) => (
                <Status
                  tone={quorum ? 'good' : 'warn'}
                  word={quorum ? 'witnesses.enough' : 'witnesses.tooFew'}
                />
              ),
            },
            { title: 'witnesses.cosignedBy', cell: ({ witnesses: by }) => <CosignedBy of={by} /> },
          ]}
          empty={<p>{text('integrity.noCheckpoint')}</p>}
        />
      </Part>
      <AsWitness />
    </>
  )
}

function Log({ of: { policy, quorum, witnesses, contradictions } }: { of: Witnesses }) {
  return (
    <>
      <Part title={text('witnesses.contradictions')}>
        <Contradictions of={contradictions} none="witnesses.noContradiction" />
      </Part>
      <Part title={text('witnesses.ofThisLog')}>
        {quorum === null ? (
          <Empty>
            <p>{text('witnesses.none')}</p>
          </Empty>
        ) : (
          <>
            <Facts
              of={[
                ['witnesses.witnessed', number(quorum.records)],
                [
                  'witnesses.at',
                  quorum.at === null ? text('witnesses.notYet') : <Time key="at" at={quorum.at} relative />,
                ],
                [
                  'witnesses.late',
                  quorum.lateSince === null ? (
                    <Status key="late" tone="good" word="witnesses.notLate" />
                  ) : (
                    <Time key="late" at={quorum.lateSince} relative />
                  ),
                ],
              ]}
            />
            <Rows
              caption={text('witnesses.ofThisLog')}
              rows={witnesses}
              rowKey={({ label }) => label}
              columns={[
                { title: 'witnesses.witness', cell: ({ label }) => <bdi>{label}</bdi> },
                { title: 'witnesses.name', cell: ({ name }) => <Copyable value={name} /> },
                { title: 'witnesses.url', cell: ({ url }) => <bdi class="id wrap">{url}</bdi> },
                { title: 'witnesses.cosigned', number: true, cell: ({ size }) => number(size) },
                {
                  title: 'witnesses.last',
                  cell: ({ cosignedAt: at }) =>
                    at === null ? text('witnesses.notYet') : <Time at={at} relative />,
                },
                { title: 'common.state', cell: ({ lastError }) => <State error={lastError} /> },
              ]}
            />
          </>
        )}
        {policy !== null && (
          <details>
            <summary>{text('witnesses.policy')}</summary>
            <p class="beside">{text('witnesses.policyWhy')}</p>
            <p class="id wrap lines">{policy}</p>
          </details>
        )}
      </Part>
    </>
  )
}

function State({ error }: { error: string | null }) {
  return (
    <>
      <Status
        tone={error === null ? 'good' : 'warn'}
        word={error === null ? 'witnesses.answers' : 'witnesses.fails'}
      />
      {error !== null && <p class="wrap">{error}</p>}
    </>
  )
}

function CosignedBy({ of }: { of: Checkpoint['witnesses'] }) {
  if (of.length === 0) return text('common.none')
  return (
    <ul class="plain-list">
      {of.map(({ witness, time }) => (
        <li key={witness}>
          <bdi class="id wrap">{witness}</bdi> <Time at={time} />
        </li>
      ))}
    </ul>
  )
}

/** Covers the tree heads that the list shows. */
function Spans({ of }: { of: Span[] }) {
  return (
    <section>
      <h3>{text('witnesses.spans')}</h3>
      {of.length === 0 ? (
        <p>{text('witnesses.noSpan')}</p>
      ) : (
        <ul class="plain-list">
          {of.map(({ fromSize, toSize, since, until }) => (
            <li key={fromSize}>
              <Status tone="warn" word="witnesses.tooFew" />{' '}
              {text('witnesses.span', { from: number(fromSize), to: number(toSize) })} <Time at={since} /> –{' '}
              <Time at={until} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
