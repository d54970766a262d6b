/** One discrepancy: what each side showed with its proof, who investigates it, and how it ended. */
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { dayText, Time } from '../../kit/time.tsx'
import { ExchangeLink, kindText, NamedId, ServerId } from '../words.tsx'
import { AssignCase, ChangeCase } from './acts.tsx'
import { type Case, CaseStatus, Finding } from './words.tsx'

type Shown = {
  requestId?: string
  without?: 'erased' | 'ids_only'
  records?: { index: number; form: string; treeHead: string }[]
}
type WholeCase = Case & { ownProof: Shown; peerProof: Shown; peerProofHolds: boolean }

export function CasePage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<WholeCase>('getReconciliationCase', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="cases.one">
      {(one) => <Found of={one} />}
    </Show>
  )
}

function Found({ of }: { of: WholeCase }) {
  return (
    <>
      <Head
        title={text('cases.titled', { id: String(of.id) })}
        lead={<CaseStatus of={of.state} />}
        acts={
          <>
            <AssignCase of={of} />
            <ChangeCase of={of} />
          </>
        }
      />
      <Part title={text('common.facts')}>
        <Facts
          of={[
            ['cases.finding', <Finding key="finding" of={of} />],
            [
              'reconciliation.day',
              <Link key="day" to={`/reconciliation?day=${of.day}`}>
                {dayText(of.day)}
              </Link>,
            ],
            [
              'search.requestId',
              of.requestId === null ? (
                text('record.notKept')
              ) : (
                <Copyable key="id" value={of.requestId} label={text('search.requestId')} />
              ),
            ],
            ['cases.here', <NamedId key="own" of={of.memberId} />],
            ['cases.there', <NamedId key="peer" of={of.peerMemberId} />],
            ['search.peer', <ServerId key="server" of={of.peerServer} />],
            ['cases.openedAt', <Time key="opened" at={of.openedAt} relative />],
            [
              'cases.assignee',
              of.assignee === null ? text('cases.nobody') : <bdi key="assignee">{of.assignee}</bdi>,
            ],
          ]}
        />
      </Part>
      {of.note !== '' && (
        <Part title={text('cases.why')}>
          <p class="wrap lines">
            <bdi>{of.note}</bdi>
          </p>
          <p class="beside">
            <bdi>{of.changedBy}</bdi>, <Time at={of.changedAt} />
          </p>
        </Part>
      )}
      <Side title="cases.ownProof" of={of.ownProof} isOurs />
      <Side title="cases.peerProof" of={of.peerProof} holds={of.peerProofHolds} />
    </>
  )
}

function Side(q: { title: TextKey; of: Shown; isOurs?: boolean; holds?: boolean }) {
  const { records = [], without } = q.of
  return (
    <Part title={text(q.title)}>
      {q.holds !== undefined && records.length > 0 && (
        <p>
          <Status tone={q.holds ? 'good' : 'bad'} word={q.holds ? 'cases.holds' : 'cases.holdsNot'} />
        </p>
      )}
      {without !== undefined && <p>{text(without === 'erased' ? 'cases.erased' : 'cases.idsOnly')}</p>}
      {records.length === 0 && without === undefined && <p>{text('cases.showedNothing')}</p>}
      <ul class="plain-list">
        {records.map(({ index, form, treeHead }) => (
          <li key={index}>
            <p>
              {q.isOurs === true ? (
                <ExchangeLink index={index} />
              ) : (
                text('record.link', { index: String(index) })
              )}{' '}
              {factsOf(form)}
            </p>
            <details>
              <summary aria-label={text('cases.showProofOf', { index: String(index) })}>
                {text('cases.proof')}
              </summary>
              <p class="id wrap">{form}</p>
              <p class="id wrap lines">{treeHead}</p>
            </details>
          </li>
        ))}
      </ul>
    </Part>
  )
}

/** The other side wrote this text. A text that is not a leaf form of ours is shown below unchanged. */
function factsOf(form: string) {
  try {
    const { kind, time, outcome } = JSON.parse(form) as Record<string, unknown>
    return (
      <>
        {kindText(String(kind))} <Time at={String(time)} />{' '}
        {typeof outcome === 'string' && outcome !== '' && <bdi class="id">{outcome}</bdi>}
      </>
    )
  } catch {
    return null
  }
}
