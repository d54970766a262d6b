/** Fetches the evidence of one use from the system that told it. It is bounded, and given to nobody but the person who asked. */
import type { SecurityServer } from '#adapters/client/connect.ts'
import type { System } from './find-systems.ts'

const MOST_BYTES = 32 * 1024 * 1024
/** How a ZIP archive begins. */
const ZIP = Buffer.from('PK\u0003\u0004', 'latin1')

/** Undefined if there is none, or what came is no archive. */
export async function askProof(
  server: Pick<SecurityServer, 'service'>,
  q: {
    system: System
    record: number
    userCode: string
    serviceCode: string
    answerMs: number
    signal: AbortSignal
  },
): Promise<Buffer | undefined> {
  try {
    const answer = await server
      .service(`${q.system.id}/${q.serviceCode}`)
      .call('GET', '/concordat/v1/proof', {
        ...{ query: { userCode: q.userCode, record: q.record }, userId: q.userCode, retries: 0 },
        ...{ deadlineMs: q.answerMs, maxAnswerBytes: MOST_BYTES, signal: q.signal },
      })
    if (answer.status !== 200) {
      await answer.body?.cancel()
      return undefined
    }
    const bytes = Buffer.from(await answer.bytes())
    return bytes.subarray(0, ZIP.length).equals(ZIP) ? bytes : undefined
  } catch {
    return undefined
  }
}
