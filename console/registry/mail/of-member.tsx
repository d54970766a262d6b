/** The addresses at which a member gets e-mail about its affairs, for those who may see them. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import type { Delivery } from './message.tsx'

const MOST = 10

export function MailOf(of: { member: string; name: string }) {
  return useMay('getMailAddresses') ? <Addresses {...of} /> : null
}

function Addresses({ member, name }: { member: string; name: string }) {
  const params = { id: member }
  const found = useAnswer<{ addresses: string[] }>('getMailAddresses', { params })
  const delivery = useAnswer<Delivery>('getMailDelivery')
  const isOff = delivery.state === 'there' && !delivery.data.isConfigured
  return (
    <Part
      title={text('mail.ofMember')}
      acts={found.state === 'there' && <Change member={member} name={name} now={found.data.addresses} />}
    >
      {isOff && <p class="note">{text('mail.notConfigured')}</p>}
      <Show of={found}>
        {({ addresses }) =>
          addresses.length === 0 ? (
            <p>{text('mail.noAddress')}</p>
          ) : (
            <ul class="plain-list">
              {addresses.map((one) => (
                <li key={one}>
                  <bdi class="id wrap">{one}</bdi>{' '}
                  <Link to={`/mail-messages?q=${encodeURIComponent(one)}`}>
                    <span aria-hidden="true">{text('mail.toIt')}</span>
                    <span class="heard">{text('mail.toThis', { recipient: one })}</span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Part>
  )
}

function Change({ member, name, now }: { member: string; name: string; now: string[] }) {
  return (
    <Act
      operation="setMailAddresses"
      button={text('mail.change')}
      title={text('mail.changeTitle', { name })}
      consequence={<p>{text('mail.changeConsequence')}</p>}
      fields={[
        {
          name: 'addresses',
          title: 'mail.addresses',
          hint: 'mail.addressesHint',
          type: 'long',
          required: false,
          initial: now.join('\n'),
          check: (value) => (linesOf(value).length > MOST ? text('mail.tooMany') : undefined),
        },
      ]}
      send={({ addresses }, call) =>
        call('setMailAddresses', {
          params: { id: member },
          body: { addresses: linesOf(String(addresses)) },
        })
      }
      result={() => <p>{text('mail.changed')}</p>}
    />
  )
}

function linesOf(value: string): string[] {
  return value
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
