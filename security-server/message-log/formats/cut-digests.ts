/**
 * Guarantees that a body, joined of attachments, is cut as its record says: each attachment has the digest
 * that was signed.
 */
import { createHash, type Hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import type { Attachment } from '../bodies/spool.ts'

/** Takes the body piece by piece; `end` throws `log_inconsistent` when an attachment is another one. */
export function checkCuts(attachments: Attachment[]): { update(chunk: Buffer): void; end(): void } {
  let at = 0
  let left = attachments[0]?.size ?? 0
  let digest: Hash = createHash('sha512')
  const differs = (): Fault =>
    new Fault('log_inconsistent', { what: `attachment ${at + 1} is not what its record says` })
  const closeFull = (): void => {
    while (left === 0 && at < attachments.length) {
      if (!digest.digest().equals(attachments[at]!.sha512)) throw differs()
      at += 1
      left = attachments[at]?.size ?? 0
      digest = createHash('sha512')
    }
  }
  return {
    update(chunk) {
      for (let from = 0; from < chunk.length; ) {
        closeFull()
        if (at === attachments.length) throw differs()
        const piece = chunk.subarray(from, from + left)
        digest.update(piece)
        left -= piece.length
        from += piece.length
      }
    },
    end() {
      closeFull()
      if (at < attachments.length) throw differs()
    },
  }
}
