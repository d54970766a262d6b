/** The worker thread of open-mock.ts. */
import { answerInTurn } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { MockAnswer, MockQuestion, MockRequest } from './question.ts'
import { readDescription } from './read-description.ts'

let answer: ((request: MockRequest) => Promise<MockAnswer>) | undefined

answerInTurn(async (question: MockQuestion) => {
  if (question.act === 'open') {
    answer = await readDescription(question.text)
    return undefined
  }
  if (answer === undefined) throw new Fault('internal_error', { what: 'the description is not open' })
  return answer(question.request)
})
