/** The worker thread of describe.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { describeOpenApi } from './describe-openapi.ts'
import { describeWsdl } from './describe-wsdl.ts'
import type { Described } from './described.ts'

answerAsThread(async ({ type, text, serviceCode }: Described) =>
  type === 'OPENAPI' ? describeOpenApi(text) : describeWsdl(text, serviceCode),
)
