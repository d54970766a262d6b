/** The worker thread of read-own-document.ts. */
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { parseOwnDocument } from './parse-own-document.ts'

answerAsThread(async ({ bytes, where }: { bytes: Uint8Array; where: string }) =>
  parseOwnDocument(bytes, where),
)
