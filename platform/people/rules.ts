/** Rules for people who administer a server; pure. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

export type State = 'invited' | 'active' | 'locked' | 'removed'

/** The facts about a person that the rules need. */
type Standing = { id: string; state: State; roles: string[] }

const ACTS = {
  lock: { from: ['active'], to: 'locked' },
  unlock: { from: ['locked'], to: 'active' },
  remove: { from: ['invited', 'active', 'locked'], to: 'removed' },
} as const

export type Act = keyof typeof ACTS

/** The state after an act. Throws `conflict` if the person's state does not allow it. */
export function stateAfter(act: Act, { state }: Standing): State {
  const { from, to } = ACTS[act]
  if (!(from as readonly string[]).includes(state))
    throw new Fault('conflict', {
      what: say`the person is ${state}; only ${from.join(' or ')} can be ${PAST[act]}`,
    })
  return to
}

const PAST: Record<Act, string> = { lock: 'locked', unlock: 'unlocked', remove: 'removed' }

/** Throws `conflict` if `person` is the last one with a role that somebody must have, and would lose it. */
export function checkNotLast(
  person: Standing,
  q: { rolesAfter: string[]; active: Standing[]; indispensable: readonly string[] },
): void {
  const { rolesAfter, active, indispensable } = q
  if (person.state !== 'active') return
  for (const role of indispensable) {
    if (!person.roles.includes(role) || rolesAfter.includes(role)) continue
    const others = active.filter((one) => one.id !== person.id && one.roles.includes(role))
    if (others.length === 0)
      throw new Fault('conflict', {
        what: say`this is the last active person with ${role}; give it to another first`,
      })
  }
}

/**
 * Throws if one of `deciders`, or of those who made an API key among them, is the person whose roles change.
 */
export function checkNotOwn(id: string, deciders: (string | undefined)[]): void {
  if (deciders.includes(id))
    throw new Fault('not_second_person', { what: say`nobody changes their own roles` })
}

/** Throws `conflict` for a person who was removed. */
export function checkMayHaveRoles({ state }: Standing): void {
  if (state === 'removed')
    throw new Fault('conflict', { what: say`the person was removed; invite them again` })
}

export type Invitation = { email: string | null; subject: string | null; roles: string[] }

/**
 * How an invited person will be recognised: a verified e-mail address in lower case, the provider's subject,
 * or both.
 */
export function checkInvitation(given: { email?: string; subject?: string; roles: string[] }): Invitation {
  const { email, subject, roles } = given
  if (email === undefined && subject === undefined)
    throw new Fault('invalid_input', { what: say`email or subject is needed` })
  if (email !== undefined && !/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,190}$/u.test(email))
    throw new Fault('invalid_input', { what: say`body.email is no e-mail address` })
  // OpenID Connect Core, section 2.
  if (subject !== undefined && (subject.trim() !== subject || !/^[\x20-\x7e]{1,255}$/.test(subject)))
    throw new Fault('invalid_input', {
      what: say`body.subject has 1 to 255 ASCII characters, no space at its ends`,
    })
  return { email: email?.toLowerCase() ?? null, subject: subject ?? null, roles }
}
