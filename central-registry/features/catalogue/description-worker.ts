/** The thread of read-description.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { describe } from './read-answers.ts'

answerAsThread(async (document: Uint8Array) => describe(Buffer.from(document)))
