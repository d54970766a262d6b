/**
 * This server as a witness of others: the logs that it cosigned, those that it refused, and the tree heads of
 * its partners.
 */

import { Contradictions } from '../../kit/contradictions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Witness = {
  verifierKey: string | null
  /** Null when this server does not cosign the registry's log. */
  registryLog: {
    origin: string | null
    size: number
    cosignedAt: string | null
    lastError: string | null
  } | null
  logs: { origin: string; size: number; root: string; time?: string }[]
  refusals: { origin: string; time: string; isFork: boolean; cosigned: string; submission: string }[]
  partners: { server: string; size: number; time: string; note: string }[]
  unproven: { server: string; since: string; reason: string }[]
  partnerContradictions: {
    server: string
    time: string
    kind: string
    knownCheckpoint: string
    seenCheckpoint: string
  }[]
}

export function AsWitness() {
  const witness = useAnswer<Witness>('getWitness')
  return (
    <Part title={text('witnesses.asWitness')}>
      <Show of={witness}>{(found) => <Found of={found} />}</Show>
    </Part>
  )
}

function Found({ of }: { of: Witness }) {
  const proofs = [
    ...of.refusals.map(({ origin, time, isFork, cosigned, submission }) => ({
      ...{ time, witness: origin, kind: isFork ? 'fork' : 'unproven' },
      ...{ ownCheckpoint: submission, knownCheckpoint: cosigned },
    })),
    ...of.partnerContradictions.map(({ server, time, kind, knownCheckpoint, seenCheckpoint }) => ({
      ...{ time, witness: server, kind, ownCheckpoint: seenCheckpoint, knownCheckpoint },
    })),
  ]
  return (
    <>
      <Contradictions of={proofs} none="witnesses.noForkOfOthers" />
      <h3>{text('witnesses.cosignedLogs')}</h3>
      {of.verifierKey === null ? (
        <p>{text('witnesses.isNone')}</p>
      ) : (
        <p>
          {text('witnesses.key')} <Copyable value={of.verifierKey} label={text('witnesses.key')} />
        </p>
      )}
      {of.logs.length > 0 && (
        <HeldTable
          caption={text('witnesses.cosignedLogs')}
          name="logs"
          rows={of.logs}
          rowKey={({ origin }) => origin}
          search="logs.search"
          words={({ origin }) => origin}
          columns={[
            { title: 'witnesses.log', cell: ({ origin }) => <bdi class="id wrap">{origin}</bdi> },
            { title: 'integrity.size', number: true, cell: ({ size }) => number(size) },
            {
              title: 'integrity.root',
              cell: ({ root }) => <Copyable value={root} label={text('integrity.root')} />,
            },
          ]}
          empty={null}
        />
      )}
      <h3>{text('registryLog.title')}</h3>
      <OfRegistry of={of.registryLog} />
      <h3>{text('witnesses.partners')}</h3>
      <p class="beside">{text('witnesses.partnersWhy')}</p>
      <HeldTable
        caption={text('witnesses.partners')}
        name="partners"
        rows={of.partners}
        rowKey={({ server }) => server}
        search="witnesses.searchPartner"
        words={({ server }) => server}
        columns={[
          { title: 'search.peer', cell: ({ server }) => <bdi class="id wrap">{server}</bdi> },
          { title: 'integrity.size', number: true, cell: ({ size }) => number(size) },
          { title: 'record.time', cell: ({ time }) => <Time at={time} relative /> },
          {
            title: 'integrity.note',
            cell: ({ note, server }) => (
              <details>
                <summary aria-label={text('witnesses.showNoteOf', { server })}>
                  {text('integrity.show')}
                </summary>
                <p class="id wrap lines">{note}</p>
              </details>
            ),
          },
        ]}
        empty={<p>{text('witnesses.noPartner')}</p>}
      />
      {of.unproven.length > 0 && (
        <>
          <h3>{text('witnesses.unproven')}</h3>
          <ul class="plain-list">
            {of.unproven.map(({ server, since, reason }) => (
              <li key={server} class="wrap">
                <bdi class="id">{server}</bdi> <Time at={since} relative /> {reason}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}

/** Whether it cosigns the registry's transparency log, how far, and why not. */
function OfRegistry({ of }: { of: Witness['registryLog'] }) {
  if (of === null) return <p>{text('registryLog.off')}</p>
  const { origin, size, cosignedAt, lastError } = of
  return (
    <>
      <p>
        <Status
          tone={lastError === null ? 'good' : 'bad'}
          word={lastError === null ? 'witnesses.answers' : 'witnesses.fails'}
        />{' '}
        {lastError !== null && <span class="wrap">{lastError}</span>}
      </p>
      {cosignedAt === null ? (
        <p>{text('registryLog.notYet')}</p>
      ) : (
        <p>
          <bdi class="id wrap">{origin}</bdi> {text('registryLog.upTo', { count: size })}{' '}
          <Time at={cosignedAt} relative />
        </p>
      )}
    </>
  )
}
