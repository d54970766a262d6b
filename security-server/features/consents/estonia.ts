/**
 * The form of Estonia's consent service over the same consents, for those who use it. A purpose declaration is a contract, a consent
 * reference a consent's number. No personal code is kept here, so an answer has only the code that the question names.
 */
import { timingSafeEqual } from 'node:crypto'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { Question } from './question.ts'
import { isUuid, plainIn, returnUrlIn } from './read-request.ts'
import { requestConsent } from './requests.ts'
import { stateOf } from './state-of.ts'
import type { ConsentRow } from './tables.ts'
import { personIn, refused } from './who-acts.ts'

type Fields = Record<string, unknown>
type Handler = (q: Question) => Promise<object>

const MOST_PURPOSES = 20

export const ESTONIAN: Record<string, Handler> = {
  /** One contract at a time: each url asks for one consent. */
  'POST /api/consent': async ({ json, sender, rooms }) => {
    const fields = await json()
    const [contract, ...others] = purposesIn(fields)
    if (contract === undefined || others.length > 0)
      throw refused('purposeDeclarationBusinessIdentifiers has one contract')
    const asked = {
      ...{ contract, userCode: plainIn(fields, 'idCode', 128) },
      returnUrl: returnUrlIn(plainIn(fields, 'callback', 1000)),
    }
    const { request, url } = await requestConsent(asked, sender, rooms)
    return { consentGroupReference: request, url }
  },
  'POST /api/consent/reference': async ({ json, sender, rooms }) => {
    const fields = await json()
    const person = personIn(plainIn(fields, 'idCode', 128), rooms.countryPrefix)
    if (person === undefined) throw refused('idCode is no code of a person')
    const name = await rooms.nameOf(person)
    const found: Record<string, string> = {}
    for (const contract of purposesIn(fields)) {
      const row = await rooms.store.newest({ person: name, client: sender.client, contract })
      if (row !== undefined && stateOf(row, rooms.clock()) === 'ACTIVE') found[contract] = row.number
    }
    return found
  },
  'POST /api/consent/validation/client': async (q) => {
    const { row, idCode } = await validated(q, (one) => one.client === q.sender.client)
    return { ...headOf(row, idCode), purposeDeclarationId: row.contract }
  },
  'POST /api/consent/validation/dataprovider': async (q) => {
    const { row, idCode } = await validated(q, () => isOfProvider(q))
    return {
      ...headOf(row, idCode),
      ...{ clientSubsystemIdentifier: colonForm(row.client), serviceDeclarationId: row.contract },
    }
  },
  /** Each call under a consent is counted as it is made; a report of it is taken and adds nothing. */
  'POST /api/reporting/consent': async (q) => {
    const fields = await q.json()
    if (Number.isNaN(Date.parse(plainIn(fields, 'transmissionTimestamp', 64))))
      throw refused('transmissionTimestamp is no time')
    const row = await q.rooms.store.byNumber(referenceIn(fields))
    if (row?.subsystem !== q.sender.subsystem || !isOfProvider(q)) throw unknown()
    return { response: 'success' }
  },
}

/** The consent of the question, in force, and about the person if the question names one. */
async function validated(
  { json, sender, rooms }: Question,
  may: (row: ConsentRow) => boolean,
): Promise<{ row: ConsentRow; idCode: string | undefined }> {
  const fields = await json()
  const row = await rooms.store.byNumber(referenceIn(fields))
  if (row === undefined || row.subsystem !== sender.subsystem || !may(row)) throw unknown()
  const idCode = fields['idCode'] === undefined ? undefined : plainIn(fields, 'idCode', 128)
  if (idCode !== undefined && !(await isAbout(row, idCode, rooms))) throw unknown()
  if (stateOf(row, rooms.clock()) !== 'ACTIVE')
    throw new Fault('conflict', { what: 'CONSENT_VALIDATE_INVALID_STATUS: the consent is not in force' })
  return { row, idCode }
}

async function isAbout(row: ConsentRow, idCode: string, rooms: Question['rooms']): Promise<boolean> {
  const person = personIn(idCode, rooms.countryPrefix)
  if (person === undefined) return false
  return timingSafeEqual(Buffer.from(await rooms.nameOf(person)), Buffer.from(row.person))
}

function headOf({ number, valid_until }: ConsentRow, idCode: string | undefined): object {
  return {
    ...{ consentReference: number, consentExpiration: valid_until },
    ...(idCode !== undefined && { idCode }),
  }
}

/** Whether a system of the provider's own member asks. */
function isOfProvider({ sender: { client, subsystem } }: Question): boolean {
  const memberOf = (id: string): string => id.split('/').slice(0, 3).join('/')
  return memberOf(client) === memberOf(subsystem)
}

function referenceIn(fields: Fields): string {
  const reference = plainIn(fields, 'consentReference', 36).toLowerCase()
  if (!isUuid(reference)) throw unknown()
  return reference
}

function purposesIn(fields: Fields): string[] {
  const named = fields['purposeDeclarationBusinessIdentifiers']
  if (!Array.isArray(named) || named.length === 0 || named.length > MOST_PURPOSES)
    throw refused(`purposeDeclarationBusinessIdentifiers has 1 to ${MOST_PURPOSES} contracts`)
  return named.map((one: unknown) => {
    if (typeof one !== 'string' || !isUuid(one.toLowerCase()))
      throw refused('purposeDeclarationBusinessIdentifiers has ids of contracts')
    return one.toLowerCase()
  })
}

function unknown(): Fault {
  return new Fault('not_found', { what: 'there is no such consent' })
}
