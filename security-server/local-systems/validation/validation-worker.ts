/** The worker thread of validation-thread.ts: answers each question before it takes the next. */
import { parentPort } from 'node:worker_threads'
import type { Crossed } from '#platform/threads/ask-thread.ts'
import { crossFault } from '#platform/threads/crossed-fault.ts'
import { Fault } from '#schemas/fault.ts'
import { compileDescription } from './compile-description.ts'
import type { Compiled, DescribedMessage, ValidationQuestion } from './described-message.ts'

const compiled = new Map<string, Compiled<DescribedMessage>>()
let last: Promise<void> = Promise.resolve()

parentPort!.on('message', (question: ValidationQuestion) => {
  last = last.then(async () => parentPort!.postMessage(await crossed(question)))
})

async function crossed(question: ValidationQuestion): Promise<Crossed> {
  try {
    return { value: await answer(question) }
  } catch (thrown) {
    return { fault: crossFault(thrown) }
  }
}

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
