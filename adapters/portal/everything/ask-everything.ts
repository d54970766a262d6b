/**
 * Asks for all that the sections show of a person, so that one file has it. Each section's own reader asks,
 * and says who did not answer.
 */
import { CONSENTS } from '#schemas/consents.ts'
import { type Period, type Span, spanOf } from '../asking/chosen-days.ts'
import { askComplaints } from '../complaints/ask-complaints.ts'
import { askConsents } from '../consents/ask-consents.ts'
import { type Gathered, gatherAll } from '../joining/gathered.ts'
import type { Answered, Failed } from '../joining/row.ts'
import { askNotices } from '../notices/ask-notices.ts'
import { askPreviews } from '../previews/ask-previews.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { askCourses, askOffers } from '../services/ask-offers.ts'
import { OFFERS } from '../services/read-offers.ts'
import type { Everything, FoundMandates } from './shape.ts'

/** `period` is that of the uses. Throws `source_busy`. */
export async function askEverything(visit: Visit, rooms: Rooms, period: Period): Promise<Everything> {
  const { session } = visit.reader
  const { acting, person } = session
  const isOffered = (code: string): boolean => rooms.systems.isOffered([code])
  const gathered = await askUses(visit, rooms, spanOf(period, rooms.place.timeZone))
  const [complaints, consents, previews, offers, mandates, notices] = await Promise.all([
    askComplaints(visit, rooms),
    isOffered(CONSENTS) ? askConsents(visit, rooms) : undefined,
    isOffered(CONSENTS) ? askPreviews(visit, rooms) : undefined,
    isOffered(OFFERS) ? askServices(visit, rooms) : undefined,
    askMandates(visit, rooms),
    // No mandate reaches the messages of another.
    acting === undefined ? askNotices(visit, rooms) : undefined,
  ])
  const about = { code: rooms.asking.ownCode(session), name: person.name, acting }
  return { about, gathered, complaints, consents, previews, offers, mandates, notices }
}

async function askUses({ reader, gone }: Visit, rooms: Rooms, span: Span): Promise<Gathered> {
  const { settings, asking } = rooms
  const systems = await rooms.systems.offering(settings.asking.serviceCode)
  const results: (Answered | Failed)[] = []
  for await (const one of asking.answersFor(reader.session, { systems, span, gone })) results.push(one)
  return gatherAll(results, systems, { own: settings.securityServer.client, span })
}

async function askServices(visit: Visit, rooms: Rooms): Promise<Everything['offers']> {
  const found = await askOffers(visit, rooms)
  return { found, courses: await askCourses(found.offers, visit, rooms) }
}

async function askMandates(
  { reader: { session }, gone }: Visit,
  { register, settings }: Rooms,
): Promise<FoundMandates | undefined> {
  if (register === undefined || settings.mandates === undefined) return undefined
  const { acting } = session
  const [given, held, roles] = await Promise.all([
    register.given(session, { gone, theirs: acting }),
    acting === undefined ? register.held(session, { gone }) : ('others' as const),
    register.roles(session, { gone }),
  ])
  return { register: settings.mandates.service, given, held, roles }
}
