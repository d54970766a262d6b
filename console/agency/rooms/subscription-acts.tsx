/**
 * What an operator decides about a subscription: stop it, let it go on, or end it. Each says its reason to
 * the audit log.
 */
import { Act } from '../../kit/act.tsx'
import type { Field } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { countText, type State, type Subscription } from './words.tsx'

const MAX_REASON = 500
const REASON: Field = {
  ...{ name: 'reason', title: 'rooms.reason', hint: 'rooms.reasonHint', type: 'long', maxLength: MAX_REASON },
}
const STOPPABLE: readonly State[] = ['active', 'suspended']
const RESUMABLE: readonly State[] = ['stopped', 'suspended']

export function SubscriptionActs({ of }: { of: Subscription }) {
  return (
    <div class="acts">
      {STOPPABLE.includes(of.state) && <Stop of={of} />}
      {RESUMABLE.includes(of.state) && <Resume of={of} />}
      {of.state !== 'ended' && <End of={of} />}
    </div>
  )
}

/** What tells it from the others of a list. */
function wordsFor(of: Subscription) {
  const way = of.delivery === 'PULL' ? text('rooms.fetched') : (of.inboxId ?? '-')
  return { subscriber: nameOf(of), way, type: of.eventType ?? '-' }
}

/** Of a secret contract only its number. */
function nameOf({ subscriberId, id }: Subscription): string {
  return subscriberId ?? text('rooms.numbered', { id: String(id) })
}

function Stop({ of }: { of: Subscription }) {
  const title = text('rooms.stopThis', wordsFor(of))
  return (
    <Act<Subscription>
      operation="suspendSubscription"
      button={text('rooms.stop')}
      label={title}
      title={title}
      consequence={
        <>
          <p>{text('rooms.stopConsequence')}</p>
          <p>{text('rooms.stopLapses')}</p>
        </>
      }
      fields={[REASON]}
      send={({ reason }, call) =>
        call('suspendSubscription', {
          params: { id: String(of.id) },
          body: { reason: String(reason).trim() },
        })
      }
      result={() => <p>{text('rooms.stopped')}</p>}
    />
  )
}

function Resume({ of }: { of: Subscription }) {
  const isTried = of.state === 'suspended'
  const title = text(isTried ? 'rooms.tryThis' : 'rooms.resumeThis', wordsFor(of))
  return (
    <Act<Subscription>
      operation="resumeSubscription"
      button={text(isTried ? 'rooms.tryNow' : 'rooms.resume')}
      label={title}
      title={title}
      consequence={
        <>
          <p>{text('rooms.resumeConsequence', { behind: countText(of.behind) })}</p>
          <p>{text('rooms.resumeRights')}</p>
        </>
      }
      send={(_, call) => call('resumeSubscription', { params: { id: String(of.id) } })}
      result={() => <p>{text('rooms.resumed')}</p>}
    />
  )
}

/** The subscriber is what must be typed: lists have many of one type. */
function End({ of }: { of: Subscription }) {
  const title = text('rooms.endThis', wordsFor(of))
  return (
    <Act<Subscription>
      operation="endSubscription"
      button={text('rooms.end')}
      label={title}
      title={title}
      nameToType={nameOf(of)}
      consequence={
        <>
          <p>{text('rooms.endConsequence', { behind: countText(of.behind) })}</p>
          {of.delivery === 'PULL' && <p>{text('rooms.endFetched')}</p>}
          <p>{text('rooms.endAgain')}</p>
        </>
      }
      fields={[REASON]}
      send={({ reason }, call) =>
        call('endSubscription', { params: { id: String(of.id) }, body: { reason: String(reason).trim() } })
      }
      result={() => <p>{text('rooms.ended')}</p>}
    />
  )
}
