/** What the handler of a path of the service gets. */
import type { ConsentRooms } from './rooms.ts'
import type { ActingPerson } from './who-acts.ts'

/** Who sends what a person said: identifiers in text form, and the record of the request. */
export type Sender = { client: string; subsystem: string; record: number }

/**
 * The person by their name in the database, the subsystem that is asked, and who acts for the person, named
 * alike.
 */
export type Own = { person: string; subsystem: string; representative: string | undefined }

export type Question = {
  /** What stands in the path's place. */
  id: string
  method: string
  search: URLSearchParams
  sender: Sender
  rooms: ConsentRooms
  /** Throws `invalid_request`. */
  json(most?: number): Promise<Record<string, unknown>>
  acting(): ActingPerson
  own(): Promise<Own>
}
