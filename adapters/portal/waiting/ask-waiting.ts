/**
 * Asks for what waits for a person's decision or a look of theirs. Guarantees that it never throws, and says
 * where not all could be asked.
 */
import { CONSENTS } from '#schemas/consents.ts'
import { LIST as COMPLAINTS } from '../complaints/addresses.ts'
import { askComplaints } from '../complaints/ask-complaints.ts'
import type { Complaint } from '../complaints/complaint.ts'
import { askPreviews } from '../previews/ask-previews.ts'
import { LIST as PREVIEWS } from '../previews/preview.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { LIST as SERVICES } from '../services/addresses.ts'
import { askOffers } from '../services/ask-offers.ts'
import { isWaiting } from '../services/list-page.ts'
import { OFFERS } from '../services/read-offers.ts'

const NEWS_MS = 30 * 86_400_000

/** `isAll`: everybody was asked and told all; else there may be more. */
type Told = { count: number; isAll: boolean }
/** The text `menu.<name>` is what its page, at `href`, is called. */
export type Waiting = Told & { name: 'previews' | 'services' | 'complaints'; href: string }

/**
 * Of the sections that the menu has, at the same time. What an office asks a person's consent for is in no
 * list: the address that it sends them is the only way there.
 */
export async function askWaiting(visit: Visit, rooms: Rooms): Promise<Waiting[]> {
  const isOffered = (code: string): boolean => rooms.systems.isOffered([code])
  const asked = [
    ...(isOffered(CONSENTS)
      ? [{ name: 'previews', href: PREVIEWS, ask: () => previewsOf(visit, rooms) } as const]
      : []),
    ...(isOffered(OFFERS)
      ? [{ name: 'services', href: SERVICES, ask: () => offersOf(visit, rooms) } as const]
      : []),
    { name: 'complaints', href: COMPLAINTS, ask: () => complaintsOf(visit, rooms) } as const,
  ]
  return Promise.all(
    asked.map(async ({ name, href, ask }) => {
      // Too many others wait; the list of uses goes on without it.
      const told = await ask().catch(() => ({ count: 0, isAll: false }))
      return { name, href, ...told }
    }),
  )
}

async function previewsOf(visit: Visit, rooms: Rooms): Promise<Told> {
  const { previews, notTold, isCut } = await askPreviews(visit, rooms)
  const waiting = previews.filter(({ state }) => state === 'WAITING')
  return { count: waiting.length, isAll: notTold.length === 0 && !isCut }
}

async function offersOf(visit: Visit, rooms: Rooms): Promise<Told> {
  const { offers, notTold, silent, cut } = await askOffers(visit, rooms)
  const waiting = offers.filter(({ offer }) => isWaiting(offer))
  return { count: waiting.length, isAll: notTold.length + silent.length + cut.length === 0 }
}

/**
 * Answers to read. Nobody keeps whether they were read, so one that closed the case is named for some days.
 */
async function complaintsOf(visit: Visit, rooms: Rooms): Promise<Told> {
  const { complaints, told, notTold, silent, isAllAsked } = await askComplaints(visit, rooms)
  const answered = complaints.filter((one) => isNews(one, rooms.clock()))
  const isAllTold = told.every(({ dropped, isCut }) => dropped === 0 && !isCut)
  return { count: answered.length, isAll: isAllAsked && isAllTold && notTold.length + silent.length === 0 }
}

function isNews({ state, finding, closedAt }: Complaint, now: number): boolean {
  if (state !== 'closed') return state === 'answered'
  return finding !== 'withdrawn' && closedAt !== undefined && now - Date.parse(closedAt) < NEWS_MS
}
