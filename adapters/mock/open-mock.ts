/**
 * Answers by a description on a thread of its own. Whoever wrote the description, a pattern or a schema that
 * takes for ever ends that thread and fails one request; the next one has a new thread.
 */
import { startThreadInTurn, type ThreadInTurn, TooLong, Unasked } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { MockAnswer, MockQuestion, MockRequest } from './question.ts'

type Mock = {
  /** Throws `not_as_described`, `answer_not_described`, `answer_not_makeable`, `source_timeout`. */
  answer(request: MockRequest): Promise<MockAnswer>
  close(): Promise<void>
}

type MockLimits = { openMs: number; answerMs: number }

const LIMITS: MockLimits = { openMs: 30_000, answerMs: 5_000 }
const MAX_TRIES = 5

/** Throws `invalid_configuration` that says what in the description cannot be read, and where. */
export async function openMock(text: string, limits: MockLimits = LIMITS): Promise<Mock> {
  let isClosed = false
  let current = open()

  function open(): { thread: ThreadInTurn<MockQuestion>; opened: Promise<unknown> } {
    const thread = startThreadInTurn<MockQuestion>(new URL('./mock-worker.ts', import.meta.url))
    const opened = thread.ask({ act: 'open', text }, limits.openMs)
    // Whoever asks waits for it; nobody may have by the time it fails.
    opened.catch(() => undefined)
    return { thread, opened }
  }

  async function answer(request: MockRequest): Promise<MockAnswer> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (isClosed) break
      if (current.thread.isOver()) current = open()
      const { thread, opened } = current
      try {
        await opened
        return (await thread.ask({ act: 'answer', request }, limits.answerMs)) as MockAnswer
      } catch (cause) {
        if (cause instanceof Unasked) continue
        if (cause instanceof TooLong)
          throw new Fault('source_timeout', { what: 'the description takes too long', cause })
        throw cause
      }
    }
    throw new Fault('source_timeout', { what: 'other requests take too long' })
  }

  try {
    await current.opened
  } catch (cause) {
    await current.thread.close()
    const why = cause instanceof Fault ? cause.what : `reading it failed: ${(cause as Error).message}`
    throw new Fault('invalid_configuration', { what: why, cause })
  }
  return {
    answer,
    async close() {
      isClosed = true
      await current.thread.close()
    },
  }
}
