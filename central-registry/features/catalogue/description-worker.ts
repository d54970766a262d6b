/** The thread of read-description.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { describeWsdl } from './describe-wsdl.ts'
import { describe } from './read-answers.ts'

answerAsThread(async ({ type, document }: { type: 'OPENAPI' | 'WSDL'; document: Uint8Array }) =>
  type === 'WSDL' ? describeWsdl(Buffer.from(document)) : describe(Buffer.from(document)),
)
