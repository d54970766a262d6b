/** Requests to see content: who wants to see what, for which case, and the decision of a second auditor. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { CaseAndReason, WhenBy } from '../cells.tsx'
import { BeginningOfId, ExchangeLink, Id } from '../words.tsx'

type State = 'waiting' | 'granted' | 'declined' | 'void'
type Request = {
  id: string
  target: string
  case: string
  reason: string
  askedBy: { id: string; name: string }
  askedAt: string
  state: State
  decidedBy: string | null
  decidedAt: string | null
  decisionReason: string | null
}

const STATES: Record<State, [Tone, TextKey]> = {
  waiting: ['warn', 'contentRequests.waiting'],
  granted: ['good', 'contentRequests.granted'],
  declined: ['bad', 'contentRequests.declined'],
  void: ['quiet', 'contentRequests.void'],
}

export function ContentRequestsPage() {
  const { session } = useConsole()
  return (
    <>
      <Head title={text('contentRequests.title')} lead={text('contentRequests.lead')} />
      {session.contentFourEyes !== true && <p class="note">{text('contentRequests.notNeeded')}</p>}
      <Table<Request>
        operation="getContentRequests"
        caption={text('contentRequests.title')}
        search="contentRequests.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...(['waiting', 'granted', 'declined'] as const).map((value) => ({
                value,
                title: text(STATES[value][1]),
              })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'contentRequests.askedAt',
            cell: ({ askedAt, askedBy }) => <WhenBy at={askedAt} by={askedBy.name} />,
          },
          { title: 'contentRequests.target', cell: ({ target }) => <Target of={target} /> },
          {
            title: 'looks.why',
            cell: (one) => <CaseAndReason {...one} />,
          },
          { title: 'common.state', cell: (one) => <Decided of={one} /> },
          { title: 'common.acts', acts: ['grantContentRequest'], cell: (one) => <Decide of={one} /> },
        ]}
        empty={<p>{text('contentRequests.empty')}</p>}
      />
    </>
  )
}

const TARGETS: Record<string, TextKey> = {
  search: 'contentRequests.ofSearch',
  export: 'contentRequests.ofExport',
  archive: 'contentRequests.ofArchive',
}

function Target({ of }: { of: string }) {
  const [kind = '', id = ''] = of.split(' ')
  if (kind === 'exchange') return <ExchangeLink index={Number(id)} />
  const title = TARGETS[kind]
  if (title === undefined) return <Id of={of} />
  return (
    <>
      {text(title)} <BeginningOfId of={id} />
    </>
  )
}

function Decided({ of: { state, decidedBy, decidedAt, decisionReason } }: { of: Request }) {
  const [tone, word] = STATES[state]
  return (
    <>
      <Status tone={tone} word={word} />
      {decidedAt !== null && (
        <>
          <br />
          <Time at={decidedAt} />
          <br />
          <bdi class="beside">{[decidedBy, decisionReason].filter(Boolean).join(': ')}</bdi>
        </>
      )}
    </>
  )
}

/** Only people can decide, and never about their own request. */
function Decide({ of: { id, askedBy, state } }: { of: Request }) {
  const { api, session } = useConsole()
  if (state !== 'waiting' || session.kind !== 'person' || session.id === askedBy.id) return null
  const { name } = askedBy
  return (
    <div class="acts">
      <Act<unknown>
        operation="grantContentRequest"
        button={text('contentRequests.grant')}
        label={text('contentRequests.grantTo', { name })}
        title={text('contentRequests.grantTo', { name })}
        consequence={<p>{text('contentRequests.grantConsequence')}</p>}
        send={() => api.call('grantContentRequest', { params: { id }, body: {} })}
        result={() => <p>{text('contentRequests.grantedNow')}</p>}
      />
      <Act<unknown>
        operation="declineContentRequest"
        button={text('contentRequests.decline')}
        label={text('contentRequests.declineTo', { name })}
        look="quiet"
        title={text('contentRequests.declineTo', { name })}
        consequence={<p>{text('contentRequests.declineConsequence')}</p>}
        fields={[{ name: 'reason', title: 'why.reason', maxLength: 500 }]}
        send={({ reason }) =>
          api.call('declineContentRequest', { params: { id }, body: { reason: String(reason).trim() } })
        }
        result={() => <p>{text('contentRequests.declinedNow')}</p>}
      />
    </div>
  )
}
