/**
 * Says why a right, or the member of a group, has no effect: its subject may be mistyped, not registered yet,
 * or deleted.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { parseClientId, parseSubsystemId } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import type { SubjectType } from './access.ts'

/** Whom it is about and what follows, and what to look at. */
type Unknown = { what: Said; remedy: Said }
type SubjectCheck = (subject: { type: SubjectType | 'MEMBER'; id: string }) => Unknown | undefined

/**
 * The check returns undefined for an existing subject. `indexFor` returns the configuration of an instance,
 * undefined when none is valid: then nothing can be said, and every exchange with that instance is refused
 * anyway.
 */
export function createSubjectCheck(
  own: string,
  indexFor: (instance: string) => ConfigurationIndex | undefined,
): SubjectCheck {
  return ({ type, id }) => {
    if (type === 'LOCALGROUP') return undefined
    if (type === 'GLOBALGROUP') {
      if (indexFor(own)?.hasGlobalGroup(id) !== false) return undefined
      return {
        what: say`the instance has no global group ${id}: nobody can use this until it has`,
        remedy: say`Check the code`,
      }
    }
    const client = type === 'SUBSYSTEM' ? parseSubsystemId(id) : parseClientId(id)
    if (indexFor(client.instance)?.isRegistered(client) !== false) return undefined
    return {
      what: say`${id} is not registered in the instance: it cannot use this until it is`,
      remedy: say`Check the identifier`,
    }
  }
}
