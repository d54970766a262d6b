/** The worker thread of describe.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import type { Described } from './described.ts'
import { listOperations } from './list-operations.ts'
import { sampleOfWsdl } from './sample-of-wsdl.ts'

answerAsThread(async ({ type, text, serviceCode }: Described) =>
  type === 'OPENAPI' ? listOperations(text) : sampleOfWsdl(text, serviceCode),
)
