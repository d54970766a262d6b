/** Messages to people whose data was used: how many wishes and messages, what failed, and the act that stops all. Nobody is named. */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { WhenBy } from '../cells.tsx'

type LetterState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'
type Letters = { channel: string; state: LetterState; letters: number }
type Failure = { id: string; channel: string; state: LetterState; createdAt: string; error: string }
type State = {
  isOffered: boolean
  isKeyMissing: boolean
  isStopped: boolean
  stoppedBy?: string
  stoppedAt?: string
  wishes: { asked: number; confirmed: number; failed: number }
  letters: Letters[]
  failures: Failure[]
}

const WORDS = {
  WAITING: 'notices.waiting',
  SENT: 'notices.sent',
  REFUSED: 'notices.refused',
  GIVEN_UP: 'notices.givenUp',
} as const

export function Notices() {
  if (!useMay('getNotices')) return null
  return <Loaded />
}

function Loaded() {
  const found = useAnswer<State>('getNotices')
  return (
    <Part title={text('notices.title')}>
      <p>{text('notices.lead')}</p>
      <Show of={found}>
        {(state) =>
          state.isOffered ? (
            <Offered of={state} />
          ) : (
            <Empty>
              <p>{text('notices.notOffered')}</p>
            </Empty>
          )
        }
      </Show>
    </Part>
  )
}

function Offered({ of }: { of: State }) {
  const { wishes, letters, failures } = of
  return (
    <>
      {of.isKeyMissing && <p class="note">{text('notices.keyMissing')}</p>}
      {of.isStopped && (
        <p class="note">
          {text('notices.isStopped')} <WhenBy at={of.stoppedAt ?? ''} by={of.stoppedBy ?? ''} />
        </p>
      )}
      <p>{text('notices.wishes', wishes)}</p>
      <Acts isStopped={of.isStopped} />
      {letters.length > 0 && (
        <Rows<Letters>
          caption={text('notices.letters')}
          rows={letters}
          rowKey={({ channel, state }) => `${channel} ${state}`}
          columns={[
            { title: 'notices.channel', cell: ({ channel }) => channel },
            { title: 'common.state', cell: ({ state }) => <Word of={state} /> },
            { title: 'notices.number', cell: ({ letters: number }) => number },
          ]}
        />
      )}
      {failures.length > 0 && <h3>{text('notices.failures')}</h3>}
      {failures.length > 0 && (
        <Rows<Failure>
          caption={text('notices.failures')}
          rows={failures}
          rowKey={({ id }) => id}
          columns={[
            { title: 'notices.madeAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
            { title: 'notices.channel', cell: ({ channel }) => channel },
            { title: 'common.state', cell: ({ state }) => <Word of={state} /> },
            { title: 'notices.error', cell: ({ error }) => <bdi>{error}</bdi> },
          ]}
        />
      )}
    </>
  )
}

function Word({ of }: { of: LetterState }) {
  const tone = of === 'SENT' ? 'good' : of === 'WAITING' ? 'quiet' : 'bad'
  return <Status tone={tone} word={WORDS[of]} />
}

function Acts({ isStopped }: { isStopped: boolean }) {
  return (
    <div class="acts above-list">
      {isStopped ? (
        <Act<State>
          operation="startNotices"
          button={text('notices.start')}
          title={text('notices.start')}
          consequence={<p>{text('notices.startConsequence')}</p>}
          send={(_, call) => call('startNotices')}
          result={() => <p>{text('notices.started')}</p>}
        />
      ) : (
        <Act<State>
          operation="stopNotices"
          button={text('notices.stop')}
          title={text('notices.stop')}
          consequence={<p>{text('notices.stopConsequence')}</p>}
          send={(_, call) => call('stopNotices')}
          result={() => <p>{text('notices.stopped')}</p>}
        />
      )}
      <Act<unknown>
        operation="forgetNotices"
        button={text('notices.forget')}
        title={text('notices.forget')}
        consequence={<p>{text('notices.forgetConsequence')}</p>}
        nameToType="NOTICES"
        send={(_, call) => call('forgetNotices')}
        result={() => <p>{text('notices.forgotten')}</p>}
      />
    </div>
  )
}
