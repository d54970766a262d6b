/** What notices work with; the list of features passes it in. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Channel } from './channels.ts'
import type { LetterStore } from './letters-store.ts'
import type { NoticeKey } from './notice-key.ts'
import type { NoticeSettings } from './settings.ts'
import type { UsesStore } from './uses-store.ts'
import type { WishStore } from './wishes-store.ts'

/** What the index by person knows of new records. */
type NewUses = {
  entriesByMonth(person: {
    type: string
    identifier: string
    client: string
    from: string
  }): Promise<{ month: string; keyId: string; entry: string }[]>
  since(from: number): Promise<{
    to: number
    entries: { entry: string; request: number; before: string[] }[]
    months: { month: string; keyId: string }[]
  }>
  judge(
    q: Filter & { indexes: number[] },
  ): Promise<{ idx: number; time: string; client: string; isGeneral: boolean; isWithheld: boolean }[]>
}

type Filter = {
  subsystem: string
  withheld: { records: number[]; contracts: string[]; agreed: string[] }
  general: string[]
}

/** `nextEnd`: when something of what is withheld is told, if nobody ends that earlier. */
type TrackerFilter = Filter & { nextEnd: string | undefined }

export type NoticeRooms = {
  server: ServerId
  clock: Clock
  log: Log
  settings: NoticeSettings
  channels: Channel[]
  /** Throws `io_error` while the key that the rows need is not here. */
  key(): NoticeKey
  wishes: WishStore
  uses: UsesStore
  letters: LetterStore
  personUses: NewUses
  tracker: { isOn(subsystem: string): boolean; filterFor(subsystem: string): Promise<TrackerFilter> }
}

export const iso = (ms: number): string => new Date(ms).toISOString()
