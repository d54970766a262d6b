/** Heads that came with replies and wait to be looked at: in memory, bounded, so that the message path only puts them down. */
import { idText, type ServerId } from '#schemas/identifiers.ts'

export type HeardHeads = {
  /** `head` is the transport header as it came: base64 of a signed note. Never throws. */
  heard(server: ServerId, head: string | undefined): void
  /** All that wait, by server; they are gone from here. */
  take(): Map<string, string[]>
}

const MAX_SERVERS = 1000
/** The first and the newest ones of each server: what lies between them has to fit both. */
const MAX_HEADS = 8
const MAX_LENGTH = 4096

export function createHeardHeads(): HeardHeads {
  let waiting = new Map<string, string[]>()
  const last = new Map<string, string>()
  return {
    heard(server, head) {
      if (head === undefined || head.length > MAX_LENGTH) return
      const key = idText(server)
      // Most replies carry the head of the one before.
      if (last.get(key) === head) return
      if (last.size >= MAX_SERVERS && !last.has(key)) last.clear()
      last.set(key, head)
      const heads = waiting.get(key)
      if (heads === undefined) {
        if (waiting.size < MAX_SERVERS) waiting.set(key, [head])
      } else if (heads.push(head) > MAX_HEADS) heads.splice(MAX_HEADS / 2, 1)
    },
    take() {
      const taken = waiting
      waiting = new Map()
      return taken
    },
  }
}
