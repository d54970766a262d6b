/** The worker thread of validate-messages.ts. */
import type { Compiled } from '#core/openapi/rest-message.ts'
import { answerInTurn } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { compileDescription } from './compile-description.ts'
import type { DescribedMessage, ValidationQuestion } from './described-message.ts'

const compiled = new Map<string, Compiled<DescribedMessage>>()
answerInTurn(answer)

async function answer(question: ValidationQuestion): Promise<unknown> {
  const { digest } = question
  if (question.act === 'judge') {
    const description = compiled.get(digest)
    // Its question before this one has said why.
    if (description === undefined)
      throw new Fault('internal_error', { what: 'the description is not compiled' })
    return description.judge(question.message)
  }
  compiled.get(digest)?.free()
  compiled.delete(digest)
  if (question.act === 'compile') compiled.set(digest, await compileDescription(question.document))
  return undefined
}
