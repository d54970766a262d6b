/**
 * Tree heads that came with replies and wait for their check. They are kept in memory, in limited number, so
 * that the message path only stores them.
 */
import { idText, type ServerId } from '#schemas/identifiers.ts'

export type HeardHeads = {
  /** `head`: the value of the transport header, which is a signed note in base64. Never throws. */
  heard(server: ServerId, head: string | undefined): void
  /** Returns all waiting heads by server, and removes them here. */
  take(): Map<string, string[]>
  hasAny(): boolean
}

const MAX_SERVERS = 1000
/**
 * The most heads of one server: the first ones and the newest ones are kept. Those between them must be
 * consistent with both.
 */
const MAX_HEADS = 8
const MAX_LENGTH = 4096

export function createHeardHeads(): HeardHeads {
  let waiting = new Map<string, string[]>()
  const last = new Map<string, string>()
  return {
    heard(server, head) {
      if (head === undefined || head.length > MAX_LENGTH) return
      const key = idText(server)
      // Most replies carry the same head as the reply before.
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
    hasAny: () => waiting.size > 0,
  }
}
