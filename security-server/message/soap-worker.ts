/** The worker thread of read-soap.ts. */
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'

answerAsThread(async (bytes: Uint8Array) => parseSoapMessage(Buffer.from(bytes)))
