/**
 * Whether the log is intact: its growth, its signed tree heads, signatures that wait for a time-stamp, the
 * verification.
 */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import type { LogState } from '../overview/waiting.ts'
import { DailyCounts } from './daily-counts.tsx'
import { Growth } from './growth.tsx'
import { LogKeys } from './log-keys.tsx'
import { StampNow } from './stamp-now.tsx'

type Checkpoint = { size: number; time: string; root: string; note: string }

type Report = {
  ok: boolean
  records: number
  checkpoints: number
  unstamped: number
  problems: { index: number; what: string }[]
}

const SHOWN = 20

export function Integrity() {
  const { api } = useConsole()
  const state = useAnswer<LogState>('getMessageLogState')
  const checkpoints = useAnswer<Checkpoint[]>('getTreeHeads', { query: { limit: '200' } })
  return (
    <>
      <Head
        title={text('integrity.title')}
        lead={text('integrity.lead')}
        acts={
          <>
            <Act<Report>
              operation="verifyMessageLog"
              shows
              button={text('integrity.verify')}
              look="primary"
              title={text('integrity.verify')}
              consequence={<p>{text('integrity.verifyConsequence')}</p>}
              send={() => api.call('verifyMessageLog')}
              result={(report) => <Verified of={report} />}
            />
            <StampNow />
            <Act<unknown>
              operation="checkpointMessageLog"
              button={text('integrity.sign')}
              title={text('integrity.sign')}
              consequence={<p>{text('integrity.signConsequence')}</p>}
              send={() => api.call('checkpointMessageLog')}
              result={() => <p>{text('integrity.signed')}</p>}
            />
            <Act<{ id: string; record: number }>
              operation="rotateMessageLogKey"
              button={text('integrity.rotate')}
              title={text('integrity.rotate')}
              consequence={<p>{text('integrity.rotateConsequence')}</p>}
              send={() => api.call('rotateMessageLogKey')}
              result={({ id, record }) => <p>{text('integrity.rotated', { id, record: number(record) })}</p>}
            />
          </>
        }
      />
      <Show of={state}>{(log) => <State of={log} />}</Show>
      <Part title={text('integrity.checkpoints')}>
        <Show of={checkpoints}>
          {(all) =>
            all.length === 0 ? (
              <Empty>
                <p>{text('integrity.noCheckpoint')}</p>
              </Empty>
            ) : (
              <>
                <Growth of={all} />
                <Rows<Checkpoint>
                  caption={text('integrity.checkpoints')}
                  rows={all.slice(0, SHOWN)}
                  rowKey={({ size }) => size}
                  columns={[
                    { title: 'integrity.size', number: true, cell: ({ size }) => number(size) },
                    { title: 'record.time', cell: ({ time }) => <Time at={time} /> },
                    {
                      title: 'integrity.root',
                      cell: ({ root }) => <Copyable value={root} label={text('integrity.root')} />,
                    },
                    {
                      title: 'integrity.note',
                      cell: ({ note, size }) => (
                        <details>
                          <summary aria-label={text('integrity.showNote', { size })}>
                            {text('integrity.show')}
                          </summary>
                          <p class="id wrap lines">{note}</p>
                        </details>
                      ),
                    },
                  ]}
                />
              </>
            )
          }
        </Show>
      </Part>
      <DailyCounts />
      <LogKeys />
    </>
  )
}

function State({ of: { records, checkpoint, oldestUnstamped } }: { of: LogState }) {
  const behind = records - (checkpoint?.size ?? 0)
  return (
    <Part title={text('common.facts')}>
      <Facts
        of={[
          ['integrity.records', number(records)],
          [
            'integrity.covered',
            behind === 0 ? (
              <Status key="covered" tone="good" word="integrity.allCovered" />
            ) : (
              text('integrity.notCovered', { count: behind })
            ),
          ],
          [
            'integrity.checkpoint',
            checkpoint === null ? (
              text('integrity.noCheckpoint')
            ) : (
              <Time key="at" at={checkpoint.time} relative />
            ),
          ],
          [
            'integrity.unstamped',
            oldestUnstamped === null ? (
              <Status key="stamped" tone="good" word="integrity.allStamped" />
            ) : (
              <Time key="since" at={oldestUnstamped} relative />
            ),
          ],
        ]}
      />
    </Part>
  )
}

function Verified({ of: { ok, records, checkpoints, unstamped, problems } }: { of: Report }) {
  return (
    <>
      <p>
        <Status tone={ok ? 'good' : 'bad'} word={ok ? 'integrity.holds' : 'integrity.broken'} />
      </p>
      <p>{text('integrity.verified', { records, checkpoints, unstamped })}</p>
      {problems.length > 0 && (
        <ul class="plain-list">
          {problems.slice(0, SHOWN).map(({ index, what }) => (
            <li key={`${index} ${what}`} class="wrap">
              {text('integrity.problem', { index: String(index) })} {what}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
