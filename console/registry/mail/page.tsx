/**
 * The outbox: whether anything is sent, what is waiting, what was sent, and what was not delivered and why.
 */
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Delivery, type Message, MessageActs, MessageState, RetryGivenUp, STATES } from './message.tsx'

export function Mail() {
  return (
    <>
      <Head title={text('mail.title')} lead={text('mail.lead')} />
      <DeliveryPart />
      <Table<Message>
        operation="getMailMessages"
        caption={text('mail.outbox')}
        search="mail.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              { value: 'UNDELIVERED', title: text('mail.UNDELIVERED') },
              ...STATES.map((value) => ({ value, title: text(`mail.${value}`) })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'mail.subject', cell: ({ subject }) => <bdi class="wrap">{subject}</bdi> },
          { title: 'mail.recipient', cell: ({ recipient }) => <bdi class="id wrap">{recipient}</bdi> },
          { title: 'common.state', cell: (one) => <Course of={one} /> },
          { title: 'mail.createdAt', cell: ({ createdAt }) => <Time at={createdAt} relative /> },
          {
            title: 'common.acts',
            acts: ['retryMailMessage', 'forgetMailMessage'],
            cell: (one) => <MessageActs of={one} />,
          },
        ]}
        empty={<p>{text('mail.empty')}</p>}
      />
    </>
  )
}

/** The progress of a message, and the mail server's last error if it is not sent. */
function Course({ of }: { of: Message }) {
  const { state, attempts, endedAt, lastError } = of
  return (
    <>
      <MessageState of={of} />
      {endedAt !== undefined && (
        <>
          {' '}
          <Time at={endedAt} relative />
        </>
      )}
      {attempts > 1 && <p class="beside">{text('mail.attempts', { count: attempts })}</p>}
      {state !== 'SENT' && lastError !== undefined && (
        <p class="wrap">
          <bdi>{lastError}</bdi>
        </p>
      )}
    </>
  )
}

function DeliveryPart() {
  const delivery = useAnswer<Delivery>('getMailDelivery')
  return (
    <Part
      title={text('mail.delivery')}
      acts={delivery.state === 'there' && <RetryGivenUp count={delivery.data.messages.GIVEN_UP} />}
    >
      <Show of={delivery}>
        {({ isConfigured, messages }) => (
          <>
            {!isConfigured && <p class="note">{text('mail.notConfigured')}</p>}
            <Facts
              of={[
                ['mail.server', text(isConfigured ? 'mail.serverNamed' : 'mail.serverNone')],
                ...STATES.map((state): [TextKey, string] => [`mail.count.${state}`, number(messages[state])]),
              ]}
            />
          </>
        )}
      </Show>
    </Part>
  )
}
