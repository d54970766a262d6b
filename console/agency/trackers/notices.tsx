/**
 * Messages to people whose data was used: how many wishes and messages, what failed, and the act that stops
 * all. Nobody is named.
 */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { language, number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { WhenBy } from '../cells.tsx'

type LetterState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'
type Letters = { channel: string; state: LetterState; letters: number }
type Failure = { id: string; channel: string; state: LetterState; createdAt: string; error: string }
type Titles = Record<string, Record<string, string>>
type State = {
  isOffered: boolean
  /** What the operator's own channels are called, by channel and language. */
  titles?: Titles
  isKeyMissing: boolean
  isStopped: boolean
  stoppedBy?: string
  stoppedAt?: string
  wishes: { asked: number; confirmed: number; failed: number }
  letters: Letters[]
  failures: Failure[]
}

const CHANNELS = new Map<string, TextKey>([
  ['email', 'notices.channel.email'],
  ['webhook', 'notices.channel.webhook'],
])
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
  const { wishes, letters, failures, titles } = of
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
            { title: 'notices.channel', cell: ({ channel }) => <Channel of={channel} titles={titles} /> },
            { title: 'common.state', cell: ({ state }) => <Word of={state} /> },
            { title: 'notices.number', number: true, cell: ({ letters: many }) => number(many) },
          ]}
        />
      )}
      {failures.length > 0 && <h3>{text('notices.failures')}</h3>}
      {failures.length > 0 && (
        <HeldTable<Failure>
          caption={text('notices.failures')}
          name="failures"
          rows={failures}
          rowKey={({ id }) => id}
          words={({ channel, state, error }) => [channel, state, error].join(' ')}
          columns={[
            { title: 'notices.madeAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
            { title: 'notices.channel', cell: ({ channel }) => <Channel of={channel} titles={titles} /> },
            { title: 'common.state', cell: ({ state }) => <Word of={state} /> },
            { title: 'notices.error', cell: ({ error }) => <bdi>{error}</bdi> },
          ]}
          empty={null}
        />
      )}
    </>
  )
}

/**
 * In the reader's language, or the first in which its operator named it; its name alone where the settings
 * have it no more.
 */
function Channel({ of, titles }: { of: string; titles: Titles | undefined }) {
  const words = CHANNELS.get(of)
  if (words !== undefined) return <>{text(words)}</>
  const own = titles?.[of] ?? {}
  const [first] = Object.keys(own)
  const at = own[language] === undefined ? first : language
  return at === undefined ? <bdi>{of}</bdi> : <bdi lang={at}>{own[at]}</bdi>
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
