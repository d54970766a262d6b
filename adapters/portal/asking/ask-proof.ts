/**
 * Fetches the evidence of one use from the system that told it. It is bounded, and given to nobody but the
 * person who asked.
 */
import type { SecurityServer } from '#adapters/client/connect.ts'
import { type Asker, callForBytes } from './call-service.ts'
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
    asker: Asker
    serviceCode: string
    answerMs: number
    signal: AbortSignal
  },
): Promise<Buffer | undefined> {
  const answer = await callForBytes(
    server,
    {
      ...{ service: `${q.system.id}/${q.serviceCode}`, method: 'GET', path: '/concordat/v1/proof' },
      ...{ query: { userCode: q.userCode, record: q.record }, ...q.asker, signal: q.signal },
    },
    { answerMs: q.answerMs, answerBytes: MOST_BYTES },
  )
  if ('why' in answer || answer.status !== 200) return undefined
  return answer.bytes.subarray(0, ZIP.length).equals(ZIP) ? answer.bytes : undefined
}
