/**
 * Compares what a file declares beside the clients: places of data subjects, retention, trackers' words,
 * event types; pure.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { sourceForm } from '#schemas/event-source.ts'
import { emptyPlan, type Plan, step } from '../step.ts'
import { tellOthers } from './lists.ts'
import { codeOf, type Declared, type EventType, type SubjectPlace } from './read-file.ts'
import type { Present } from './read-present.ts'

/**
 * Whether the file declares a service, or the client that has it, that is not there yet: what is said of it
 * waits.
 */
function isComing(declared: Declared, present: Present, serviceId: string): boolean {
  const there = present.clients.flatMap(({ id, serviceDescriptions }) =>
    serviceDescriptions.flatMap(({ services }) => services.map((one) => `${id}:${codeOf(one)}`)),
  )
  if (there.includes(serviceId)) return false
  return (declared.clients ?? []).some(
    ({ id, serviceDescriptions = [] }) =>
      (serviceId === id && !present.clients.some((one) => one.id === id)) ||
      serviceDescriptions.some(({ services }) =>
        services.some((one) => `${id}:${codeOf(one)}` === serviceId),
      ),
  )
}

/** A declaration is taken back by people: what is told to whom hangs on it. */
export function subjectPlaces(whole: Declared, present: Present): Plan {
  const declared = whole.subjectPlaces
  const plan = emptyPlan()
  // That calls are about nobody takes two people once somebody here answers who used whose data: the file is
  // no way around that.
  const isTrackerComing = (whole.clients ?? []).some(
    ({ id, tracker }) =>
      tracker != null && !present.trackers.some(({ clientId, isOn }) => clientId === id && isOn),
  )
  const keyOf = ({ serviceId, method, path, in: where, name, type }: SubjectPlace): string =>
    [where, name, 'of', method, path, serviceId, type].filter(Boolean).join(' ')
  const there = new Set(present.subjectPlaces.map(keyOf))
  for (const { serviceId, method, path, in: where, name, type } of declared ?? []) {
    const body = { serviceId, method, path, in: where, name, type }
    if (there.has(keyOf(body))) continue
    const says = `declare the place ${keyOf(body)}`
    const waits = where === 'none' && isTrackerComing
    plan.steps.push(waits ? { says } : step(says, 'addSubjectPlace', {}, body))
  }
  tellOthers(plan, {
    wanted: declared,
    found: present.subjectPlaces,
    keyOf,
    name: (one) => `place ${keyOf(one)}`,
  })
  return plan
}

/** Only for records from now on: what is logged keeps the end that it was promised. */
export function retentionClasses({ retentionClasses: declared }: Declared, present: Present): Plan {
  const plan = emptyPlan()
  for (const { name, services = [], keepDays, atEnd, archive } of declared ?? []) {
    const there = present.retentionClasses.find((one) => one.name === name)
    const body = { keepDays, atEnd, archive, applyToExisting: false }
    const isSame =
      there !== undefined && there.keepDays === keepDays && there.atEnd === atEnd && there.archive === archive
    const says = `keep what is of the class ${name} ${keepDays === null ? 'for ever' : `for ${keepDays} days`}`
    if (!isSame) plan.steps.push(step(`${says}: ${atEnd}, ${archive}`, 'putRetentionClass', { name }, body))
    for (const serviceId of services) {
      if (there?.services.includes(serviceId)) continue
      const puts = `put ${serviceId} into the retention class ${name}`
      const own = { class: name, applyToExisting: false }
      plan.steps.push(
        there === undefined ? { says: puts } : step(puts, 'assignRetentionClass', { serviceId }, own),
      )
    }
  }
  // The class that holds all others is always there.
  const others = present.retentionClasses.filter(({ name }) => name !== 'default')
  tellOthers(plan, {
    wanted: declared,
    found: others,
    keyOf: ({ name }) => name,
    name: ({ name }) => `retention class ${name}`,
  })
  return plan
}

export function trackerServices(whole: Declared, present: Present): Plan {
  const declared = whole.trackerServices
  const plan = emptyPlan()
  const keyOf = (one: { clientId: string; serviceId: string }): string =>
    `${one.serviceId} at ${one.clientId}`
  for (const { clientId, serviceId, isGeneral, words } of declared ?? []) {
    const body = { clientId, serviceId, isGeneral, words }
    const there = present.trackerServices.find((one) => keyOf(one) === keyOf(body))
    const isSame = there?.isGeneral === isGeneral && canonicalJson(there.words) === canonicalJson(words)
    if (isSame) continue
    const says = `say what uses of ${keyOf(body)} are${isGeneral ? ', in general terms' : ''}`
    const waits = [clientId, serviceId].some((id) => isComing(whole, present, id))
    plan.steps.push(waits ? { says } : step(says, 'setTrackerService', {}, body))
  }
  tellOthers(plan, {
    wanted: declared,
    found: present.trackerServices,
    keyOf,
    name: (one) => `words of uses of ${keyOf(one)}`,
  })
  return plan
}

type Sources = NonNullable<EventType['sources']>

function sameSources(declared: Sources, there: Sources = []): boolean {
  const told = (of: Sources) => of.map(({ source, publisherId }) => `${publisherId} ${source}`).sort()
  const kept = declared.map((one) => ({ ...one, source: sourceForm(one.source) }))
  return told(kept).join('\n') === told(there).join('\n')
}

/** An event type goes with all events that it keeps, so it is never taken away. */
export function eventTypes(whole: Declared, present: Present): Plan {
  const declared = whole.eventTypes
  const plan = emptyPlan()
  const keyOf = (one: { roomId: string; name: string }): string => `${one.name} in ${one.roomId}`
  for (const { roomId, name, schema, keepDays, closed, sources } of declared ?? []) {
    const there = present.eventTypes.find((one) => keyOf(one) === keyOf({ roomId, name }))
    const says = `the event type ${name} in ${roomId}`
    if (there === undefined) {
      const body = {
        ...{ roomId, name },
        ...(schema === undefined ? {} : { schema }),
        ...(keepDays === undefined ? {} : { keepDays }),
        ...(sources === undefined ? {} : { sources }),
      }
      const adds = `add ${says}`
      plan.steps.push(
        isComing(whole, present, roomId) ? { says: adds } : step(adds, 'addEventType', {}, body),
      )
      if (closed) plan.steps.push({ says: `close ${says}` })
      continue
    }
    if (canonicalJson(schema ?? {}) !== canonicalJson(there.schema ?? {}))
      plan.differences.push(`${says} has another schema, which cannot be changed`)
    const changes = {
      ...(keepDays === undefined || keepDays === there.keepDays ? {} : { keepDays }),
      ...(closed === there.closed ? {} : { closed }),
      ...(sources === undefined || sameSources(sources, there.sources) ? {} : { sources }),
    }
    if (Object.keys(changes).length > 0) {
      const words = Object.entries(changes).map(([field, value]) =>
        Array.isArray(value) ? field : `${field} ${value}`,
      )
      plan.steps.push(
        step(`change ${says}: ${words.join(', ')}`, 'updateEventType', { id: String(there.id) }, changes),
      )
    }
  }
  tellOthers(plan, {
    wanted: declared,
    found: present.eventTypes,
    keyOf,
    name: (one) => `event type ${keyOf(one)}`,
  })
  return plan
}
