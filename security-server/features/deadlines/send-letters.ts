/**
 * Sends the letters that are due. Each is claimed first, so that no second node sends it too. A letter waits
 * while the mail server is down, until 30 days after the end of what it tells. Only a process that is killed
 * after the mail server took a letter, and before that is written down, sends it again, under the same
 * Message-ID.
 */

import { collectFailures } from '#platform/collect-failures.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { renderLetter } from './render-letter.ts'
import type { LetterRooms } from './rooms.ts'
import { nextTryAt } from './rules.ts'
import type { Letter } from './store.ts'

const MOST = 100
/** What the mail server says of a letter is kept in one line. */
const MOST_ERROR = 500

export async function sendLetters(rooms: LetterRooms, signal?: AbortSignal): Promise<void> {
  const { store, clock } = rooms
  const failures = collectFailures(rooms.log)
  await failures.each(
    await store.due(clock(), MOST),
    ({ id }) => `letter ${id}`,
    async (letter) => {
      if (signal?.aborted === true) return
      if (await store.claim(letter, clock())) await sendOne(letter, rooms)
    },
  )
  failures.end()
}

async function sendOne(letter: Letter, rooms: LetterRooms): Promise<void> {
  const { store, clock, log, settings, console, server } = rooms
  const { id, recipient, kind, name, ends_at: endsAt, overdue, node } = letter
  // Somebody who was taken out of the settings while a letter waited.
  if (!settings.to.includes(recipient))
    return void (await store.end(id, 'SETTLED', { error: null, now: clock() }))
  try {
    const said = renderLetter(
      { kind, name, endsAt, overdue, node },
      { language: settings.language, server: colonForm(idText(server)), console, now: clock() },
    )
    await rooms.send({ id: `deadline-${id}`, to: recipient, ...said })
    await store.end(id, 'SENT', { error: null, now: clock() })
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    const error = message.slice(0, MOST_ERROR)
    if (code === 'mail_address_refused' || code === 'mail_refused') {
      log.error({ letter: id, kind, code }, 'a letter about what ends was refused for good')
      return void (await store.end(id, 'REFUSED', { error, now: clock() }))
    }
    log.warn({ letter: id, kind, code }, 'a letter about what ends waits')
    await store.tried(id, { error, nextAt: nextTryAt(clock(), Number(letter.attempts)) })
  }
}
