/** All that was found as one JSON document, for the person to keep: docs/portal.md has its form. */
import type { System } from '../asking/find-systems.ts'
import type { FoundComplaints } from '../complaints/ask-complaints.ts'
import type { FoundConsents } from '../consents/ask-consents.ts'
import { type Gathered, isComplete } from '../joining/gathered.ts'
import type { Row } from '../joining/row.ts'
import type { Acting } from '../login/sessions.ts'
import type { KnownMandate, KnownMandates, KnownRole } from '../mandates/read-mandates.ts'
import type { FoundNotices } from '../notices/ask-notices.ts'
import type { FoundPreviews } from '../previews/pages.ts'
import type { FoundOffers, TheirCourse } from '../services/ask-offers.ts'

/** Undefined is what this portal has no section for, and what nobody tells of another. */
export type Everything = {
  /** Who is signed in, and for whom they act. */
  about: { code: string; name: string; acting: Acting | undefined }
  gathered: Gathered
  complaints: FoundComplaints
  consents: FoundConsents | undefined
  previews: FoundPreviews | undefined
  offers: { found: FoundOffers; courses: TheirCourse[] } | undefined
  mandates: FoundMandates | undefined
  notices: FoundNotices | undefined
}

/** A list is undefined where the register did not answer. */
export type FoundMandates = {
  register: string
  given: KnownMandates | undefined
  /** `'others'`: what the one for whom somebody acts holds is asked for by themself alone. */
  held: KnownMandates | undefined | 'others'
  roles: KnownRole[]
}

/** One section of the document, and whether it has all that there is, as far as anybody told. */
type Part = { content: object; isAll: boolean }

export function shapeOf(all: Everything, at: string): object {
  const { code, name, acting } = all.about
  const parts = {
    complaints: complaintsOf(all.complaints),
    consents: all.consents && consentsOf(all.consents),
    previews: all.previews && previewsOf(all.previews),
    offers: all.offers && offersOf(all.offers),
    mandates: all.mandates && mandatesOf(all.mandates),
    notices: all.notices && noticesOf(all.notices),
  }
  const isAll = Object.values(parts).every((part) => part?.isAll !== false)
  return {
    form: 'concordat-my-data/1',
    askedAt: at,
    by: { code, name },
    ...(acting !== undefined && { for: { code: acting.code, name: acting.name, mandate: acting.mandate } }),
    nothingKnownMissing: isComplete(all.gathered) && isAll,
    ...usesOf(all.gathered),
    ...Object.fromEntries(Object.entries(parts).map(([section, part]) => [section, part?.content])),
  }
}

function usesOf(gathered: Gathered): object {
  const { uses, masses, looks, answered, failed, silent, absent, tooMany, unlisted, listedAt } = gathered
  return {
    uses: uses.map(({ time, proven, differing, provider, consumer }) => ({
      ...{ time, proven, differing, provider: sideOf(provider), consumer: sideOf(consumer) },
    })),
    massUses: masses.map(({ told, ...mass }) => ({ toldBy: told.id, ...mass })),
    otherQuestions: looks.map(({ client, isOwn, claims }) => ({
      ...{ client, isOwn },
      claims: claims.map(({ told, count, last }) => ({ toldBy: told.id, count, last })),
    })),
    answered: answered.map(({ system, form, rows, dropped, cut, coverage }) => ({
      ...{ system, form, rows: rows.length, dropped, coverage },
      ...(cut !== undefined && { cut }),
    })),
    notAnswered: notAnswered(failed, silent),
    notAskedBesides: tooMany,
    ...(unlisted.length > 0 && { instancesNotListed: unlisted }),
    ...(listedAt !== undefined && { systemsListedAt: new Date(listedAt).toISOString() }),
    doesNotTellThisPortal: absent,
  }
}

function sideOf(row: Row | undefined): object | undefined {
  if (row === undefined) return undefined
  const { told, role: _role, ...rest } = row
  return { toldBy: told.id, ...rest }
}

function complaintsOf({ complaints, told, notTold, silent, isAllAsked }: FoundComplaints): Part {
  return {
    content: {
      made: complaints.map(withTeller),
      answered: told.map(({ system, complaints: { length }, dropped, isCut }) => ({
        ...{ system, complaints: length, dropped, isCut },
      })),
      notAnswered: notAnswered(notTold, silent),
    },
    isAll:
      isAllAsked && isNothing(notTold, silent) && told.every(({ dropped, isCut }) => dropped === 0 && !isCut),
  }
}

function consentsOf({ consents, told, notTold, silent }: FoundConsents): Part {
  return {
    content: {
      given: consents.map(({ told: { id }, demand, ...consent }) => ({
        ...{ toldBy: id, ...consent },
        agreed: { ...demand, fields: demand.fields.length === 0 ? 'any' : demand.fields },
      })),
      answered: told.map(({ system, consents: { length }, dropped, isCut }) => ({
        ...{ system, consents: length, dropped, isCut },
      })),
      notAnswered: notAnswered(notTold, silent),
    },
    isAll: isNothing(notTold, silent) && told.every(({ dropped, isCut }) => dropped === 0 && !isCut),
  }
}

/** What an answer says that still waits is on its page alone: the list of a system does not have it. */
function previewsOf({ previews, notTold, asked, answered, isCut }: FoundPreviews): Part {
  return {
    content: {
      shown: previews.map(({ answer: _answer, ...preview }) => withTeller(preview)),
      ...{ asked, answered, isCut, notAnswered: notTold },
    },
    isAll: notTold.length === 0 && !isCut,
  }
}

function offersOf({ found, courses }: NonNullable<Everything['offers']>): Part {
  const { notTold, silent, cut } = found
  const courseOf = new Map(courses.map(({ system, id, steps }) => [`${system.id} ${id}`, steps]))
  const offers = found.offers.map(({ system, offer }) => {
    const course = courseOf.get(`${system.id} ${offer.id}`)
    return { toldBy: system.id, ...offer, course: course ?? 'not told' }
  })
  return {
    content: {
      made: offers,
      ...{ answered: found.answered, isCutOf: cut, notAnswered: notAnswered(notTold, silent) },
    },
    isAll: isNothing(notTold, silent, cut) && offers.every(({ course }) => typeof course !== 'string'),
  }
}

function mandatesOf({ register, given, held, roles }: FoundMandates): Part {
  const asTold = ({ from, until, ...mandate }: KnownMandate): object => ({
    ...mandate,
    title: roles.find(({ code }) => code === mandate.role)?.titles,
    ...(from !== undefined && { from: new Date(from).toISOString() }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  })
  const listOf = (list: KnownMandates | undefined): object[] | string =>
    list?.mandates.map(asTold) ?? 'not told'
  const lists = held === 'others' ? [given] : [given, held]
  const isCut = lists.some((list) => list?.isCut === true)
  return {
    content: { register, given: listOf(given), ...(held !== 'others' && { held: listOf(held) }), isCut },
    isAll: lists.every((list) => list !== undefined) && !isCut,
  }
}

function noticesOf({ notices, told, isCut, notTold, silent }: FoundNotices): Part {
  return {
    content: {
      wishes: notices.map(({ system, notice }) => ({ toldBy: system.id, ...notice })),
      ...{ answered: told, isCut, notAnswered: notAnswered(notTold, silent) },
    },
    isAll: isNothing(notTold, silent) && !isCut,
  }
}

function withTeller<T extends { told: System }>({ told, ...rest }: T): object {
  return { toldBy: told.id, ...rest }
}

function notAnswered(
  notTold: readonly { system: System; why: string }[],
  silent: readonly System[],
): { system: System; why: string }[] {
  return [
    ...notTold.map(({ system, why }) => ({ system, why })),
    ...silent.map((system) => ({ system, why: 'silent' })),
  ]
}

function isNothing(...lists: readonly unknown[][]): boolean {
  return lists.every(({ length }) => length === 0)
}
