/** The person whose consents a question is about: the one who acts, or whom they may act for. */
import { normaliseIdentifier, USUAL_TYPE } from '#core/subject/identifier.ts'
import type { Subject } from '#core/subject/read-subjects.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfirmedMandate } from '../../peer/inbox.ts'

type Acting = {
  userId: string | undefined
  /** Of the query; absent: the one who acts. */
  userCode: string | undefined
  mandate: ConfirmedMandate | undefined
}

/** `userId`: who acts, as X-Road-UserId has them; `mandate`: by which they do so for another. */
export type ActingPerson = { person: Subject; userId: string; mandate?: ConfirmedMandate }

/** Throws `invalid_request`, `representation_refused`. */
export function whoActs({ userId, userCode, mandate }: Acting, countryPrefix: string): ActingPerson {
  if (userId === undefined || userId === '')
    throw refused('the person who acts has to be named in X-Road-UserId')
  const code = userCode ?? userId
  const identifier = personIn(code, countryPrefix)?.identifier
  if (identifier === undefined)
    throw refused(
      countryPrefix === ''
        ? 'this is no code of a person'
        : `the code of a person begins with ${countryPrefix}`,
    )
  const person = { type: USUAL_TYPE, identifier }
  const isSame = (text: string | undefined): boolean => isCodeOf(text, identifier, countryPrefix)
  if (isSame(userId)) return { person, userId }
  if (mandate !== undefined && isSame(mandate.represented)) return { person, userId, mandate }
  throw new Fault('representation_refused', {
    what: 'userCode is another person than the one who acts: name them as the represented party, under a contract whose mandate service confirms it',
  })
}

/** Whether `text` is the code of this person, with the country's prefix or without. */
export function isCodeOf(text: string | undefined, identifier: string, countryPrefix: string): boolean {
  return (
    text !== undefined &&
    [text, countryPrefix + text].some((one) => personIn(one, countryPrefix)?.identifier === identifier)
  )
}

/** Without the country's prefix, normalised; undefined for what is no code with it. */
export function personIn(code: string, countryPrefix: string): Subject | undefined {
  const whole = normaliseIdentifier(code)
  if (whole === undefined || !whole.startsWith(countryPrefix)) return undefined
  const identifier = normaliseIdentifier(whole.slice(countryPrefix.length))
  return identifier === undefined ? undefined : { type: USUAL_TYPE, identifier }
}

export function refused(what: string): Fault {
  return new Fault('invalid_request', { what })
}

/** Who acts for another, by a name as people have: a clerk is no person with the letters of the country. */
export function userIn(userId: string, countryPrefix: string): Subject {
  return personIn(userId, countryPrefix) ?? { type: 'user', identifier: userId }
}
