/** What was applied to this server from declared files, with who and why, and what others changed since by hand. */
import { Act } from '../../kit/act.tsx'
import { ActDetails, ActSentence, type AuditEntry } from '../../kit/act-sentence.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { save } from '../../kit/save.ts'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type State = 'begun' | 'refused' | 'waiting' | 'applied'

type Revision = {
  number: number
  sha256: string
  begunAt: string
  state: State
  by: { id: string; name: string }
  reason: string
  removes: boolean
  restores: number | null
  done: number | null
  waiting: number | null
  failure: string | null
  auditSequence: number
}

type Drift = { revision: Revision | null; acts: AuditEntry[]; more: boolean }

const TONES: Record<State, Tone> = { begun: 'quiet', refused: 'bad', waiting: 'warn', applied: 'good' }

export function Revisions() {
  const { session } = useConsole()
  return (
    <>
      <Head title={text('revisions.title')} lead={text('revisions.lead')} />
      {mayCall(session, 'getDrift') && <DriftPart />}
      <Table<Revision>
        operation="getRevisions"
        caption={text('revisions.title')}
        rowKey={(one) => one.number}
        columns={[
          { title: 'revisions.number', number: true, cell: (one) => number(one.number) },
          {
            title: 'revisions.applied',
            cell: ({ begunAt, by }) => (
              <>
                <Time at={begunAt} relative />
                <br />
                <bdi class="wrap">{by.name}</bdi>
              </>
            ),
          },
          { title: 'revisions.reason', cell: (one) => <Reason of={one} /> },
          { title: 'common.state', cell: (one) => <End of={one} /> },
          {
            title: 'revisions.sha256',
            cell: ({ sha256, auditSequence }) => (
              <>
                <Copyable value={sha256} label={text('revisions.sha256')} />
                <p class="beside">{text('revisions.onRecord', { record: number(auditSequence) })}</p>
              </>
            ),
          },
          { title: 'common.acts', acts: ['getRevisionContent'], cell: (one) => <Download of={one} /> },
        ]}
        empty={<p>{text('revisions.none')}</p>}
      />
    </>
  )
}

function Reason({ of: { reason, restores, removes } }: { of: Revision }) {
  return (
    <>
      <bdi class="wrap">{reason}</bdi>
      {restores !== null && (
        <p class="beside">{text('revisions.restores', { revision: number(restores) })}</p>
      )}
      {removes && <p class="beside">{text('revisions.removes')}</p>}
    </>
  )
}

function End({ of: { state, done, waiting, failure } }: { of: Revision }) {
  return (
    <>
      <Status tone={TONES[state]} word={`revisions.state.${state}`} />
      {done !== null && waiting !== null && (
        <p class="beside">{text('revisions.steps', { done: number(done), waiting: number(waiting) })}</p>
      )}
      {failure !== null && (
        <p class="beside">
          <bdi class="wrap">{failure}</bdi>
        </p>
      )}
    </>
  )
}

function DriftPart() {
  const drift = useAnswer<Drift>('getDrift')
  return (
    <Show of={drift}>
      {({ revision, acts, more }) =>
        revision === null ? null : (
          <Part title={text('revisions.since', { revision: number(revision.number) })}>
            {acts.length === 0 ? (
              <p>
                <Status tone="good" word="revisions.noDrift" />
              </p>
            ) : (
              <>
                <p>{text('revisions.drift')}</p>
                <Rows<AuditEntry>
                  caption={text('revisions.since', { revision: number(revision.number) })}
                  rows={acts}
                  rowKey={({ sequence }) => sequence}
                  columns={[
                    { title: 'audit.at', cell: ({ at }) => <Time at={at} relative /> },
                    { title: 'acts.what', cell: (entry) => <ActSentence of={entry} /> },
                    { title: 'acts.details', cell: (entry) => <ActDetails of={entry} /> },
                  ]}
                />
                {more && <p>{text('revisions.more')}</p>}
              </>
            )}
          </Part>
        )
      }
    </Show>
  )
}

function Download({ of: { number: revision } }: { of: Revision }) {
  const { api } = useConsole()
  const name = `revision-${revision}.json`
  return (
    <Act
      operation="getRevisionContent"
      button={text('revisions.download')}
      label={text('revisions.downloadThis', { name })}
      reads
      title={text('revisions.download')}
      consequence={<p>{text('revisions.downloadConsequence')}</p>}
      send={async () => {
        const answer = await api.download('getRevisionContent', { params: { number: String(revision) } })
        save(new globalThis.File([answer.data], name, { type: 'application/json' }))
        return answer
      }}
      result={() => <p class="wrap">{text('file.saved', { name })}</p>}
    />
  )
}
