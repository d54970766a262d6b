/** The address at which the systems of a member are told of decisions, and the acts that set and end it. */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { Loading, Refused } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'

const MAX_URL = 500

type Of = { member: string; name: string }

export function WebhookOf(of: Of) {
  const found = useAnswer<{ url: string }>('getWebhook', { params: { id: of.member } })
  // A member without one has no such resource.
  const isNone = found.state === 'refused' && found.fault.status === 404
  const url = found.state === 'there' ? found.data.url : undefined
  return (
    <Part
      title={text('webhook.ofMember')}
      acts={
        (isNone || url !== undefined) && (
          <>
            <Change {...of} now={url} />
            {url !== undefined && <End {...of} />}
          </>
        )
      }
    >
      {found.state === 'loading' && <Loading />}
      {found.state === 'refused' && !isNone && <Refused fault={found.fault} again={found.again} />}
      <NotRefreshed of={found} />
      {isNone && <p>{text('webhook.none')}</p>}
      {url !== undefined && (
        <p>
          <Copyable value={url} label={text('webhook.url')} />
        </p>
      )}
    </Part>
  )
}

function Change({ member, name, now }: Of & { now: string | undefined }) {
  return (
    <Act
      operation="setWebhook"
      button={text(now === undefined ? 'webhook.set' : 'webhook.change')}
      title={text('webhook.setTitle', { name })}
      consequence={<p>{text('webhook.setConsequence')}</p>}
      fields={[
        {
          name: 'url',
          title: 'webhook.url',
          hint: 'webhook.urlHint',
          maxLength: MAX_URL,
          initial: now ?? '',
        },
      ]}
      send={({ url }, call) =>
        call('setWebhook', { params: { id: member }, body: { url: String(url).trim() } })
      }
      result={() => <p>{text('webhook.isSet')}</p>}
    />
  )
}

function End({ member, name }: Of) {
  return (
    <Act
      operation="deleteWebhook"
      button={text('webhook.end')}
      title={text('webhook.endTitle', { name })}
      consequence={<p>{text('webhook.endConsequence')}</p>}
      send={(_, call) => call('deleteWebhook', { params: { id: member } })}
      result={() => <p>{text('webhook.ended')}</p>}
    />
  )
}
