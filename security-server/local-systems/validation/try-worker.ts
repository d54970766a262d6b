/** The worker thread of try-description.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { compileDescription } from './compile-description.ts'
import type { TryQuestion } from './described-message.ts'

answerAsThread(async ({ document, messages }: TryQuestion) => {
  const { judge } = await compileDescription(document)
  const found = []
  for (const message of messages) found.push(await judge(message))
  return found
})
