/**
 * Decisions made after the backup: suspensions that are applied again, and trust that is withdrawn again.
 * Also the suspensions and the trust in the restored register itself.
 */

import { Copyable } from '../../kit/copyable.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { Status } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Suspended = { kind: string; id: string; since: string }
type Trusted = { kind: string; id: string; name: string }
type BackKey = { id: string; certificateSha256: string; signs: boolean; isHere: boolean }
export type TakenAway = {
  comparedAt: string | null
  suspended: Suspended[]
  trust: Trusted[]
  signingKeys: BackKey[]
}
export type Standing = { suspended: Suspended[]; trust: Trusted[] }

/** A trusted thing in one line, for a choice. */
export const trustedName = ({ kind, name }: Trusted): string =>
  text('takenAway.trusted', { kind: text(`takenAway.${kind}` as TextKey), name })

/** `kept` is what a proposal trusts again; without one all of it is withdrawn. */
export function TakenAwayFacts({
  of: { comparedAt, suspended, trust, signingKeys },
  standing,
  kept,
}: {
  of: TakenAway
  standing: Standing
  kept: string[] | undefined
}) {
  return (
    <>
      <h3>{text('takenAway.title')}</h3>
      {comparedAt === null ? (
        <p class="note">{text('takenAway.nothingToCompare')}</p>
      ) : (
        <p>
          {text('takenAway.compared')} <Time at={comparedAt} relative />
        </p>
      )}
      {comparedAt !== null && (
        <>
          <h4>{text('takenAway.suspended')}</h4>
          <SuspendedRows name="suspended" caption={text('takenAway.suspended')} rows={suspended} />
          <h4>{text('takenAway.trust')}</h4>
          <TrustRows name="trust" caption={text('takenAway.trust')} rows={trust} kept={kept ?? []} />
          <h4>{text('takenAway.keys')}</h4>
          <KeyRows rows={signingKeys} />
        </>
      )}
      <h4>{text('takenAway.suspendedNow')}</h4>
      <SuspendedRows name="suspendedNow" caption={text('takenAway.suspendedNow')} rows={standing.suspended} />
      <h4>{text('takenAway.trustNow')}</h4>
      <TrustRows name="trustNow" caption={text('takenAway.trustNow')} rows={standing.trust} />
    </>
  )
}

function SuspendedRows(q: { name: string; caption: string; rows: Suspended[] }) {
  return (
    <HeldTable<Suspended>
      {...q}
      rowKey={({ kind, id }) => `${kind} ${id}`}
      words={({ kind, id }) => `${text(`suspension.kind.${kind}` as TextKey)} ${id}`}
      empty={<p>{text('common.none')}</p>}
      columns={[
        { title: 'takenAway.kind', cell: ({ kind }) => text(`suspension.kind.${kind}` as TextKey) },
        { title: 'takenAway.subject', cell: ({ id }) => <bdi class="id wrap">{id}</bdi> },
        { title: 'takenAway.since', cell: ({ since }) => <Time at={since} relative /> },
      ]}
    />
  )
}

type Trust = { name: string; caption: string; rows: Trusted[]; kept?: string[] }

function TrustRows({ kept, ...q }: Trust) {
  return (
    <HeldTable<Trusted>
      {...q}
      rowKey={({ kind, id }) => `${kind} ${id}`}
      words={({ kind, id, name }) => [text(`takenAway.${kind}` as TextKey), name, id].join(' ')}
      empty={<p>{text('common.none')}</p>}
      columns={[
        { title: 'takenAway.kind', cell: ({ kind }) => text(`takenAway.${kind}` as TextKey) },
        { title: 'common.name', cell: ({ name }) => <bdi>{name}</bdi> },
        {
          title: 'takenAway.sha256',
          cell: ({ id }) => <Copyable value={id} label={text('takenAway.sha256')} />,
        },
        ...(kept === undefined
          ? []
          : [
              {
                title: 'takenAway.outcome' as const,
                cell: ({ id }: Trusted) => <Outcome isKept={kept.includes(id)} />,
              },
            ]),
      ]}
    />
  )
}

function KeyRows({ rows }: { rows: BackKey[] }) {
  return (
    <HeldTable<BackKey>
      caption={text('takenAway.keys')}
      name="signingKeys"
      rows={rows}
      rowKey={({ id }) => id}
      words={({ id, certificateSha256 }) => `${id} ${certificateSha256}`}
      empty={<p>{text('common.none')}</p>}
      columns={[
        { title: 'takenAway.subject', cell: ({ id }) => <bdi class="id wrap">{id}</bdi> },
        {
          title: 'takenAway.sha256',
          cell: ({ certificateSha256 }) => (
            <Copyable value={certificateSha256} label={text('takenAway.sha256')} />
          ),
        },
        {
          title: 'takenAway.outcome',
          cell: ({ signs, isHere }) =>
            isHere ? (
              <Status tone="good" word={signs ? 'takenAway.signs' : 'takenAway.comesBack'} />
            ) : (
              <Status tone="warn" word={signs ? 'takenAway.signedAndAbsent' : 'takenAway.absent'} />
            ),
        },
      ]}
    />
  )
}

function Outcome({ isKept }: { isKept: boolean }) {
  return isKept ? (
    <Status tone="warn" word="takenAway.kept" />
  ) : (
    <Status tone="quiet" word="takenAway.withdrawn" />
  )
}
