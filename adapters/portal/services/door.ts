/** The ways to an offer: signed in, for another, or with the code of a letter. */
import type { Call } from '../asking/calls.ts'
import type { FindSystems } from '../asking/find-systems.ts'
import type { Place, Reader } from '../pages/frame.ts'
import type { Html } from '../pages/html.ts'
import type { Answer } from '../routing/section.ts'
import type { At } from './ask-offers.ts'

/** By which of them somebody comes, and who asks then. */
export type Door = {
  place: Place
  reader: Reader
  /** What was sent by POST. */
  form: URLSearchParams
  systems: Pick<FindSystems, 'offering'>
  /** Asks for whoever came this way. */
  ask: Call
  /** Where its forms go, and where its page is. */
  ways: { open: string; submit: string; decline: string; at(at: At): string }
  /** What each form has, so that what it does is done for whoever came this way. */
  hidden: Html
  /** The way out. */
  back: { href: string; text: string }
  /** What is said, `.title` and `.text`, where there is no such offer. */
  none: string
  /** After an act: the offer as it stands. */
  after(at: At): Promise<Answer>
}
