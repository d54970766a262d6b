/**
 * What a section of the portal is: its entry in the menu, the services that have to be there for it, and its
 * pages. A section is a folder with a `section.ts`, and one line in `sections.ts`.
 */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { WalletLogin } from '#platform/wallet-login/create-wallet-login.ts'
import type { Calls } from '../asking/calls.ts'
import type { FindSystems } from '../asking/find-systems.ts'
import type { Asking } from '../asking/in-turn.ts'
import type { OwnServer } from '../asking/own-server.ts'
import type { Acting, Session } from '../login/sessions.ts'
import type { MandateRegister } from '../mandates/register.ts'
import type { Place, Reader } from '../pages/frame.ts'
import type { Passkeys } from '../passkeys/create-passkeys.ts'
import type { PortalSettings } from '../settings.ts'

export type Section = {
  /** The text `menu.<name>` is what the menu calls it. */
  name: string
  /** Where the menu leads; undefined for pages to which others lead. */
  href?: string
  /**
   * Codes of services. The menu has the section only where a system offers one of them to this portal; always
   * where there are none.
   */
  services(settings: PortalSettings): readonly string[]
  /** Whether this portal has it at all; each has it where that is not said. */
  isServed?(settings: PortalSettings): boolean
  /** Whether the menu has it; other pages may lead there where it does not. */
  isInMenu?(settings: PortalSettings): boolean
  routes: readonly Route[]
}

export type Route = {
  /** What a POST does is never done for a form of another site, or of an earlier session. */
  method: 'GET' | 'POST'
  /** As in "/consents/:id". */
  path: string
  /** For what it asks other systems, in the count of questions. Each person may do that so often. */
  asks?: string
  /**
   * People come here from elsewhere: who is not signed in may do that first, and comes back. Other pages lead
   * to the first one.
   */
  isEntrance?: true
  /**
   * It is about the person who is signed in and their mandates: served whomever they act for, and to a clerk
   * who acts for nobody yet.
   */
  isOwn?: true
  answer(visit: Visit, rooms: Rooms): Promise<Answer>
}

/** One request of a person who is signed in. */
export type Visit = {
  /** The session as it was when the request came: for whom one acts does not change while it is answered. */
  reader: Reader & { session: Session }
  /** What the path's names stand for. */
  parameters: Readonly<Record<string, string>>
  query: URLSearchParams
  /** What was sent by POST; empty for GET. */
  form: URLSearchParams
  /**
   * From now on the person acts for whomever `confirm` names, and meanwhile for nobody. Of two choices at a
   * time the later one counts.
   */
  chooseActing(confirm: () => Promise<Acting | 'none' | 'away'>): Promise<Acting | 'none' | 'away'>
  /** The browser went away. */
  gone: AbortSignal
  log: Pick<Log, 'warn'>
}

export type Answer =
  | { page: string | AsyncGenerator<string>; status?: number }
  /** An address of the portal. After a POST, so that nobody sends the form twice. */
  | { to: string }
  | { file: { name: string; type: string; content: string | Buffer } }

/** What sections share. */
export type Rooms = {
  place: Place
  settings: PortalSettings
  clock: Clock
  systems: FindSystems
  calls: Calls
  /**
   * For what stands beside the list that a person came for: with few turns and little time of its own, so
   * that it holds up no list.
   */
  callsBeside: Calls
  /** Undefined where nobody acts for another. */
  register: MandateRegister | undefined
  /** Asks a person's wallet to agree; undefined where the portal asks none. */
  wallet: WalletLogin | undefined
  /** Undefined where nobody comes back with one. */
  passkeys: Passkeys | undefined
  asking: Asking
  server: Pick<OwnServer, 'service' | 'verificationConfiguration'>
}
