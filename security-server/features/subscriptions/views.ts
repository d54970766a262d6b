/** What is told of types, events and subscriptions, in the shapes of GovStack's Pub/Sub API. */

import { textOfCode } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { StoredEvent } from './publish-store.ts'
import { sequenceText } from './rooms.ts'
import type { StoredSubscription } from './subscription-reads-store.ts'
import type { StoredType } from './type-store.ts'

export type EventView = {
  id: string
  sequence: string
  publisherId: string
  eventType: string
  publishedAt: Time
  expiresAt: Time
}

export function eventView(event: StoredEvent, type: Pick<StoredType, 'name'>): EventView {
  const sequence = sequenceText(event.sequence)
  return {
    ...{ id: sequence, sequence, publisherId: event.publisher, eventType: type.name },
    ...{ publishedAt: event.published_at, expiresAt: event.expires_at },
  }
}

/** The schema stands there for one type alone: of all they could be many megabytes. */
export function typeView(type: Omit<StoredType, 'schema'> & { schema?: string }) {
  const { schema } = type
  return {
    eventType: type.name,
    ...(schema !== undefined && { schema: schema === '' ? null : JSON.parse(schema) }),
    ...{
      hasSchema: type.digest !== '',
      sequence: sequenceText(type.last),
      keepDays: type.keep_days,
      closed: type.closed === 1,
    },
  }
}

/** The code of what holds it up, in words with what to do, and what its inbox says. */
export function whyHalted({ error, about }: StoredSubscription) {
  return {
    ...{ error: error === '' ? null : error, errorText: textOfCode(error) },
    about: about === '' ? null : about,
  }
}

/** `sequence`: up to where it was looked at; `given`: the last event that it was given, null for none. */
export function subscriptionView(one: StoredSubscription, type: Pick<StoredType, 'name'>) {
  return {
    ...{ id: String(one.id), subscriberId: one.subscriber, eventType: type.name },
    delivery: one.inbox === '' ? 'PULL' : 'PUSH',
    options: { ...(one.inbox !== '' && { inbox: one.inbox }), filters: JSON.parse(one.filters) as object[] },
    ...{ state: one.state, ...whyHalted(one), since: one.created_at },
    sequence: sequenceText(one.cursor),
    given: one.given === 0 ? null : sequenceText(one.given),
    ...{ filterErrors: one.filter_errors, reused: one.reused },
    contract: one.contract === '' ? null : one.contract,
  }
}
