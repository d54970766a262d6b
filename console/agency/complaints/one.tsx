/**
 * One complaint: the use that is strange to the person, what was written, its course, and whom one may ask.
 */
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NameOf } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ExchangeLink, NamedId } from '../words.tsx'
import { AnswerComplaint, AssignComplaint, CloseComplaint } from './acts.tsx'
import { type Complaint, ComplaintStatus, findingText, PartyOf, reasonText } from './words.tsx'

type Written = { by: 'person' | 'agency'; at: string; text: string; author: string | null; isLost?: true }
type Contact = { memberId: string; name: string; email: string }
type WholeComplaint = Complaint & { texts: Written[]; askAt: Contact[] }

export function ComplaintPage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<WholeComplaint>('getComplaint', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="complaints.one">
      {(one) => <Found of={one} />}
    </Show>
  )
}

function Found({ of }: { of: WholeComplaint }) {
  return (
    <>
      <Head
        title={text('complaints.titled', { number: of.number })}
        lead={<ComplaintStatus of={of} />}
        acts={
          <>
            <AssignComplaint of={of} />
            {of.state !== 'closed' && (
              <>
                <CloseComplaint of={of} />
                <AnswerComplaint of={of} />
              </>
            )}
          </>
        }
      />
      {of.wantsAnswer && of.answeredAt === null && of.closedAt === null && (
        <p class="note part">
          {text('complaints.waits')} <Time at={of.dueAt} relative />
        </p>
      )}
      <Part title={text('complaints.words')}>
        <p>
          <strong>{reasonText(of.reason)}</strong>{' '}
          {text(of.wantsAnswer ? 'complaints.wantsAnswer' : 'complaints.wantsNone')}
        </p>
        <ol class="plain-list">
          {of.texts
            .filter(({ text: words, isLost }) => words !== '' || isLost)
            .map((one) => (
              <li key={`${one.at} ${one.by}`}>
                <p class="beside">
                  {one.by === 'person' ? text('complaints.byPerson') : <bdi>{one.author}</bdi>},{' '}
                  <Time at={one.at} />
                </p>
                <p class="wrap lines">{one.isLost ? text('complaints.lost') : <bdi>{one.text}</bdi>}</p>
              </li>
            ))}
        </ol>
      </Part>
      <Part title={text('complaints.use')}>
        <Facts
          of={[
            ['complaints.usedAt', <Time key="used" at={of.usedAt} />],
            ['complaints.usedBy', <PartyOf key="consumer" of={of.consumer} />],
            ['complaints.about', <PartyOf key="service" of={of.service} />],
            ['complaints.exchange', <ExchangeLink key="record" index={of.record} />],
            [
              'search.queryId',
              <Copyable key="message" value={of.messageId} label={text('search.queryId')} />,
            ],
            [
              'complaints.contract',
              of.contract === null ? (
                text('complaints.noContract')
              ) : (
                <Link key="contract" to={`/contracts/${of.contract.split('/')[0]}`}>
                  <NameOf id={of.contract.split('/')[0]!} />
                </Link>
              ),
            ],
          ]}
        />
      </Part>
      <Course of={of} />
      <Part title={text('complaints.askAt')}>
        {of.askAt.length === 0 ? (
          <p>{text('complaints.askNobody')}</p>
        ) : (
          <>
            <p>{text('complaints.askConsequence')}</p>
            <ul class="plain-list">
              {of.askAt.map(({ memberId, name, email }) => (
                <li key={email}>
                  <bdi>{name}</bdi>, <NameOf id={memberId} />{' '}
                  <Copyable value={email} label={text('complaints.address')} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Part>
    </>
  )
}

function Course({ of }: { of: Complaint }) {
  const timeOf = (at: string | null) => (at === null ? text('complaints.notYet') : <Time at={at} />)
  return (
    <Part title={text('complaints.course')}>
      <Facts
        of={[
          ['complaints.receivedAt', timeOf(of.receivedAt)],
          ['complaints.seenAt', timeOf(of.seenAt)],
          ['complaints.answeredAt', timeOf(of.answeredAt)],
          ['complaints.closedAt', timeOf(of.closedAt)],
          ['complaints.due', timeOf(of.dueAt)],
          ['complaints.finding', of.finding === null ? text('complaints.notYet') : findingText(of.finding)],
          [
            'cases.assignee',
            of.assignee === null ? text('cases.nobody') : <bdi key="assignee">{of.assignee}</bdi>,
          ],
          ['complaints.broughtBy', <NamedId key="client" of={of.broughtBy} />],
          ['complaints.toldIn', <ExchangeLink key="told" index={of.toldIn} />],
        ]}
      />
    </Part>
  )
}
