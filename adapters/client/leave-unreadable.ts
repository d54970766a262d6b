/**
 * Gives back events that cannot be given to the caller. Guarantees that no later event of the same key
 * overtakes one that went back, and that an unreadable event counts as given out, so that it becomes a dead
 * letter in the end.
 */
import { ExchangeError } from './exchange-error.ts'
import { againAfterSeconds, type FetchOptions, type Given, type InboxEvent } from './inbox-event.ts'

const GIVE_BACK_MS = 10_000

/** Those that can be read, without what went back. */
export async function leaveUnreadable(
  given: readonly Given[],
  onTrouble: FetchOptions['onTrouble'],
): Promise<InboxEvent[]> {
  const gone = new Set<string>()
  let isAway = false
  for (const [at, one] of given.entries()) {
    if (one.event !== undefined) continue
    onTrouble?.(unreadable(one))
    if (gone.has(one.id)) continue
    const returned: string[] | undefined = isAway ? undefined : await giveBack(one)
    isAway = returned === undefined
    // Its key cannot be read: all that its sender sent after it may have that.
    const behind = given.slice(at).filter(({ sender }) => sender === one.sender)
    for (const id of returned ?? behind.map(({ id }) => id)) gone.add(id)
  }
  return given.filter(isReadable).filter(({ id }) => !gone.has(id))
}

/** Undefined when it failed: it comes again when its lease ends. */
function giveBack(one: Given): Promise<string[] | undefined> {
  const delaySeconds = againAfterSeconds(one.attempt)
  return one.giveBack({ delaySeconds, deadlineMs: GIVE_BACK_MS, retries: 0 }).catch(() => undefined)
}

function unreadable({ id, sender, delivery }: Given): ExchangeError {
  const error = new ExchangeError('unreadable_event', { what: `number ${id}, of ${sender}` })
  return Object.assign(error, { id: delivery })
}

function isReadable(one: Given): one is InboxEvent {
  return one.event !== undefined
}
