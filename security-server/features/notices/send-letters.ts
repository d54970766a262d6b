/**
 * Sends the letters of one channel that are due, several at once. A letter that was sent and not yet marked,
 * because the process ended in between, is sent once more under the same id. Tries have growing pauses; after
 * three days a letter is given up, and its address with it.
 */
import { createHash } from 'node:crypto'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault } from '#schemas/fault.ts'
import { systemTag } from '#schemas/notices.ts'
import type { Channel } from './channels.ts'
import { type DueLetter, LONGEST_PAUSE_MS } from './letters-store.ts'
import type { LetterContent, UsesTold } from './render-letter.ts'
import type { NoticeRooms } from './rooms.ts'
import { CODE_MS, DAY_MS } from './rules.ts'

const AT_ONCE = 4
const MOST = 40
const GIVE_UP_MS = 3 * DAY_MS
const FIRST_PAUSE_MS = 60_000

export async function sendLetters(channel: Channel, rooms: NoticeRooms, signal?: AbortSignal): Promise<void> {
  if ((await rooms.wishes.stopped()) !== undefined) return
  const due = await rooms.letters.due(channel.name, rooms.clock(), MOST)
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let letter = due.shift(); letter !== undefined; letter = due.shift()) {
      if (signal?.aborted === true) return
      // Somebody may have stopped all meanwhile, or ended the wish.
      if ((await rooms.wishes.stopped()) !== undefined) return
      if (!(await rooms.letters.isWaiting(letter.id))) continue
      await sendOne(letter, channel, rooms)
    }
  })
  await Promise.all(workers)
}

async function sendOne(letter: DueLetter, channel: Channel, rooms: NoticeRooms): Promise<void> {
  const { letters, clock, log } = rooms
  const { id, address } = letter
  try {
    const answer = await send(letter, channel, rooms)
    const now = clock()
    if (answer === 'sent') return await letters.end({ id, address }, { state: 'SENT', error: null, now })
    log.warn({ notice: id, channel: channel.name }, 'a message was refused for good')
    await letters.end({ id, address }, { state: 'REFUSED', error: 'refused for good', now })
  } catch (thrown) {
    const { message } = asFault(thrown)
    const now = clock()
    const age = now - Date.parse(letter.created_at)
    if (age > (letter.kind === 'code' ? CODE_MS : GIVE_UP_MS)) {
      log.warn({ notice: id, channel: channel.name }, 'a message was given up')
      return letters.end({ id, address }, { state: 'GIVEN_UP', error: message, now })
    }
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(Number(letter.attempts), 20), LONGEST_PAUSE_MS)
    await letters.tried(id, { error: message, nextAt: now + pause })
  }
}

async function send(letter: DueLetter, channel: Channel, rooms: NoticeRooms): Promise<'sent' | 'refused'> {
  const { settings, clock } = rooms
  const key = rooms.key()
  const { id, kind, fields, address, subsystem, wish, language } = letter
  const content: LetterContent =
    kind === 'code'
      ? { kind, code: key.open(`letter ${id}`, fields) }
      : kind === 'complaint'
        ? { kind }
        : { kind, ...(JSON.parse(fields) as UsesTold) }
  return channel.send({
    ...{ id, content, language, portal: settings.portal, now: clock() },
    to: key.open(`address ${address}`, letter.sealed),
    stopAt: stopAddress(settings.portal, subsystem, key.stopToken(wish, subsystem)),
    secret: key.webhookSecret(address),
  })
}

/** Of the portal: it names the system by a tag and not in words, as others may read the letter. */
function stopAddress(portal: string, subsystem: string, token: string): string {
  const digest = createHash('sha256').update(colonForm(subsystem)).digest('hex')
  return `${portal.replace(/\/$/, '')}/notices/stop?system=${systemTag(digest)}&token=${token}`
}
