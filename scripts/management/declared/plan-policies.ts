/** Compares the policies, mandates and notifications that a file declares with the registry; pure. */
import type { Declared } from './read-file.ts'
import type { Present } from './read-present.ts'
import { emptyPlan, type Plan, step } from './step.ts'

const POLICIES = [
  { name: 'contractPolicy', title: 'policy on contracts', operation: 'setContractPolicy' },
  { name: 'hostingPolicy', title: 'policy on hosting', operation: 'setHostingPolicy' },
  { name: 'suspensionPolicy', title: 'policy on suspensions', operation: 'setSuspensionPolicy' },
] as const

/** Compares only the declared fields of a policy; other fields stay as they are. */
export function policies(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  for (const { name, title, operation } of POLICIES) {
    const wanted = declared[name]
    if (wanted === undefined) continue
    const there: Record<string, unknown> = present[name]
    const changed = Object.entries(wanted).filter(([field, value]) => there[field] !== value)
    if (changed.length === 0) continue
    const says = changed.map(([field, value]) => `${field} ${value}`).join(', ')
    plan.steps.push(step(`set the ${title}: ${says}`, operation, {}, wanted))
  }
  return plan
}

/**
 * Compares hosting mandates. An expired mandate is ignored. A mandate that people ended early is not given
 * again because an old file still declares it.
 */
export function hostingMandates(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const known = new Set([...present.members, ...present.subsystems].map(({ id }) => id))
  for (const wanted of declared.hostingMandates) {
    const { host, client, validUntil } = wanted
    const until = Date.parse(validUntil)
    if (until <= Date.parse(present.readAt)) continue
    const ofHost = present.hostingMandates.filter((one) => one.host === host)
    const name = `hosting mandate of ${host} for ${client}`
    const own = ofHost.filter((one) => one.client === client)
    const inForce = ofHost.filter(
      (one) => one.state === 'inForce' && (one.client === client || client.startsWith(`${one.client}:`)),
    )
    const covering = inForce.find((one) => Date.parse(one.validUntil) >= until)
    if (covering !== undefined) {
      if (covering.client === client && Date.parse(covering.validUntil) > until)
        plan.differences.push(`${name} lasts until ${covering.validUntil}`)
    } else if (own.some((one) => one.state === 'ended' && Date.parse(one.validUntil) === until))
      plan.differences.push(`${name} was ended before its time`)
    else {
      const says = `give the ${name} until ${validUntil}`
      const isReady = known.has(host) && known.has(client)
      plan.steps.push(isReady ? step(says, 'addHostingMandate', {}, wanted) : { says })
    }
  }
  if (declared.hostingMandates.length > 0)
    for (const one of present.hostingMandates)
      if (
        one.state === 'inForce' &&
        !declared.hostingMandates.some(({ host, client }) => host === one.host && client === one.client)
      )
        plan.undeclared.push(`hosting mandate of ${one.host} for ${one.client}`)
  return plan
}

/**
 * Compares where members are notified of decisions. The plan shows only the number of mail addresses, because
 * more people read a plan than should see the addresses.
 */
export function notifications(declared: Declared, present: Present): Plan {
  const plan = emptyPlan()
  const known = new Set(present.members.map(({ id }) => id))
  const ready = (id: string, ...given: Parameters<typeof step>): void => {
    plan.steps.push(known.has(id) ? step(...given) : { says: given[0] })
  }
  for (const { id, webhook, mailAddresses } of declared.members) {
    const there = present.notifications.get(id)
    if (webhook === null) {
      if (there?.webhook !== undefined)
        plan.differences.push(`${id} is told of decisions at ${there.webhook}`)
    } else if (webhook !== undefined && there?.webhook !== webhook)
      ready(id, `tell ${id} of decisions at ${webhook}`, 'setWebhook', { id }, { url: webhook })
    if (mailAddresses === undefined) continue
    const isSame = mailAddresses.toSorted().join('\n') === (there?.mailAddresses ?? []).toSorted().join('\n')
    if (!isSame)
      ready(
        id,
        `tell ${id} at ${mailAddresses.length} mail addresses`,
        'setMailAddresses',
        { id },
        { addresses: mailAddresses },
      )
  }
  return plan
}
