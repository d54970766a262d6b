/**
 * Guarantees that an answer is as the description of its service says, where the service's settings want
 * that, before anything of it is signed. The system was called: another answer is its failure.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../message/body.ts'
import type { SystemAnswer } from '../message/message.ts'
import { isUnread, judgeAnswer, wordsOf } from './described.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `service_failed`; `internal_error` if the description cannot be compiled. */
export async function checkAnswer<One extends SystemAnswer>(
  answer: One,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<One> {
  const { local, request } = intent
  if (local === undefined || local.validate !== 'ALL') return answer
  const failed = (what: string): Fault =>
    new Fault('service_failed', {
      what: `${idText(request.service)}: its answer is not as described: ${what}`,
    })
  return discardOnFailure(answer.body, async () => {
    const judged = await judgeAnswer(answer, request, (message) =>
      rooms.messageValidator.judge(local, message),
    )
    if (judged === undefined) return answer
    throw failed(isUnread(judged) ? judged.unreadable : wordsOf(judged))
  })
}
