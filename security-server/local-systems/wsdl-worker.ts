/** The worker thread of read-wsdl.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { summariseWsdl } from './summarise-wsdl.ts'

answerAsThread(async (text: string) => summariseWsdl(text))
