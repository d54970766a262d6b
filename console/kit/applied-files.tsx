/**
 * What was applied to a server from declared files, with who and why, and what others changed since by hand.
 */
import { Act } from './act.tsx'
import { ActDetails, ActSentence, type AuditEntry } from './act-sentence.tsx'
import { mayCall } from './api.ts'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { Head, Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { Rows } from './rows.tsx'
import { save } from './save.ts'
import { Status, type Tone } from './status.tsx'
import { Table } from './table.tsx'
import { number, text } from './text.ts'
import { Time } from './time.tsx'

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

/**
 * In the words of this server: what the list is, what is said of acts beside the files, and where a first
 * file comes from.
 */
type Words = Record<'lead' | 'drift' | 'none', string>

export function AppliedFiles({ lead, drift, none }: Words) {
  const { session } = useConsole()
  return (
    <>
      <Head title={text('revisions.title')} lead={lead} />
      {mayCall(session, 'getDrift') && <DriftPart drift={drift} />}
      <Table<Revision>
        operation="getRevisions"
        caption={text('revisions.title')}
        search="revisions.search"
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
          { title: 'common.acts', acts: ['getRevisionContent'], cell: (one) => <Download of={one} /> },
        ]}
        empty={<p>{none}</p>}
      />
    </>
  )
}

/**
 * With which content that was: the digest stands below, since a column of its own would be too wide for a
 * small window.
 */
function Reason({ of }: { of: Revision }) {
  const { reason, restores, removes, sha256, auditSequence } = of
  return (
    <>
      <bdi class="wrap">{reason}</bdi>
      {restores !== null && (
        <p class="beside">{text('revisions.restores', { revision: number(restores) })}</p>
      )}
      {removes && <p class="beside">{text('revisions.removes')}</p>}
      <p class="beside">
        {text('revisions.sha256')} <Copyable value={sha256} label={text('revisions.sha256')} />
        <br />
        {text('revisions.onRecord', { record: number(auditSequence) })}
      </p>
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

function DriftPart({ drift }: Pick<Words, 'drift'>) {
  const found = useAnswer<Drift>('getDrift')
  return (
    <Show of={found}>
      {({ revision, acts, more }) =>
        revision === null ? null : (
          <>
            <Since of={{ revision: revision.number, acts, more }} drift={drift} />
            {revision.number > 1 && <Earlier than={revision} drift={drift} />}
          </>
        )
      }
    </Show>
  )
}

/**
 * A new revision answers for the acts before it, and anybody who may apply one can keep one: so those are
 * shown once more.
 */
function Earlier({ than, drift }: { than: Revision } & Pick<Words, 'drift'>) {
  const since = than.number - 1
  const found = useAnswer<Drift>('getDrift', { query: { since: String(since) } })
  return (
    <Show of={found}>
      {({ acts, more }) => {
        const earlier = acts.filter(({ sequence }) => sequence < than.auditSequence)
        return earlier.length === 0 && !more ? null : (
          <Since of={{ revision: since, acts: earlier, more }} drift={drift} />
        )
      }}
    </Show>
  )
}

type Told = { revision: number; acts: AuditEntry[]; more: boolean }

function Since({ of: { revision, acts, more }, drift }: { of: Told } & Pick<Words, 'drift'>) {
  const title = text('revisions.since', { revision: number(revision) })
  return (
    <Part title={title}>
      {acts.length === 0 && !more && (
        <p>
          <Status tone="good" word="revisions.noDrift" />
        </p>
      )}
      {acts.length > 0 && (
        <>
          <p>{drift}</p>
          <Rows<AuditEntry>
            caption={title}
            rows={acts}
            rowKey={({ sequence }) => sequence}
            columns={[
              { title: 'audit.at', cell: ({ at }) => <Time at={at} relative /> },
              { title: 'acts.what', cell: (entry) => <ActSentence of={entry} /> },
              { title: 'acts.details', cell: (entry) => <ActDetails of={entry} /> },
            ]}
          />
        </>
      )}
      {more && <p>{text('revisions.more')}</p>}
    </Part>
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
