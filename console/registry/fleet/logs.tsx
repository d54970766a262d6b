/**
 * The registry as a witness: the message logs that it cosigned, and the kept proofs of those that contradict
 * themselves.
 */
import { Contradictions } from '../../kit/contradictions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NamedServerInRow } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Log = { origin: string; size: number; root: string; time: string }

type Witness = {
  verifierKey: string | null
  logs: Log[]
  refusals: { origin: string; time: string; isFork: boolean; cosigned: string; submission: string }[]
}

export function CosignedLogs() {
  const witness = useAnswer<Witness>('getWitness')
  return (
    <Show of={witness} page="logs.title">
      {({ verifierKey, logs, refusals }) => (
        <>
          <Head title={text('logs.title')} lead={<p>{text('logs.lead')}</p>} />
          <Part title={text('logs.forks')}>
            <Contradictions of={refusals.map(contradictionOf)} none="health.noForkedLog" />
          </Part>
          <Part title={text('logs.cosigned')}>
            {verifierKey === null ? (
              <p>{text('logs.isNone')}</p>
            ) : (
              <p>
                {text('witnesses.key')} <Copyable value={verifierKey} label={text('witnesses.key')} />
              </p>
            )}
            <HeldTable<Log>
              caption={text('logs.cosigned')}
              rows={logs}
              rowKey={({ origin }) => origin}
              search="logs.search"
              words={({ origin }) => origin}
              columns={[
                { title: 'witnesses.log', cell: ({ origin }) => <Origin of={origin} /> },
                { title: 'integrity.size', number: true, cell: ({ size }) => number(size) },
                { title: 'logs.time', cell: ({ time }) => <Time at={time} /> },
                {
                  title: 'integrity.root',
                  cell: ({ root }) => <Copyable value={root} label={text('integrity.root')} />,
                },
              ]}
              empty={verifierKey !== null && <p>{text('logs.none')}</p>}
            />
          </Part>
        </>
      )}
    </Show>
  )
}

/** A log of a server of this registry has its server's identifier as its name. */
function Origin({ of }: { of: string }) {
  const parts = of.split('/')
  return parts.length === 4 ? <NamedServerInRow id={parts.join(':')} /> : <bdi class="id wrap">{of}</bdi>
}

function contradictionOf({ origin, time, isFork, cosigned, submission }: Witness['refusals'][number]) {
  return {
    ...{ time, witness: origin, kind: isFork ? 'fork' : 'unproven' },
    ...{ ownCheckpoint: submission, knownCheckpoint: cosigned },
  }
}
