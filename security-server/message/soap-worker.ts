/** The worker thread of read-soap.ts. */
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { digestWithoutHeader } from '#core/transport/soap-without-header.ts'
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'

const ACTS = { read: parseSoapMessage, digest: digestWithoutHeader }

export type SoapQuestion = { act: keyof typeof ACTS; bytes: Uint8Array }

answerAsThread(async ({ act, bytes }: SoapQuestion) =>
  ACTS[act](Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
)
