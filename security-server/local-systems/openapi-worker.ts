/** The worker thread of read-openapi.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { summariseOpenApi } from './summarise-openapi.ts'

answerAsThread(async (text: string) => summariseOpenApi(text))
