/**
 * What ends within 60 days, and the letters that were written of it: who is told is in the settings, and
 * stands nowhere here.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { Folded } from '../../kit/folded.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Status, Validity } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { subjectName } from '../keys/shapes.ts'
import { servicePath } from '../services/shapes.ts'

type Kind =
  | 'SIGNING'
  | 'AUTHENTICATION'
  | 'SYSTEM_CERTIFICATE'
  | 'SERVICE_CERTIFICATE'
  | 'CONTRACT'
  | 'PIN'
  | 'BACKUP'
  | 'BACKUP_PROOF'
type LetterState = 'WAITING' | 'SENT' | 'SUPERSEDED' | 'SETTLED' | 'REFUSED' | 'GIVEN_UP'
type Thing = {
  id: string
  kind: Kind
  name: string
  of: string
  endsAt: string
  threshold: number
  node?: string
  overdue?: string
}
type Letter = {
  kind: Kind
  name: string
  endsAt: string
  threshold: number
  state: LetterState
  createdAt: string
  attempts: number
  endedAt?: string
  error?: string
}
type Deadlines = {
  available: boolean
  recipients: number
  /** Of which something could not be looked at. */
  failed: Kind[]
  things: Thing[]
  letters: Letter[]
}

export function DeadlinesPage() {
  const found = useAnswer<Deadlines>('getDeadlines')
  return (
    <Show of={found} page="deadlines.title">
      {(all) => {
        const hasFailed = all.letters.some(({ state }) => state === 'REFUSED' || state === 'GIVEN_UP')
        return (
          <>
            <Head
              title={text('deadlines.title')}
              lead={text('deadlines.lead')}
              acts={hasFailed ? <Retry /> : undefined}
            />
            {all.available ? (
              <p>{text('deadlines.recipients', { count: all.recipients })}</p>
            ) : (
              <p class="note">{text('deadlines.notSet')}</p>
            )}
            <Things of={all.things} failed={all.failed} />
            <Letters of={all.letters} />
          </>
        )
      }}
    </Show>
  )
}

function Things({ of, failed }: Pick<Deadlines, 'failed'> & { of: Thing[] }) {
  return (
    <Part title={text('deadlines.things')}>
      {failed.length > 0 && (
        <div class="note">
          <p>{text('deadlines.failed')}</p>
          <ul>
            {failed.map((kind) => (
              <li key={kind}>{text(`deadlines.kind.${kind}`)}</li>
            ))}
          </ul>
        </div>
      )}
      {of.length === 0 ? (
        <Empty>
          <p>{text('deadlines.nothing')}</p>
        </Empty>
      ) : (
        <ul class="lines">
          {of.map((one) => (
            <li key={one.id}>
              <Validity notAfter={one.endsAt} />{' '}
              <Link to={pageOf(one)}>{text(`deadlines.kind.${one.kind}`)}</Link>{' '}
              <bdi class="wrap">{subjectName(one.name)}</bdi> <Time at={one.endsAt} relative />
              {one.overdue !== undefined && (
                <p class="note wrap">
                  {text('deadlines.overdue')} <bdi>{one.overdue}</bdi>
                </p>
              )}
            </li>
          ))}
        </ul>
      )}
    </Part>
  )
}

function Letters({ of }: { of: Letter[] }) {
  if (of.length === 0) return null
  return (
    <Part title={text('deadlines.letters')}>
      <HeldTable<Letter>
        caption={text('deadlines.letters')}
        rows={of}
        rowKey={(one) => `${one.kind} ${one.name} ${one.threshold} ${one.createdAt} ${of.indexOf(one)}`}
        words={({ kind, name, error = '' }) => [text(`deadlines.kind.${kind}`), name, error].join(' ')}
        columns={[
          { title: 'deadlines.madeAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
          {
            title: 'deadlines.of',
            cell: ({ kind, name }) => (
              <>
                {text(`deadlines.kind.${kind}`)} <WhatOf name={name} />
              </>
            ),
          },
          { title: 'deadlines.ahead', cell: ({ threshold }) => threshold },
          { title: 'common.state', cell: (one) => <Word of={one} /> },
          { title: 'deadlines.error', cell: ({ error = '' }) => <bdi class="wrap">{error}</bdi> },
        ]}
        empty={null}
      />
    </Part>
  )
}

/** A certificate by its holder; its whole subject and number tell it from others of the same. */
function WhatOf({ name }: { name: string }) {
  const short = subjectName(name)
  if (short === name) return <bdi class="beside wrap">{name}</bdi>
  return (
    <Folded name={<bdi class="beside wrap">{short}</bdi>}>
      <bdi class="beside wrap">{name}</bdi>
    </Folded>
  )
}

function Word({ of: { state } }: { of: Letter }) {
  const tone = state === 'SENT' ? 'good' : state === 'REFUSED' || state === 'GIVEN_UP' ? 'bad' : 'quiet'
  return <Status tone={tone} word={`deadlines.state.${state}`} />
}

function Retry() {
  return (
    <Act<{ retried: number }>
      operation="retryDeadlineLetters"
      button={text('deadlines.retry')}
      title={text('deadlines.retry')}
      consequence={<p>{text('deadlines.retryConsequence')}</p>}
      send={(_, call) => call('retryDeadlineLetters')}
      result={({ retried }) => <p>{text('deadlines.retried', { count: retried })}</p>}
    />
  )
}

/** Where somebody does what is to be done. */
function pageOf({ kind, of }: Thing): string {
  switch (kind) {
    case 'SYSTEM_CERTIFICATE':
      return '/keys/internal-tls'
    case 'SERVICE_CERTIFICATE':
      return servicePath(Number(of))
    case 'CONTRACT':
      return `/contracts/${of}`
    case 'PIN':
      return '/keys'
    case 'BACKUP':
    case 'BACKUP_PROOF':
      return '/backups'
    default:
      return `/keys/${of}`
  }
}
