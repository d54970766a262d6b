/**
 * What a refusing server signs: which request it refused and why, as bytes that both sides can write alike. It travels
 * beside X-Road's unsigned fault in the header x-concordat-refusal, so that a refusal proves something.
 */
import type { WireFault } from '#schemas/fault.ts'

/** CRLF-ended lines: version, request id, request hash (base64), fault type, fault detail id. */
export function refusalStatement(q: { requestId: string; requestHash: string; fault: WireFault }): Buffer {
  const lines = ['concordat-refusal-v1', q.requestId, q.requestHash, q.fault.type, q.fault.detail]
  return Buffer.from(`${lines.map((line) => line.replace(/[\r\n]/g, ' ')).join('\r\n')}\r\n`, 'utf8')
}
